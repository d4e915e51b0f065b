//! `seq2seq predict`: one line of output for each line of input.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::Args;
use seq2seq::config::Recipe;
use seq2seq::data::STDIN;
use seq2seq::{Alignment, Answer, Hypothesis, Model, PredictOptions, Warning, shell_quoted};
use serde_json::{Value, json};

use super::columns::is_header;
use super::said_warnings::SaidWarnings;
use super::search_args::SearchArgs;
use crate::Done;
use crate::inputs::Lines;
use crate::output::{print_data, wrong_usage_unless};

/// Answer each line of standard input, or of a file, with one line
#[derive(Args)]
pub struct Predict {
    /// A model file, or the folder of a run
    model: PathBuf,
    /// Lines to answer [default: standard input]
    file: Option<PathBuf>,
    /// Give the N best outputs in tab-separated columns: output, score, output, score, …
    #[arg(long, default_value_t = 1, value_name = "N")]
    nbest: usize,
    /// Give a column with how likely each output is to be right
    #[arg(long)]
    confidence: bool,
    /// Leave out answers with a confidence below this one, from 0 to 1
    #[arg(long, value_name = "C", allow_negative_numbers = true)]
    abstain: Option<f64>,
    /// What stands in the place of an answer that is left out
    #[arg(long, value_name = "TEXT", default_value = "?", requires = "abstain")]
    abstain_mark: String,
    /// Give a last column for each output with the source symbols that each target symbol came from
    #[arg(long)]
    align: bool,
    /// Print a JSON object a line, with everything that is known of the answer
    #[arg(long)]
    json: bool,
    /// Pass over the first line, which names the columns
    #[arg(long)]
    header: bool,
    /// Fail on a symbol or feature that the model does not know, and on missing features
    #[arg(long)]
    strict: bool,
    #[command(flatten)]
    search: SearchArgs,
}

impl Predict {
    /// The inputs. A word in the place of the file is one that somebody wants to be answered.
    fn lines(&self) -> Result<Lines> {
        let opened = Lines::open(self.file.as_deref());
        match &self.file {
            Some(word) if !word.exists() && word.as_path() != Path::new(STDIN) => opened.with_context(|| {
                let [word, model] = [word, &self.model].map(shell_quoted);
                format!(
                    "FILE holds the lines to answer; to answer these words: echo {word} | seq2seq predict {model}"
                )
            }),
            _ => opened,
        }
    }

    /// Runs the command.
    pub fn run(self) -> Result<Done> {
        let model = Model::load(&self.model)?;
        let mut options = self.options(&model)?;
        let mut input = self.lines()?;
        let most = model.predictor(options.clone())?.inputs_at_once();
        let (mut said, mut warned) = (SaidWarnings::default(), false);
        let has_header = Recipe::of_model(&model).is_ok_and(|recipe| recipe.data.header);
        if self.header {
            input.next(1)?;
        }
        loop {
            let first = input.read();
            let lines = input.next(most)?;
            if lines.is_empty() {
                if first == 0
                    && let Some(file) = &self.file
                {
                    say!(
                        "warning: {} is empty: there is nothing to answer",
                        file.display()
                    );
                }
                said.say_rest();
                return Ok(Done::Completed);
            }
            options.first_number = first as u64;
            if first == 0
                && let Some(line) = lines.first().filter(|line| is_header(line))
                // Somebody may well ask for the word `word`.
                && (line.contains('\t') || self.file.is_some() || has_header)
            {
                say!(
                    "warning: line 1, {line:?}, looks like names of columns; --header passes over it"
                );
            }
            if !warned
                && let Some(at) = lines.iter().position(|line| model.has_unread_columns(line))
            {
                say!(
                    "warning: line {}: this model does not read the columns after its source; they are left out",
                    first + at + 1
                );
                warned = true;
            }
            let sources: Vec<_> = lines.iter().map(|line| model.line(line)).collect();
            let predictor = model.predictor(options.clone())?;
            for (index, answer) in predictor.predict(&sources).iter().enumerate() {
                self.check(first + index + 1, answer, &mut said)?;
                print_data(&self.shown(answer))?;
            }
        }
    }

