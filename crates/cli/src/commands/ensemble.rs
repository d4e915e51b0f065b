//! `seq2seq ensemble`: several models in one file.

use std::path::PathBuf;

use anyhow::{Result, bail};
use clap::Args;
use seq2seq::Model;
use seq2seq::config::Mixing;

use crate::Done;

/// Join trained models into one that answers with the mean of their distributions
#[derive(Args)]
pub struct Ensemble {
    /// Model files, or the folders of runs; trained on the same data, of any architectures
    #[arg(required = true, num_args = 2..)]
    models: Vec<PathBuf>,
    /// The model file to write
    #[arg(short, long, value_name = "MODEL")]
    out: PathBuf,
    /// Mean of the logarithms instead of the probabilities: a symbol must please all members
    #[arg(long)]
    log_linear: bool,
    /// Replace the file if there is one
    #[arg(long)]
    overwrite: bool,
}

impl Ensemble {
    /// Runs the command.
    pub fn run(self) -> Result<Done> {
        if self.out.exists() && !self.overwrite {
            bail!(
                "{0} exists: replace it with --overwrite, or choose another file with --out",
                self.out.display()
            );
        }
        let models = self
            .models
            .iter()
            .map(|path| Model::load(path))
            .collect::<Result<Vec<_>, _>>()?;
        let mixing = if self.log_linear {
            Mixing::LogLinear
        } else {
            Mixing::Arithmetic
        };
        Model::ensemble(&models, mixing)?.save(&self.out)?;
        say!(
            "{} models in {}; use it like any other: seq2seq eval {1} PAIRS.tsv",
            models.len(),
            self.out.display()
        );
        Ok(Done::Completed)
    }
}
