//! `seq2seq predict`: one line of output for each line of input.

use std::path::PathBuf;

use anyhow::{Result, bail};
use clap::Args;
use seq2seq::decoding::Choice;
use seq2seq::{Model, PredictOptions, Prediction};

use crate::Done;
use crate::inputs;
use crate::output::print_line;

/// Answer each line of standard input, or of a file, with one line
#[derive(Args)]
pub struct Predict {
    /// A model file, or the folder of a run
    model: PathBuf,
    /// Lines to answer [default: standard input]
    file: Option<PathBuf>,
    /// Draw from the softmax instead of taking the most probable symbol
    #[arg(long)]
    sample: bool,
    /// Sharper below 1, flatter above
    #[arg(long, default_value_t = 1.0, requires = "sample", value_name = "T")]
    temperature: f32,
    /// Start of the random choices
    #[arg(long, default_value_t = 1, requires = "sample", value_name = "N")]
    seed: u64,
    /// Longest output in symbols [default: as the model says]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    max_length: Option<u32>,
    /// Fail on a symbol that the model does not know
    #[arg(long)]
    strict: bool,
}

impl Predict {
    /// Runs the command.
    pub fn run(self) -> Result<Done> {
        let model = Model::load(&self.model)?;
        let choice = if self.sample {
            Choice::Sample {
                temperature: self.temperature,
                seed: self.seed,
            }
        } else {
            Choice::Greedy
        };
        choice.check()?;
        let mut options = PredictOptions {
            choice,
            max_length: self.max_length.map(|limit| limit as usize),
            ..PredictOptions::default()
        };
        let mut reader = inputs::open(self.file.as_deref())?;
        let batch = model.recipe.decoding.batch_size;
        let mut number = 0;
        loop {
            let first = number;
            let lines = inputs::next_lines(&mut reader, batch, &mut number)?;
            if lines.is_empty() {
                return Ok(Done::Completed);
            }
            options.first_number = first as u64;
            // A second column, as in the files that models are trained on, is not part of the source.
            let sources: Vec<&str> = lines
                .iter()
                .map(|line| line.split('\t').next().unwrap_or(""))
                .collect();
            for (index, prediction) in model.predict(&sources, &options).iter().enumerate() {
                self.check(first + index + 1, prediction)?;
                print_line(&one_line(&prediction.text))?;
            }
        }
    }

    fn check(&self, line: usize, prediction: &Prediction) -> Result<()> {
        for unknown in &prediction.unknown {
            let position = unknown.position + 1;
            let message = format!(
                "line {line}: the model does not know symbol {position}, {:?}",
                unknown.symbol
            );
            if self.strict {
                bail!("{message}");
            }
            eprintln!("warning: {message}");
        }
        if !prediction.finished {
            eprintln!("warning: line {line}: the output reached the length limit and was cut");
        }
        Ok(())
    }
}

/// An output that holds a line break must not look like two.
fn one_line(text: &str) -> String {
    text.replace(['\n', '\r'], " ")
}
