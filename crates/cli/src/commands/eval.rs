//! `seq2seq eval`: how good a model is on a file of pairs.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use seq2seq::Model;
use seq2seq::data::read_pairs;
use seq2seq::evaluation::evaluate;
use seq2seq::training::read_options;

use super::{evaluation_table, warn_of_unknown};
use crate::Done;
use crate::output::print_line;

/// Measure a model on a file of pairs
#[derive(Args)]
pub struct Eval {
    /// A model file, or the folder of a run
    model: PathBuf,
    /// Tab-separated pairs
    file: PathBuf,
    /// Column of the source, counted from 1 [default: as in training]
    #[arg(long, value_name = "N")]
    source_column: Option<usize>,
    /// Column of the target, counted from 1 [default: as in training]
    #[arg(long, value_name = "N")]
    target_column: Option<usize>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

impl Eval {
    /// Runs the command.
    pub fn run(self) -> Result<Done> {
        let model = Model::load(&self.model)?;
        let mut options = read_options(&model.recipe);
        options.source_column = self.source_column.unwrap_or(options.source_column);
        options.target_column = self.target_column.unwrap_or(options.target_column);
        let file = read_pairs(&self.file, &options)?;
        let evaluation = evaluate(&model, &file.pairs)?;
        warn_of_unknown(
            &evaluation.unknown_symbols,
            &self.file.display().to_string(),
        );
        if self.json {
            print_line(&serde_json::to_string(&evaluation)?)?;
        } else {
            print_line(&evaluation_table(&evaluation))?;
        }
        Ok(Done::Completed)
    }
}
