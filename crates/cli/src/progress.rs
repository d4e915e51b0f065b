//! What training shows while it runs: a bar for each epoch on a terminal, plain lines elsewhere.

use std::io::IsTerminal;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use indicatif::{ProgressBar, ProgressStyle};
use seq2seq::training::{BatchReport, EpochRecord, Observer};

/// Shows training on standard error and stops it when asked to.
pub struct Progress {
    quiet: bool,
    epochs: Option<usize>,
    bar: Option<ProgressBar>,
    begun: Instant,
    pairs: u64,
    stop: Arc<AtomicBool>,
}

impl Progress {
    /// Shows so many epochs, or as many as there will be; `stop` ends training after the batch.
    pub fn new(epochs: Option<usize>, quiet: bool, stop: Arc<AtomicBool>) -> Self {
        Self {
            quiet,
            epochs,
            bar: None,
            begun: Instant::now(),
            pairs: 0,
            stop,
        }
    }
}

impl Observer for Progress {
    fn epoch_begins(&mut self, epoch: usize, batches: usize, _pairs: usize) {
        (self.begun, self.pairs) = (Instant::now(), 0);
        if self.quiet || !std::io::stderr().is_terminal() {
            return;
        }
        let style = ProgressStyle::with_template(
            "{prefix} {wide_bar:.cyan/dim} {pos}/{len}  {msg}  {eta} left",
        );
        let bar = ProgressBar::new(batches as u64)
            .with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
            .with_prefix(format!("epoch {epoch}{}", of(self.epochs)));
        self.bar = Some(bar);
    }

    fn batch_done(&mut self, report: &BatchReport) {
        self.pairs += report.pairs as u64;
        if let Some(bar) = &self.bar {
            bar.set_position(report.batch as u64);
            let speed = self.pairs as f64 / self.begun.elapsed().as_secs_f64();
            bar.set_message(format!(
                "{speed:.0} pairs/s  loss {:.4}  accuracy {:.3}",
                report.loss, report.accuracy
            ));
        }
    }

    fn epoch_done(&mut self, record: &EpochRecord) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
        if !self.quiet {
            say!("{}", epoch_line(record, self.epochs));
        }
    }

    fn wants_to_stop(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
}

/// How many there will be, where that is known.
fn of(epochs: Option<usize>) -> String {
    epochs.map_or(String::new(), |epochs| format!("/{epochs}"))
}

fn epoch_line(record: &EpochRecord, epochs: Option<usize>) -> String {
    let training = format!(
        "epoch {:>3}{}  {:>6.0} pairs/s  loss {:.4}  accuracy {:.4}",
        record.epoch,
        of(epochs),
        record.pairs_per_second,
        record.loss,
        record.accuracy
    );
    match &record.validation {
        None => training,
        Some(v) => format!(
            "{training}  |  dev: loss {:.4}  accuracy {:.4}  exact match {:.4}  symbol errors {:.4}{}",
            v.loss,
            v.accuracy,
            v.exact_match,
            v.symbol_error_rate,
            if v.best { "  best" } else { "" }
        ),
    }
}
