//! `seq2seq interactive`: a prompt for trying inputs.

use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use seq2seq::{Model, PredictOptions};

use super::explain::explanation;
use super::search_args::SearchArgs;
use crate::Done;
use crate::inputs::Lines;
use crate::output::print_line;

/// Try inputs at a prompt; a question mark before an input explains the answer
#[derive(Args)]
pub struct Interactive {
    /// A model file, or the folder of a run
    model: PathBuf,
    /// Give the N best outputs
    #[arg(long, default_value_t = 1, value_name = "N")]
    nbest: usize,
    #[command(flatten)]
    search: SearchArgs,
}

impl Interactive {
    /// Runs the command.
    pub fn run(self) -> Result<Done> {
        let model = Model::load(&self.model)?;
        let mut options = self.search.options(&model, self.nbest)?;
        options.confidence = true;
        if io::stdin().is_terminal() {
            say!(
                "an input and Enter for an answer, ?input for how it comes about, Ctrl-D to leave"
            );
        }
        let mut input = None;
        loop {
            if io::stdin().is_terminal() {
                drop(std::io::Write::write_all(&mut std::io::stderr(), b"> "));
                io::stderr().flush()?;
            }
            // Opening it waits for its first bytes, so the prompt comes before.
            let lines = match &mut input {
                Some(lines) => lines,
                None => input.insert(Lines::open(None)?),
            };
            let Some(line) = lines.next(1)?.pop() else {
                return Ok(Done::Completed);
            };
            match line.strip_prefix('?') {
                Some(input) => print_line(&explanation(&model, input, None, 3, &options)?)?,
                None => {
                    answer(&model, &line, &options)?;
                    // Another line draws other samples.
                    options.first_number += 1;
                }
            }
        }
    }
}

fn answer(model: &Model, line: &str, options: &PredictOptions) -> Result<()> {
    for answer in model
        .predictor(options.clone())?
        .predict(&[model.line(line)])
    {
        for warning in &answer.warnings {
            say!("({warning})");
        }
        print_line(&answer.best().text)?;
        for other in answer.others() {
            print_line(&format!("  {}", other.text))?;
        }
        // Beside the answer for people, not part of it for programs.
        if let Some(confidence) = answer
            .best()
            .confidence
            .filter(|_| io::stdin().is_terminal())
        {
            say!("(confidence {confidence:.2})");
        }
    }
    Ok(())
}
