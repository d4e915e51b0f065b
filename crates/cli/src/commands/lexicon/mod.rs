//! `seq2seq lexicon`: the pronunciations of a list of words, as other programs read them.

mod output;
mod words;

use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use clap::Args;
use seq2seq::data::STDIN;
use seq2seq::{Model, Origin};
use seq2seq_exchange::lexicon::{Choice, LexiconFormat, PhoneList, Pronunciation, Rejection};

use self::output::{Output, Position};
use self::words::Words;
use super::load_model;
use super::search_args::SearchArgs;
use crate::Done;
use crate::inputs;
use crate::output::{count, wrong_usage, wrong_usage_unless};

/// Write words with their pronunciations as a lexicon
#[derive(Args)]
pub struct Lexicon {
    /// A model file, or the folder of a run
    model: PathBuf,
    /// A word a line [default: standard input]
    words: Option<PathBuf>,
    /// cmu, mfa, mfa-probabilities, kaldi, kaldi-probabilities, sherpa, phonetisaurus, openutau or json
    #[arg(long, value_name = "FORMAT")]
    format: LexiconFormat,
    /// Take the words out of running text, by the rules of Unicode
    #[arg(long)]
    text: bool,
    /// Give the N most probable pronunciations of each word [default: 1, with --mass 10]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    nbest: Option<u16>,
    /// Give pronunciations until their share of the probability of all N is P, from 0 to 1
    #[arg(long, value_name = "P", allow_negative_numbers = true)]
    mass: Option<f64>,
    /// Reject words whose confidence is below P, from 0 to 1
    #[arg(long, value_name = "P", allow_negative_numbers = true)]
    threshold: Option<f64>,
    /// Reject words with another phone than those in this file, one a line
    #[arg(long, value_name = "FILE")]
    phones: Option<PathBuf>,
    /// The file to write [default: standard output]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// List the words that are not written, with the reason
    #[arg(long, value_name = "FILE")]
    rejected: Option<PathBuf>,
    /// Go on with a file that was interrupted
    #[arg(long, requires = "out", conflicts_with = "overwrite")]
    resume: bool,
    /// Replace the files if there are some
    #[arg(long)]
    overwrite: bool,
    #[command(flatten)]
    search: SearchArgs,
}

/// Pronunciations among which `--mass` chooses.
const NBEST_OF_MASS: u16 = 10;

/// What became of the words.
#[derive(Default)]
struct Tally {
    written: usize,
    known: usize,
    first_rejected: Option<String>,
}

impl Lexicon {
    /// Runs the command.
    pub fn run(self) -> Result<Done> {
        let model = load_model(&self.model, &[self.words_path()])?;
        let choice = self.choice(&model)?;
        let mut options = self.search.options(&model, choice.nbest)?;
        options.confidence = true;
        // Its pronunciations are asked for directly: all of them, however many are wanted of the model.
        let known = options.lexicon.take();
        self.warn_of_calibration(&model);
        let predictor = model.predictor(options)?;
        let mut output = Output::open(self.paths(), &self.settings(), self.resume, self.overwrite)?;
        let mut words = Words::open(self.words_path(), self.text)?;
        words.pass_over(output.position().words)?;
        let (mut tally, begun) = (Tally::default(), Instant::now());
        let mut told = Instant::now();
        loop {
            let some = words.next(predictor.inputs_at_once())?;
            if some.is_empty() {
                break;
            }
            let entries = choice.entries(&predictor, known.as_deref(), &some);
            for (word, entry) in some.iter().zip(entries) {
                self.write(&mut output, &mut tally, word, entry)?;
            }
            output.commit(some.len())?;
            if io::stderr().is_terminal() && told.elapsed() > Duration::from_secs(1) {
                told = Instant::now();
                progress(output.position(), begun.elapsed());
            }
        }
        self.summarize(output, &tally, begun.elapsed())
    }

    fn words_path(&self) -> &Path {
        self.words.as_deref().unwrap_or(Path::new(STDIN))
    }

    fn paths(&self) -> [Option<&Path>; 2] {
        [self.out.as_deref(), self.rejected.as_deref()]
    }

