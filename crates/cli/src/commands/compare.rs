//! `seq2seq compare`: whether one model is better than another.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use seq2seq::Model;
use seq2seq::data::questions;
use seq2seq::encoding::PairCodec;
use seq2seq::evaluation::{Comparison, Disagreement, UnknownSymbols, compare};
use seq2seq::metrics::PairedDifference;

use super::columns::ColumnArgs;
use super::search_args::SearchArgs;
use super::warn_of_unknown;
use crate::Done;
use crate::output::{print_data, print_line, table};

/// Compare two models on the same pairs, with significance
#[derive(Args)]
pub struct Compare {
    /// A model file, or the folder of a run
    first: PathBuf,
    /// Another one
    second: PathBuf,
    /// Tab-separated pairs
    file: PathBuf,
    /// Questions to list that exactly one of the models answers right
    #[arg(long, default_value_t = 10, value_name = "N")]
    show: usize,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    columns: ColumnArgs,
    #[command(flatten)]
    search: SearchArgs,
}

impl Compare {
    /// Runs the command.
    pub fn run(self) -> Result<Done> {
        let (first, second) = (Model::load(&self.first)?, Model::load(&self.second)?);
        let options = (
            self.search.options(&first, 1)?,
            self.search.options(&second, 1)?,
        );
        let pairs = self.columns.read(&self.file, &[&first, &second])?.pairs;
        let questions = questions(&first.codec().normalize(&pairs));
        let comparison = compare((&first, &options.0), (&second, &options.1), &questions)?;
        for (path, model) in [(&self.first, &first), (&self.second, &second)] {
            let unknown = UnknownSymbols::of(model.codec(), &pairs);
            warn_of_unknown(
                &unknown,
                &format!("{} for {}", self.file.display(), path.display()),
            );
        }
        if self.json {
            print_data(&serde_json::to_string(&comparison)?)?;
        } else {
            print_line(&self.summary(&comparison))?;
        }
        Ok(Done::Completed)
    }

    fn summary(&self, comparison: &Comparison) -> String {
        let (first, second) = (&comparison.first, &comparison.second);
        let rows = [
            [
                "",
                "first",
                "second",
                "second - first",
                "95 % interval",
                "p",
            ]
            .map(str::to_owned)
            .to_vec(),
            row(
                "exact match",
                first.exact_match,
                second.exact_match,
                &comparison.exact_match,
            ),
            row(
                "symbol error rate",
                first.symbol_error_rate,
                second.symbol_error_rate,
                &comparison.symbol_error_rate,
            ),
        ];
        let mut parts = vec![
            format!("{} questions", first.questions),
            table(&rows),
            format!(
                "right: {} both, {} only the first, {} only the second (McNemar's exact test: p = {:.4})",
                comparison.both_right,
                comparison.only_first_right,
                comparison.only_second_right,
                comparison.mcnemar_p
            ),
        ];
        if self.show > 0 && !comparison.disagreements.is_empty() {
            let shown = comparison.disagreements.iter().take(self.show);
            parts.push(disagreements(&shown.collect::<Vec<_>>()));
        }
        parts.join("\n")
    }
}

/// Questions that exactly one model answers right, with their features if they have some.
fn disagreements(shown: &[&Disagreement]) -> String {
    let with_features = shown.iter().any(|one| one.features.is_some());
    let row = |[source, features, reference, first, second]: [&str; 5]| {
        let features = with_features.then_some(features);
        let cells = [
            Some(source),
            features,
            Some(reference),
            Some(first),
            Some(second),
        ];
        cells.into_iter().flatten().map(str::to_owned).collect()
    };
    let mut rows: Vec<Vec<String>> = vec![row(["source", "features", "right", "first", "second"])];
    rows.extend(shown.iter().map(|one| {
        let features = one.features.as_deref().unwrap_or_default();
        let references = one.references.join(" | ");
        row([&one.source, features, &references, &one.first, &one.second])
    }));
    table(&rows)
}

fn row(name: &str, first: f64, second: f64, difference: &PairedDifference) -> Vec<String> {
    let PairedDifference {
        difference,
        interval,
        p,
    } = difference;
    vec![
        name.to_owned(),
        format!("{first:.4}"),
        format!("{second:.4}"),
        format!("{difference:+.4}"),
        format!("{:+.4} to {:+.4}", interval.low, interval.high),
        format!("{p:.4}"),
    ]
}
