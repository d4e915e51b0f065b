//! What training shows while it runs: a bar for each epoch on a terminal, plain lines elsewhere.

use std::io::{self, IsTerminal};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use seq2seq::training::{
    BatchReport, EpochRecord, NgramReport, NgramTrial, NoBaseline, Observer, Validation,
};
use unicode_width::UnicodeWidthStr;

use crate::output::{count, duration};

/// Epochs that have a line each, however short they are.
const ALL_SHOWN: usize = 20;
/// Time between the lines of further epochs.
const BETWEEN_LINES: Duration = Duration::from_secs(1);
/// Columns of a terminal that show the accuracy beside the bar.
const WIDE: u16 = 100;

/// Shows training on standard error and stops it when asked to.
pub struct Progress {
    quiet: bool,
    run: RunTime,
    stop: Arc<AtomicBool>,
    bar: Option<ProgressBar>,
    epoch: Epoch,
    lines: EpochLines,
}

/// The epoch that is under way.
struct Epoch {
    number: usize,
    batches: usize,
    begun: Instant,
    pairs: u64,
}

impl Progress {
    /// Shows a run that lasts for `length`; `stop` ends training after the batch.
    pub fn new(length: Length, quiet: bool, stop: Arc<AtomicBool>) -> Self {
        Self {
            quiet,
            run: RunTime::new(length),
            stop,
            bar: None,
            epoch: Epoch {
                number: 0,
                batches: 0,
                begun: Instant::now(),
                pairs: 0,
            },
            lines: EpochLines::new(length.epochs()),
        }
    }

    /// Shows the last epoch, if it has no line yet.
    pub fn finish(&mut self) {
        if !self.quiet {
            self.lines.finish();
        }
    }
}

impl Observer for Progress {
    fn epoch_begins(&mut self, epoch: usize, batches: usize, _pairs: usize) {
        self.epoch = Epoch {
            number: epoch,
            batches,
            begun: Instant::now(),
            pairs: 0,
        };
        if self.quiet || !io::stderr().is_terminal() {
            return;
        }
        let style =
            ProgressStyle::with_template("{prefix} {wide_bar:.cyan/dim} {pos}/{len}  {msg}");
        let bar = ProgressBar::new(batches as u64)
            .with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
            .with_prefix(format!("epoch {epoch}{}", of(self.lines.epochs)));
        self.bar = Some(bar);
    }

    fn batch_done(&mut self, report: &BatchReport) {
        let epoch = &mut self.epoch;
        epoch.pairs += report.pairs as u64;
        let left = self.run.left(epoch.number, report.batch, epoch.batches);
        if let Some(bar) = &self.bar {
            bar.set_position(report.batch as u64);
            let speed = epoch.pairs as f64 / epoch.begun.elapsed().as_secs_f64();
            let accuracy = match terminal_width().is_some_and(|columns| columns >= WIDE) {
                true => format!("  accuracy {:.3}", report.accuracy),
                false => String::new(),
            };
            let left = left.map_or(String::new(), |left| format!("  {} left", duration(left)));
            let loss = report.loss;
            bar.set_message(format!(
                "{speed:.0} pairs/s  loss {loss:.4}{accuracy}{left}"
            ));
        }
    }

    fn epoch_done(&mut self, record: &EpochRecord) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
        if !self.quiet {
            self.lines.show(record);
        }
    }

    fn fitted(&mut self, report: &NgramReport, record: &EpochRecord) {
        if !self.quiet {
            describe_fit(report);
            say!("{}", fit_line(record));
        }
    }

    fn baseline(&mut self, report: &NgramReport, validation: &Validation) {
        if !self.quiet {
            say!(
                "a joint n-gram model, fitted in {}, has {:.1} % wrong answers to {}; the network must \
                 beat it",
                duration(report.seconds),
                100.0 * (1.0 - validation.exact_match),
                count(validation.questions, "validation question")
            );
            describe_left_out(report);
        }
    }

    fn no_baseline(&mut self, reason: &NoBaseline) {
        if !self.quiet {
            say!("note: no n-gram model stands beside the network: {reason}");
        }
    }

    fn wants_to_stop(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
}

/// How long a run lasts, if nothing ends it before.
#[derive(Clone, Copy)]
pub enum Length {
    /// So many epochs.
    Epochs(usize),
    /// So many seconds from now on.
    Seconds(f64),
}

impl Length {
    fn epochs(self) -> Option<usize> {
        match self {
            Self::Epochs(epochs) => Some(epochs),
            Self::Seconds(_) => None,
        }
    }
}

/// The time that a run takes.
struct RunTime {
    length: Length,
    begun: Instant,
    /// Epochs that were done when this process began with its first batch.
    before: Option<f64>,
}

impl RunTime {
    fn new(length: Length) -> Self {
        Self {
            length,
            begun: Instant::now(),
            before: None,
        }
    }

    /// Seconds that are left of the run, validations included, after a batch of an epoch.
    fn left(&mut self, epoch: usize, batch: usize, batches: usize) -> Option<f64> {
        let elapsed = self.begun.elapsed().as_secs_f64();
        let epochs = match self.length {
            Length::Seconds(seconds) => return Some((seconds - elapsed).max(0.0)),
            Length::Epochs(epochs) => epochs as f64,
        };
        let done = epoch.saturating_sub(1) as f64 + batch as f64 / batches.max(1) as f64;
        let before = *self.before.get_or_insert(done);
        (done > before).then(|| elapsed * (epochs - done) / (done - before))
    }
}

/// The lines that epochs leave.
struct EpochLines {
    epochs: Option<usize>,
    shown: usize,
    last: Instant,
    /// The last epoch, if it has no line, and how many before it have none.
    hidden: Option<(EpochRecord, usize)>,
}

