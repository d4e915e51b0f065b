//! Flags that say how a file of pairs is laid out, for commands that use a trained model.

use std::path::Path;

use anyhow::Result;
use clap::{Args, ValueEnum};
use seq2seq::data::{DataNote, PairFile, ReadOptions, is_column_name, read_pairs};
use seq2seq::training::read_options;
use seq2seq::{Model, Recipe};

use super::{column, describe_notes};
use crate::output::count;

/// How a file of pairs is laid out; what is left out is as in training.
#[derive(Args)]
#[command(next_help_heading = "Columns")]
pub struct ColumnArgs {
    /// Column of the source, counted from 1 [default: as in training]
    #[arg(long, value_name = "N", value_parser = column)]
    source_column: Option<usize>,
    /// Column of the target, counted from 1 [default: as in training]
    #[arg(long, value_name = "N", value_parser = column)]
    target_column: Option<usize>,
    /// Column of features, counted from 1 [default: as in training]
    #[arg(long, value_name = "N", value_parser = column)]
    features_column: Option<usize>,
    /// Whether the first line names the columns: --header, or --header=no [default: as in training]
    #[arg(long, value_name = "yes|no", num_args = 0..=1, require_equals = true,
          default_missing_value = "yes", hide_possible_values = true)]
    header: Option<YesNo>,
}

/// Whether something is so
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum YesNo {
    /// It is
    Yes,
    /// It is not
    No,
}

impl ColumnArgs {
    /// How files are laid out for some models: as the flags say, or as the first model was trained, with
    /// the features of the first that has some.
    pub fn options(&self, models: &[&Model]) -> Result<ReadOptions> {
        let mut options = ReadOptions::default();
        for (place, model) in models.iter().enumerate() {
            let of_model = read_options(&Recipe::of_model(model)?);
            match place {
                0 => options = of_model,
                _ => options.features_column = options.features_column.or(of_model.features_column),
            }
        }
        options.source_column = self.source_column.unwrap_or(options.source_column);
        options.target_column = self.target_column.unwrap_or(options.target_column);
        options.features_column = self.features_column.or(options.features_column);
        options.header = self
            .header
            .map_or(options.header, |header| header == YesNo::Yes);
        Ok(options)
    }

    /// Whether a header was asked for, be it as in training or not.
    pub fn asks_for_header(&self) -> bool {
        self.header == Some(YesNo::Yes)
    }

    /// Reads a file and says which of its columns are used, where that is not plain to see.
    pub fn read(&self, path: &Path, models: &[&Model]) -> Result<PairFile> {
        let options = self.options(models)?;
        let file = read_pairs(path, &options)?;
        self.describe(&file, &options);
        Ok(file)
    }

    fn describe(&self, file: &PairFile, options: &ReadOptions) {
        let name = &file.name;
        let plain = ReadOptions {
            header: options.header,
            on_bad_line: options.on_bad_line,
            ..ReadOptions::default()
        };
        if *options != plain || file.columns > 2 {
            let given = [self.source_column, self.target_column, self.features_column];
            let origin = match given.iter().any(Option::is_some) {
                true => "",
                false => ", as in training",
            };
            say!("{name}: {}{origin}", read_columns(options));
        }
        if let (Some(line), None) = (&file.header, self.header) {
            say!(
                "{name}: line 1, {line}, is passed over as names of columns, as in training; --header=no \
                 reads it"
            );
        }
        if let Some(first) = file.skipped.first.first() {
            say!(
                "warning: {name}: {} that cannot be used left out, as in training; the first is line {}: {}",
                count(file.skipped.count, "line"),
                first.line,
                first.reason
            );
        }
        // Which columns are read was said above.
        let is_said = |note: &&DataNote| matches!(note, DataNote::UnreadColumns { .. });
        describe_notes(file.notes.iter().filter(|note| !is_said(note)));
    }
}

/// Which columns are read as what.
fn read_columns(options: &ReadOptions) -> String {
    let mut source = options.source_column.to_string();
    for column in &options.more_source_columns {
        source += &format!(" and {column}");
    }
    let features = options.features_column.map_or(String::new(), |column| {
        format!(", features from column {column}")
    });
    let target = options.target_column;
    format!("source from column {source}, target from column {target}{features}")
}

/// Whether a line of input holds nothing but names that columns have.
pub fn is_header(line: &str) -> bool {
    line.split('\t').all(is_column_name)
}
