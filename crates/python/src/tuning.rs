//! The search for settings.

use std::path::PathBuf;
use std::sync::Arc;

use pyo3::prelude::*;
use seq2seq::tuning::{Range, Search, SearchObserver, Strategy, Trial, TuningError};

use crate::errors::{Kind, OrRaise, exception};
use crate::model::json;
use crate::training::Asked;
use crate::watched::{Caller, watch};

/// Tells a Python function of trials.
struct Reporter {
    caller: Caller,
    on_trial: Arc<Py<PyAny>>,
}

impl SearchObserver for Reporter {
    fn trial_done(&mut self, trial: &Trial) {
        let on_trial = Arc::clone(&self.on_trial);
        let trial = serde_json::to_string(trial).unwrap_or_default();
        self.caller.ask(move |py| {
            let more = on_trial.call1(py, (trial,))?;
            more.is_truthy(py)
        });
    }

    fn wants_to_stop(&self) -> bool {
        self.caller.wants_to_stop()
    }
}

/// Searches for settings: keys and ranges that are varied, so many trials in so many seconds, all of the same length or
/// the best ones longer. `on_trial` is told of each as JSON; what it raises ends the search, and so does false. Gives
/// all trials as JSON, the best first.
#[pyfunction]
#[expect(
    clippy::too_many_arguments,
    reason = "each is an option that Python names"
)]
pub fn tune(
    py: Python<'_>,
    asked: Asked<'_>,
    ranges: Vec<(String, String)>,
    trials: usize,
    seconds: f64,
    halving: bool,
    folder: PathBuf,
    on_trial: Py<PyAny>,
) -> PyResult<String> {
    let job = asked.job(py)?;
    let parse = |(key, range): (String, String)| -> PyResult<(String, Range)> {
        let range = range
            .parse()
            .map_err(|error| exception(py, Kind::Invalid, format!("{key}: {error}")))?;
        Ok((key, range))
    };
    let ranges = ranges
        .into_iter()
        .map(parse)
        .collect::<PyResult<Vec<_>>>()?;
    let on_trial = Arc::new(on_trial);
    let work = |caller: Caller| -> Result<_, TuningError> {
        let set = job.set.clone();
        let (recipe, pairs) = job.recipe_and_pairs()?;
        let search = Search {
            recipe,
            set,
            ranges,
            trials,
            seconds,
            strategy: match halving {
                true => Strategy::Halving,
                false => Strategy::Random,
            },
            folder,
        };
        let mut reporter = Reporter { caller, on_trial };
        match pairs {
            Some(pairs) => search.run_on(&pairs, &mut reporter),
            None => search.run(&mut reporter),
        }
    };
    let (trials, _) = watch(py, work)?.or_raise(py)?;
    json(py, &trials)
}