impl EpochLines {
    fn new(epochs: Option<usize>) -> Self {
        Self {
            epochs,
            shown: 0,
            last: Instant::now(),
            hidden: None,
        }
    }

    fn show(&mut self, record: &EpochRecord) {
        if self.shown >= ALL_SHOWN && self.last.elapsed() < BETWEEN_LINES {
            let before = self.hidden.take().map_or(0, |(_, before)| before + 1);
            self.hidden = Some((record.clone(), before));
            return;
        }
        self.print(record);
        self.hidden = None;
    }

    fn finish(&mut self) {
        if let Some((record, before)) = self.hidden.take() {
            if before > 0 {
                say!(
                    "(metrics.jsonl has {} before it)",
                    count(before, "more epoch")
                );
            }
            self.print(&record);
        }
    }

    fn print(&mut self, record: &EpochRecord) {
        let columns = terminal_width().map_or(usize::MAX, usize::from);
        say!("{}", epoch_line(record, self.epochs, columns));
        (self.shown, self.last) = (self.shown + 1, Instant::now());
    }
}

/// Columns of the terminal, if standard error is one.
fn terminal_width() -> Option<u16> {
    let (columns, _) = terminal_size::terminal_size_of(io::stderr())?;
    Some(columns.0)
}

/// The figures of an n-gram model.
fn fit_line(record: &EpochRecord) -> String {
    let fitted = format!("fitted in {}", duration(record.seconds));
    let Some(dev) = &record.validation else {
        return fitted;
    };
    format!(
        "{fitted}  |  dev: loss {:.4}  accuracy {:.4}  exact match {:.4}  symbol errors {:.4}",
        dev.loss, dev.accuracy, dev.exact_match, dev.symbol_error_rate,
    )
}

/// Says what was chosen for an n-gram model, and by what.
fn describe_fit(report: &NgramReport) {
    let reads = match report.span {
        1 => "one source symbol".to_owned(),
        span => format!("up to {span} source symbols"),
    };
    say!(
        "n-gram model: {} n-grams of up to {} of {} joint units, which read {reads}",
        report.ngrams,
        report.order,
        report.units
    );
    if report.tried.len() > 1 {
        let right = report.tried.iter().map(|trial| {
            let NgramTrial { span, order, .. } = *trial;
            let chosen = (span, order) == (report.span, report.order);
            let mark = if chosen { " (chosen)" } else { "" };
            format!("{span}/{order}: {:.4}{mark}", trial.validation.exact_match)
        });
        let right: Vec<String> = right.collect();
        say!(
            "exact match by source symbols of a unit and units of the longest n-gram: {}",
            right.join(", ")
        );
    }
    describe_left_out(report);
}

/// Says how many pairs an n-gram model does not count.
fn describe_left_out(report: &NgramReport) {
    if report.left_out > 0 {
        say!(
            "note: {} left out of the n-gram model, as no joint units align them: the target is more than twice as long as \
             the source, or both are very long",
            count(report.left_out, "training pair")
        );
    }
}

/// How many there will be, where that is known.
fn of(epochs: Option<usize>) -> String {
    epochs.map_or(String::new(), |epochs| format!("/{epochs}"))
}

/// All figures of an epoch, or those that fit into so many columns.
fn epoch_line(record: &EpochRecord, epochs: Option<usize>, columns: usize) -> String {
    let epoch = format!("epoch {:>3}{}", record.epoch, of(epochs));
    let (speed, loss, accuracy) = (record.pairs_per_second, record.loss, record.accuracy);
    let training = format!("{epoch}  {speed:>6.0} pairs/s  loss {loss:.4}  accuracy {accuracy:.4}");
    let Some(dev) = &record.validation else {
        return training;
    };
    let best = if dev.best { "  best" } else { "" };
    let full = format!(
        "{training}  |  dev: loss {:.4}  accuracy {:.4}  exact match {:.4}  symbol errors {:.4}{best}",
        dev.loss, dev.accuracy, dev.exact_match, dev.symbol_error_rate,
    );
    if full.width() <= columns {
        return full;
    }
    format!(
        "{epoch}  loss {loss:.4}  |  dev: loss {:.4}  exact match {:.4}{best}",
        dev.loss, dev.exact_match
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_epochs_fit_a_terminal() {
        let record = EpochRecord {
            epoch: 123,
            step: 4567,
            learning_rate: 0.001,
            loss: 12.3456,
            accuracy: 0.1234,
            pairs_per_second: 123_456.0,
            seconds: 1.0,
            validation: Some(Validation {
                loss: 12.3456,
                accuracy: 0.1234,
                exact_match: 0.1234,
                symbol_error_rate: 0.1234,
                questions: 100,
                best: true,
            }),
        };
        let narrow = epoch_line(&record, Some(1000), 80);
        assert!(narrow.len() <= 80, "{narrow}");
        assert!(narrow.ends_with("exact match 0.1234  best"), "{narrow}");
        let wide = epoch_line(&record, Some(1000), usize::MAX);
        assert!(wide.contains("symbol errors 0.1234"), "{wide}");
    }

    #[test]
    fn the_time_left_is_that_of_the_run() {
        let begun = Instant::now().checked_sub(Duration::from_secs(60));
        let mut run = RunTime {
            begun: begun.expect("the clock is past its first minute"),
            ..RunTime::new(Length::Epochs(10))
        };
        assert_eq!(run.left(3, 0, 4), None, "nothing is done yet");
        let left = run.left(4, 0, 4).expect("an epoch is done");
        assert!((left - 7.0 * 60.0).abs() < 1.0, "{left}");
        run.length = Length::Seconds(90.0);
        let left = run.left(4, 0, 4).expect("there is a budget");
        assert!((left - 30.0).abs() < 1.0, "{left}");
    }
}
