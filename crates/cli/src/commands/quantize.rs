//! `seq2seq quantize`: a model with weights of fewer bits.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use clap::{Args, ValueEnum};
use seq2seq::data::questions;
use seq2seq::encoding::PairCodec;
use seq2seq::evaluation::{Comparison, UnknownSymbols, compare};
use seq2seq::storage::Precision;
use seq2seq::{Model, PredictOptions, check_output, shell_quoted};

use super::columns::ColumnArgs;
use super::{load_model, warn_of_unknown};
use crate::Done;
use crate::output::{count, print_line, table, wrong_usage_unless};

/// Round a model's weights to 16 or 8 bits: smaller and faster
#[derive(Args)]
pub struct Quantize {
    /// A model file, or the folder of a run
    model: PathBuf,
    /// bf16 (half the size) or int8 (a quarter; 8 bits, with a scale for each column)
    #[arg(
        long,
        value_enum,
        value_name = "bf16|int8",
        hide_possible_values = true
    )]
    to: Bits,
    /// The model file to write
    #[arg(short, long, value_name = "MODEL")]
    out: PathBuf,
    /// Validation pairs: shows what rounding changes
    #[arg(long, value_name = "FILE")]
    dev: Option<PathBuf>,
    /// Replace the file if there is one
    #[arg(long)]
    overwrite: bool,
    #[command(flatten)]
    columns: ColumnArgs,
}

/// What weights are rounded to
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Bits {
    /// The upper half of single precision
    Bf16,
    /// Whole numbers with scales
    Int8,
}

impl Quantize {
    /// Runs the command.
    pub fn run(self) -> Result<Done> {
        wrong_usage_unless(self.dev.is_some() || !self.columns.is_given(), || {
            "flags that say how pairs are read need --dev FILE".into()
        })?;
        check_output(&self.out)?;
        if self.out.exists() && !self.overwrite {
            bail!(
                "{0} exists: replace it with --overwrite, or choose another file with --out",
                self.out.display()
            );
        }
        let dev: Vec<&Path> = self.dev.as_deref().into_iter().collect();
        let model = load_model(&self.model, &dev)?;
        let precision = match self.to {
            Bits::Bf16 => Precision::Bf16,
            Bits::Int8 => Precision::Int8,
        };
        let quantized = model.quantized(precision)?;
        let mut rows = vec![
            ["", "before", "after"].map(str::to_owned).to_vec(),
            sizes(&model, &quantized),
        ];
        let mut changed = None;
        if let Some(file) = &self.dev {
            let comparison = self.compare(&model, &quantized, file)?;
            rows.extend(figures(&comparison));
            changed = Some(comparison);
        }
        quantized.save(&self.out)?;
        print_line(&table(&rows))?;
        if let Some(comparison) = changed {
            print_line(&format!(
                "{} of {} changed",
                comparison.different_answers,
                count(comparison.first.questions, "answer")
            ))?;
        }
        say!(
            "{precision} weights in {}; use it like any other model: seq2seq eval {} PAIRS.tsv",
            self.out.display(),
            shell_quoted(&self.out)
        );
        Ok(Done::Completed)
    }

    /// The answers of both to the same questions, searched as the model's recipe says.
    fn compare(&self, model: &Model, quantized: &Model, file: &Path) -> Result<Comparison> {
        let pairs = self.columns.read(file, &[model])?.pairs;
        let unknown = UnknownSymbols::of(model.codec(), &pairs);
        warn_of_unknown(&unknown, &file.display().to_string());
        let questions = questions(&model.codec().normalize(&pairs));
        let options = PredictOptions::of(model);
        let (before, after) = ((model, &options), (quantized, &options));
        Ok(compare(before, after, &questions)?)
    }
}

fn sizes(before: &Model, after: &Model) -> Vec<String> {
    let kilobytes = |model: &Model| format!("{:.1} kB", model.to_bytes().len() as f64 / 1000.0);
    vec!["size".to_owned(), kilobytes(before), kilobytes(after)]
}

fn figures(comparison: &Comparison) -> [Vec<String>; 2] {
    let (before, after) = (&comparison.first, &comparison.second);
    let row = |name: &str, before: f64, after: f64| {
        vec![
            name.to_owned(),
            format!("{before:.4}"),
            format!("{after:.4}"),
        ]
    };
    [
        row("exact match", before.exact_match, after.exact_match),
        row(
            "symbol error rate",
            before.symbol_error_rate,
            after.symbol_error_rate,
        ),
    ]
}
