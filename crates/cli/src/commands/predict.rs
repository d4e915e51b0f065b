//! `seq2seq predict`: one line of output for each line of input.

use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::Args;
use seq2seq::config::Recipe;
use seq2seq::data::STDIN;
use seq2seq::text::quoted;
use seq2seq::{Alignment, Answer, Hypothesis, Model, PredictOptions, Warning, shell_quoted};
use serde_json::{Value, json};

use super::columns::is_header;
use super::load_model;
use super::said_warnings::SaidWarnings;
use super::search_args::SearchArgs;
use crate::Done;
use crate::inputs::Lines;
use crate::output::{print_data, wrong_usage_unless};

/// Answer each input line with one line
#[derive(Args)]
pub struct Predict {
    /// A model file, or the folder of a run
    model: PathBuf,
    /// Lines to answer [default: standard input]
    file: Option<PathBuf>,
    /// Answer these texts, each an input of its own
    #[arg(long, value_name = "TEXT", num_args = 1.., conflicts_with_all = ["file", "header"],
          value_parser = one_line)]
    text: Vec<String>,
    /// Repeat each input before its answer
    #[arg(long)]
    with_input: bool,
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
    /// Give a last column with where each answer comes from: lexicon or model
    #[arg(long, requires = "lexicon")]
    origin: bool,
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
    /// Runs the command.
    pub fn run(self) -> Result<Done> {
        let model = load_model(
            &self.model,
            &[self.file.as_deref().unwrap_or(Path::new(STDIN))],
        )?;
        let predictor = model.predictor(self.options(&model)?)?;
        let most = predictor.inputs_at_once();
        let mut input = self.inputs()?;
        if self.header {
            input.next(1)?;
        }
        let (mut said, mut warned) = (SaidWarnings::default(), false);
        loop {
            let first = input.read();
            let lines = input.next(most)?;
            if lines.is_empty() {
                self.warn_of_nothing(first);
                said.say_rest();
                return Ok(Done::Completed);
            }
            if first == 0 {
                self.warn_of_header(&model, &lines[0]);
            }
            if !warned {
                warned = warn_of_unread_columns(&model, &lines, first);
            }
            let sources: Vec<_> = lines.iter().map(|line| model.line(line)).collect();
            let answers = predictor.predict_numbered(&sources, first as u64);
            for (index, (line, answer)) in lines.iter().zip(&answers).enumerate() {
                self.check(first + index + 1, answer, &mut said)?;
                print_data(&self.shown(&model, line, answer))?;
            }
        }
    }

    /// The inputs. A word in the place of the file is one that somebody wants to be answered.
    fn inputs(&self) -> Result<Lines> {
        if !self.text.is_empty() {
            return Ok(Lines::of(&self.text));
        }
        if self.file.is_none() && io::stdin().is_terminal() {
            say!("type an input and Enter for each answer; Ctrl-D ends");
        }
        let opened = Lines::open(self.file.as_deref());
        match &self.file {
            Some(word) if !word.exists() && word.as_path() != Path::new(STDIN) => opened
                .with_context(|| {
                    let [word, model] = [word, &self.model].map(shell_quoted);
                    format!(
                        "FILE holds the lines to answer; to answer these words: \
                         seq2seq predict {model} --text {word}"
                    )
                }),
            _ => opened,
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
        if (self.confidence || self.abstain.is_some()) && model.provenance().calibration.is_none() {
            say!(
                "warning: the confidence of this model is not calibrated: it came about without validation \
                 pairs (an ensemble takes some with --dev)"
            );
        }
        Ok(options)
    }

    fn warn_of_nothing(&self, read: usize) {
        if let (0, Some(file)) = (read, &self.file) {
            let file = file.display();
            say!("warning: {file} is empty: there is nothing to answer");
        }
    }

    /// Somebody may well ask for the word `word`, so one column of standard input is no header.
    fn warn_of_header(&self, model: &Model, line: &str) {
        let has_header = || Recipe::of_model(model).is_ok_and(|recipe| recipe.data.header);
        let may_be = || line.contains('\t') || self.file.is_some() || has_header();
        if self.text.is_empty() && is_header(line) && may_be() {
            let line = quoted(line);
            say!("warning: line 1, {line}, looks like names of columns; --header passes over it");
        }
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

    /// What is written for an output: `text`, unless the answer is left out.
    fn unless_abstained(&self, output: &Hypothesis, text: String) -> String {
        match self.abstains(output.confidence) {
            true => self.abstain_mark.clone(),
            false => one_field(&text),
        }
    }

    fn shown(&self, model: &Model, line: &str, answer: &Answer) -> String {
        if self.json {
            return self.json(model, line, answer).to_string();
        }
        let mut columns = Vec::new();
        columns.extend(self.with_input.then(|| line.to_owned()));
        for output in &answer.hypotheses {
            columns.push(self.unless_abstained(output, output.text.clone()));
            if self.nbest > 1 {
                columns.push(format!("{:.4}", output.score));
            }
            if self.confidence {
                columns.push(format!("{:.4}", output.confidence.unwrap_or(0.0)));
            }
        }
        for output in &answer.hypotheses {
            let alignment = output.alignment.as_ref().map(arrows);
            columns.extend(alignment.map(|arrows| self.unless_abstained(output, arrows)));
        }
        columns.extend(self.origin.then(|| answer.origin.to_string()));
        columns.join("\t")
    }

    fn json(&self, model: &Model, line: &str, answer: &Answer) -> Value {
        let asked = model.line(line);
        let mut object = json!({"input": asked.source});
        if let Some(features) = asked.features {
            object["features"] = features.into();
        }
        if let (Value::Object(object), Value::Object(best)) =
            (&mut object, self.json_output(answer.best()))
        {
            object.extend(best);
        }
        object["origin"] = answer.origin.to_string().into();
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

/// Says which line is the first of these with columns that the model does not read.
fn warn_of_unread_columns(model: &Model, lines: &[String], read: usize) -> bool {
    let unread = lines.iter().position(|line| model.has_unread_columns(line));
    if let Some(at) = unread {
        let line = read + at + 1;
        say!(
            "warning: line {line}: this model does not read the columns after its source; they are left out"
        );
    }
    unread.is_some()
}

fn one_line(text: &str) -> Result<String, &'static str> {
    match text.contains(['\n', '\r']) {
        true => Err("a text is one line; give each line as a text of its own"),
        false => Ok(text.to_owned()),
    }
}

/// An output that holds a line break or a tab must not look like two.
pub fn one_field(text: &str) -> String {
    text.replace(['\n', '\r', '\t'], " ")
}

/// An alignment for people: the source symbols of each target symbol, an arrow, the target symbol.
fn arrows(alignment: &Alignment) -> String {
    let shown = |symbol: &String| match symbol.as_str() {
        " " => "␣".to_owned(),
        _ => symbol.clone(),
    };
    let has_long = alignment
        .source
        .iter()
        .any(|symbol| symbol.chars().count() > 1);
    let separator = if has_long { "+" } else { "" };
    let pairs = alignment.target.iter().zip(&alignment.spans);
    let pairs = pairs.map(|(target, span)| {
        let spans = span.iter();
        let source = spans.flat_map(|span| alignment.source[span.clone()].iter().map(shown));
        let source = source.collect::<Vec<_>>().join(separator);
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
