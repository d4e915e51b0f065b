//! Model selection: which of two validations is the better one.

use std::cmp::Ordering;

use super::run::history::Validation;
use crate::config::Monitor;

/// Questions below which one answer moves exact match by more than a percentage point.
pub const FEW_QUESTIONS: usize = 100;

/// Validation figures in the order in which they decide; the greater score is the better model.
///
/// Ties are common: while a model gets no answer right, exact match is 0 at every validation. The
/// finer figures decide then, so that training is seen to improve.
///
/// | `training.monitor` | first | on a tie | then |
/// |---|---|---|---|
/// | `exact-match` | exact match | symbol error rate | loss |
/// | `symbol-error-rate` | symbol error rate | exact match | loss |
/// | `loss` | loss | accuracy | exact match |
/// | `accuracy` | accuracy | loss | exact match |
///
/// Of fewer than [`FEW_QUESTIONS`], one or two more are right by chance from one epoch to the next.
/// `exact-match` is then exact match minus symbol error rate: every symbol of every answer counts,
/// which is far more evidence, and one answer can be outweighed.
#[derive(Clone, Copy, Debug)]
pub struct SelectionScore {
    keys: [f64; 3],
    figure: f64,
}

impl SelectionScore {
    /// The score of a validation; none if a figure is NaN or infinite, as such a model is never
    /// chosen.
    pub fn new(monitor: Monitor, validation: &Validation) -> Option<Self> {
        let &Validation {
            loss,
            accuracy,
            exact_match,
            symbol_error_rate,
            questions,
            ..
        } = validation;
        let figures = [loss, accuracy, exact_match, symbol_error_rate];
        let keys = match monitor {
            Monitor::ExactMatch if (1..FEW_QUESTIONS).contains(&questions) => {
                [exact_match - symbol_error_rate, exact_match, -loss]
            }
            Monitor::ExactMatch => [exact_match, -symbol_error_rate, -loss],
            Monitor::SymbolErrorRate => [-symbol_error_rate, exact_match, -loss],
            Monitor::Loss => [-loss, accuracy, exact_match],
            Monitor::Accuracy => [accuracy, -loss, exact_match],
        };
        let figure = match monitor {
            Monitor::ExactMatch => exact_match,
            _ => keys[0],
        };
        let finite = figures.iter().all(|figure| figure.is_finite());
        finite.then_some(Self { keys, figure })
    }

    /// The figure that the monitor names, larger is better.
    pub fn figure(&self) -> f64 {
        self.figure
    }
}

impl Ord for SelectionScore {
    fn cmp(&self, other: &Self) -> Ordering {
        let keys = self.keys.iter().zip(&other.keys);
        // Adding zero makes -0 the same as 0.
        keys.map(|(a, b)| (a + 0.0).total_cmp(&(b + 0.0)))
            .fold(Ordering::Equal, Ordering::then)
    }
}

impl PartialOrd for SelectionScore {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for SelectionScore {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for SelectionScore {}