    /// What must be the same for `--resume`.
    fn settings(&self) -> String {
        let Self {
            format,
            text,
            nbest,
            mass,
            threshold,
            ..
        } = self;
        let name = format.name();
        format!("{name} {text} {nbest:?} {mass:?} {threshold:?}")
    }

    fn choice(&self, model: &Model) -> Result<Choice> {
        wrong_usage_unless(model.codec().features.is_none(), || {
            "this model inflects words by features, which a lexicon does not have; use predict"
                .into()
        })?;
        let nbest = self.nbest.unwrap_or(match self.mass {
            Some(_) => NBEST_OF_MASS,
            None => 1,
        });
        let phones = (self.phones.as_deref())
            .map(|path| phone_list(path, model))
            .transpose()?;
        let choice = Choice {
            nbest: nbest.into(),
            mass: self.mass,
            threshold: self.threshold,
            phones,
        };
        choice.check().map_err(wrong_usage)?;
        Ok(choice)
    }

    fn warn_of_calibration(&self, model: &Model) {
        let probabilities = self.mass.is_some()
            || self.threshold.is_some()
            || matches!(
                self.format,
                LexiconFormat::MfaProbabilities | LexiconFormat::KaldiProbabilities
            );
        if probabilities && model.provenance().calibration.is_none() {
            say!(
                "warning: the probabilities of this model are not calibrated: it came about without \
                 validation pairs (an ensemble takes some with --dev)"
            );
        }
    }

    fn write(
        &self,
        output: &mut Output,
        tally: &mut Tally,
        word: &str,
        entry: Result<Vec<Pronunciation>, Rejection>,
    ) -> Result<()> {
        let lines = entry.and_then(|entry| {
            let lines = self.format.lines(word, &entry)?;
            Ok((lines, entry))
        });
        match lines {
            Ok((lines, entry)) => {
                let is_known = |p: &Pronunciation| p.origin == Origin::Lexicon;
                tally.written += 1;
                tally.known += usize::from(entry.first().is_some_and(is_known));
                output.write(&lines)
            }
            Err(rejection) => {
                if tally.first_rejected.is_none() {
                    tally.first_rejected = Some(format!("{word:?}: {rejection}"));
                }
                output.reject(word, &rejection.to_string())
            }
        }
    }

    fn summarize(&self, output: Output, tally: &Tally, took: Duration) -> Result<Done> {
        let position = output.finish()?;
        let name = self
            .out
            .as_deref()
            .map_or("standard output".into(), |path| path.display().to_string());
        let known = match self.search.has_lexicon() {
            true => format!(", {} of them from the lexicon", tally.known),
            false => String::new(),
        };
        let written = position.words - position.rejected;
        let rate = tally.written as f64 / took.as_secs_f64().max(1e-3);
        say!(
            "{name}: {}{known}; {} rejected; {rate:.0} words/s",
            count(written, "word"),
            position.rejected,
        );
        match (&tally.first_rejected, &self.rejected) {
            (Some(first), None) => say!(
                "warning: {} not written, the first is {first}; --rejected FILE lists them",
                match position.rejected {
                    1 => "1 word was".to_owned(),
                    words => format!("{words} words were"),
                }
            ),
            (Some(_), Some(path)) => say!(
                "{}: {} with the reason",
                path.display(),
                count(position.rejected, "word")
            ),
            (None, _) => {}
        }
        Ok(Done::Completed)
    }
}

fn progress(position: &Position, took: Duration) {
    let rate = position.words as f64 / took.as_secs_f64().max(1e-3);
    say!(
        "{} words, {} rejected, {rate:.0} words/s",
        position.words,
        position.rejected
    );
}

/// Reads the phones that the reader of the lexicon knows.
fn phone_list(path: &Path, model: &Model) -> Result<PhoneList> {
    let lines = inputs::all_lines(path)?;
    let list = PhoneList::parse(&lines.join("\n"));
    let lacking = list
        .check(model)
        .with_context(|| path.display().to_string())?;
    if !lacking.is_empty() {
        say!(
            "note: {} lacks phones that this model writes; words with one are rejected: {}",
            path.display(),
            lacking.join(" ")
        );
    }
    Ok(list)
}
