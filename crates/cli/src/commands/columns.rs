//! Flags that say how a file of pairs is laid out, for commands that use a trained model.

use std::path::Path;

use anyhow::Result;
use clap::{Args, ValueEnum};
use seq2seq::config::DataSettings;
use seq2seq::data::{DataNote, Format, PairFile, ReadOptions, is_column_name, read_pairs};
use seq2seq::training::read_options;
use seq2seq::{Model, Recipe};

use super::{column, describe_notes};
use crate::output::count;

/// Heading of the flags that say how pairs are read.
const PAIRS: &str = "Pairs";

/// The format of a file of pairs.
#[derive(Args)]
pub struct FormatArgs {
    /// Format of the pairs, such as cmu, mfa, kaldi, csv or json [default: told from the file]
    #[arg(help_heading = PAIRS, long, value_name = "FORMAT")]
    format: Option<Format>,
    /// Names of source, target and features: keys of JSON, or what line 1 calls the columns of a table
    #[arg(
        help_heading = PAIRS,
        long,
        value_name = "SOURCE,TARGET[,FEATURES]",
        value_delimiter = ',',
        num_args = 1
    )]
    keys: Option<Vec<String>>,
    /// Columns of inflected forms: lemma, form, features; with sigmorphon2023, lemma, features, form
    #[arg(help_heading = PAIRS, long, value_enum, value_name = "sigmorphon2017|sigmorphon2023|unimorph", hide_possible_values = true,
          conflicts_with_all = ["source_column", "target_column", "features_column"])]
    layout: Option<Layout>,
}

/// Order of the columns in a file of inflected forms
#[derive(Clone, Copy, ValueEnum)]
enum Layout {
    /// Lemma, form, features (SIGMORPHON 2016 to 2020)
    Sigmorphon2017,
    /// Lemma, features, form (SIGMORPHON 2021 to 2023)
    Sigmorphon2023,
    /// Lemma, form, features
    Unimorph,
}

impl FormatArgs {
    /// Changes settings as the flags say. Where columns are named, the file is a table.
    pub fn change(&self, data: &mut DataSettings, names_columns: bool) {
        if let Some(layout) = self.layout {
            let (target, features) = match layout {
                Layout::Sigmorphon2017 | Layout::Unimorph => (2, 3),
                Layout::Sigmorphon2023 => (3, 2),
            };
            (data.source_column, data.target_column) = (1, target);
            data.features_column = Some(features);
        }
        let names_columns = names_columns || self.layout.is_some();
        data.format = match self.format {
            Some(format) => format,
            None if names_columns && !data.format.has_columns() => Format::Table,
            None if names_columns && data.format == Format::Auto => Format::Table,
            None => data.format,
        };
        if let Some(keys) = &self.keys {
            data.keys.clone_from(keys);
        }
    }

    /// Whether something was asked for.
    fn is_given(&self) -> bool {
        self.format.is_some() || self.keys.is_some() || self.layout.is_some()
    }
}

/// How a file of pairs is laid out; what is left out is as in training.
#[derive(Args)]
#[command(next_help_heading = PAIRS)]
pub struct ColumnArgs {
    #[command(flatten)]
    format: FormatArgs,
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
        let mut recipe = Recipe::default();
        for (place, model) in models.iter().enumerate() {
            let of_model = Recipe::of_model(model)?;
            let features = recipe.data.features_column;
            match place {
                0 => recipe = of_model,
                _ => recipe.data.features_column = features.or(of_model.data.features_column),
            }
        }
        let data = &mut recipe.data;
        self.format.change(data, self.names_columns());
        if !data.format.has_columns() {
            // A lexicon has a word and its phones, however the training pairs were laid out.
            (data.source_column, data.target_column) = (1, 2);
            (data.features_column, data.header) = (None, false);
            data.more_source_columns.clear();
        }
        data.source_column = self.source_column.unwrap_or(data.source_column);
        data.target_column = self.target_column.unwrap_or(data.target_column);
        data.features_column = self.features_column.or(data.features_column);
        data.header = self
            .header
            .map_or(data.header, |header| header == YesNo::Yes);
        Ok(read_options(&recipe))
    }

    /// Whether a flag says how a file is laid out.
    pub fn is_given(&self) -> bool {
        self.format.is_given() || self.names_columns() || self.header.is_some()
    }

    fn names_columns(&self) -> bool {
        let columns = [self.source_column, self.target_column, self.features_column];
        columns.iter().any(Option::is_some)
    }

    /// Whether a header was asked for, be it as in training or not.
    pub fn asks_for_header(&self) -> bool {
        self.header == Some(YesNo::Yes)
    }

    /// Reads a file and says which of its columns are used, where that is not plain to see.
    pub fn read(&self, path: &Path, models: &[&Model]) -> Result<PairFile> {
        let options = self.options(models)?;
        let mut file = read_pairs(path, &options)?;
        if let Some(model) = models.first() {
            for pair in &mut file.pairs {
                pair.target = model.codec().target_of_file(&pair.target);
            }
        }
        self.describe(&file, &options);
        Ok(file)
    }

    fn describe(&self, file: &PairFile, options: &ReadOptions) {
        let name = &file.name;
        let unusual = !options.reads_first_two_columns() || file.columns > 2;
        if unusual && file.format.has_columns() && options.keys.is_empty() {
            let origin = match self.names_columns() || self.format.is_given() {
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
