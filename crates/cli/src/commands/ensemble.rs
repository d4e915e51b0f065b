//! `seq2seq ensemble`: several models in one file.

use std::path::PathBuf;

use anyhow::{Result, bail};
use clap::Args;
use seq2seq::config::Mixing;
use seq2seq::data::questions;
use seq2seq::encoding::PairCodec;
use seq2seq::evaluation::calibrate;
use seq2seq::{Model, Provenance, check_output, shell_quoted};

use super::columns::ColumnArgs;
use crate::Done;

/// Join trained models into one that answers with their mean
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
    /// Validation pairs, on which the confidence is calibrated
    #[arg(long, value_name = "FILE")]
    dev: Option<PathBuf>,
    /// Replace the file if there is one
    #[arg(long)]
    overwrite: bool,
    #[command(flatten)]
    columns: ColumnArgs,
}

impl Ensemble {
    /// Runs the command.
    pub fn run(self) -> Result<Done> {
        check_output(&self.out)?;
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
        let mut ensemble = Model::ensemble(&models, mixing)?;
        if let Some(file) = &self.dev {
            let pairs = self.columns.read(file, &[&ensemble])?.pairs;
            let questions = questions(&ensemble.codec().normalize(&pairs));
            let calibration = calibrate(&ensemble, &questions);
            ensemble = ensemble.with_provenance(Provenance {
                calibration,
                ..ensemble.provenance().clone()
            });
        }
        ensemble.save(&self.out)?;
        say!(
            "{} models in {}; use it like any other: seq2seq eval {} PAIRS.tsv",
            models.len(),
            self.out.display(),
            shell_quoted(&self.out)
        );
        Ok(Done::Completed)
    }
}
