//! `seq2seq interactive`: a prompt for trying inputs.

use std::io::{self, BufRead, IsTerminal, Write};
use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use seq2seq::{Model, PredictOptions};

use super::explain::explanation;
use crate::Done;
use crate::output::print_line;

/// Try inputs at a prompt; a question mark before an input explains the answer
#[derive(Args)]
pub struct Interactive {
    /// A model file, or the folder of a run
    model: PathBuf,
}

impl Interactive {
    /// Runs the command.
    pub fn run(self) -> Result<Done> {
        let model = Model::load(&self.model)?;
        if io::stdin().is_terminal() {
            eprintln!(
                "an input and Enter for an answer, ?input for how it comes about, Ctrl-D to leave"
            );
        }
        let mut lines = io::stdin().lock().lines();
        loop {
            if io::stdin().is_terminal() {
                eprint!("> ");
                io::stderr().flush()?;
            }
            let Some(line) = lines.next().transpose()? else {
                return Ok(Done::Completed);
            };
            match line.strip_prefix('?') {
                Some(input) => print_line(&explanation(&model, input, None, 3)?)?,
                None => answer(&model, &line)?,
            }
        }
    }
}

fn answer(model: &Model, line: &str) -> Result<()> {
    for prediction in model.predict(&[line], &PredictOptions::default()) {
        for unknown in &prediction.unknown {
            eprintln!("(unknown symbol {:?})", unknown.symbol);
        }
        print_line(&prediction.text)?;
    }
    Ok(())
}
