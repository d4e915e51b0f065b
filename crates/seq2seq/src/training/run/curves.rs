//! The history of a run as charts.

use super::history::{EpochRecord, Validation};
use crate::charts::{Chart, Series};

type Points = Vec<(f64, f64)>;

/// Loss, and shares of what was right, over epochs.
pub fn history(records: &[EpochRecord]) -> [Chart; 2] {
    let loss = Chart::new("loss (teacher-forced)", "epoch", "nats a symbol")
        .with(Series::line("training", training(records, |r| r.loss)))
        .with(Series::line("validation", validation(records, |v| v.loss)));
    let right = Chart::new(
        "share right: symbols teacher-forced, answers free-running",
        "epoch",
        "",
    )
    .within_y((0.0, 1.0))
    .with(Series::line(
        "training symbols",
        training(records, |r| r.accuracy),
    ))
    .with(Series::line(
        "validation symbols",
        validation(records, |v| v.accuracy),
    ))
    .with(Series::line(
        "validation answers",
        validation(records, |v| v.exact_match),
    ));
    [loss, right]
}

fn training(records: &[EpochRecord], value: impl Fn(&EpochRecord) -> f64) -> Points {
    let point = |record: &EpochRecord| (record.epoch as f64, value(record));
    records.iter().map(point).collect()
}

fn validation(records: &[EpochRecord], value: impl Fn(&Validation) -> f64) -> Points {
    let point = |record: &EpochRecord| {
        let validation = record.validation.as_ref()?;
        Some((record.epoch as f64, value(validation)))
    };
    records.iter().filter_map(point).collect()
}