    fn options(&self, model: &Model) -> Result<PredictOptions> {
        if let Some(abstain) = self.abstain {
            wrong_usage_unless((0.0..=1.0).contains(&abstain), || {
                format!(
                    "--abstain {abstain} is no confidence: give a number from 0 (answer all) to 1"
                )
            })?;
        }
        let mut options = self.search.options(model, self.nbest)?;
        options.confidence = self.confidence || self.abstain.is_some() || self.json;
        options.align = self.align;
        model.predictor(options.clone())?;
        if (self.confidence || self.abstain.is_some()) && model.provenance().calibration.is_none() {
            say!(
                "warning: the confidence of this model is not calibrated: it came about without validation \
                 pairs (an ensemble takes some with --dev)"
            );
        }
        Ok(options)
    }

    /// Says what a user of the answer should know.
    fn check(&self, line: usize, answer: &Answer, said: &mut SaidWarnings) -> Result<()> {
        for warning in &answer.warnings {
            if self.strict && warning.is_about_input() {
                bail!("line {line}: {warning}");
            }
            if !self.json {
                said.say(line, warning);
            }
        }
        Ok(())
    }

    fn abstains(&self, confidence: Option<f64>) -> bool {
        let pair = self.abstain.zip(confidence);
        pair.is_some_and(|(least, confidence)| confidence < least)
    }

    fn shown(&self, answer: &Answer) -> String {
        if self.json {
            return self.json(answer).to_string();
        }
        let mut columns = Vec::new();
        for output in &answer.hypotheses {
            columns.push(match self.abstains(output.confidence) {
                true => self.abstain_mark.clone(),
                false => one_field(&output.text),
            });
            if self.nbest > 1 {
                columns.push(format!("{:.4}", output.score));
            }
            if self.confidence {
                columns.push(format!("{:.4}", output.confidence.unwrap_or(0.0)));
            }
        }
        for output in &answer.hypotheses {
            let alignment = output.alignment.as_ref();
            columns.extend(
                alignment.map(|alignment| match self.abstains(output.confidence) {
                    true => self.abstain_mark.clone(),
                    false => one_field(&arrows(alignment)),
                }),
            );
        }
        columns.join("\t")
    }

    fn json(&self, answer: &Answer) -> Value {
        let mut object = self.json_output(answer.best());
        let others = answer.others().iter();
        object["alternatives"] = others.map(|output| self.json_output(output)).collect();
        object["warnings"] = answer.warnings.iter().map(Warning::to_string).collect();
        object
    }

    fn json_output(&self, output: &Hypothesis) -> Value {
        let abstained = self.abstains(output.confidence);
        let mut object = json!({
            "text": (!abstained).then_some(&output.text),
            "log_probability": output.log_probability,
            "score": output.score,
            "confidence": output.confidence,
            "finished": output.finished,
        });
        if self.abstain.is_some() {
            object["abstained"] = abstained.into();
        }
        if let Some(alignment) = output.alignment.as_ref().filter(|_| !abstained) {
            object["alignment"] = aligned(alignment);
        }
        object
    }
}

/// An output that holds a line break or a tab must not look like two.
fn one_field(text: &str) -> String {
    text.replace(['\n', '\r', '\t'], " ")
}

/// An alignment for people: the source symbols of each target symbol, an arrow, the target symbol.
fn arrows(alignment: &Alignment) -> String {
    let shown = |symbol: &String| {
        if symbol == " " {
            "␣".to_owned()
        } else {
            symbol.clone()
        }
    };
    let pairs = alignment.target.iter().zip(&alignment.spans);
    let pairs = pairs.map(|(target, span)| {
        let source: String = span
            .iter()
            .flat_map(|span| &alignment.source[span.clone()])
            .map(shown)
            .collect::<Vec<_>>()
            .join(
                if alignment
                    .source
                    .iter()
                    .any(|symbol| symbol.chars().count() > 1)
                {
                    "+"
                } else {
                    ""
                },
            );
        format!("{source}→{}", shown(target))
    });
    pairs.collect::<Vec<_>>().join(" ")
}

/// An alignment for programs: a link has a target symbol and its first and last source symbol,
/// counted from 0.
fn aligned(alignment: &Alignment) -> Value {
    let links: Vec<Value> = alignment
        .spans
        .iter()
        .enumerate()
        .filter_map(|(target, span)| {
            let span = span.as_ref()?;
            Some(json!({"target": target, "source": [span.start(), span.end()]}))
        })
        .collect();
    json!({"source": alignment.source, "target": alignment.target, "links": links})
}
