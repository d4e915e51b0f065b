//! What the Python package `seq2seq` needs of the libraries. The package's own modules, in `python/seq2seq`, are
//! what people see; here are conversions, errors, and the global interpreter lock, which is released by
//! everything that computes.

mod answers;
mod errors;
mod examination;
mod inputs;
mod lexicon;
mod model;
mod threads;
mod trace;
mod trainer;
mod training;
mod tuning;
mod watched;

/// The native part of the package.
#[pyo3::pymodule(gil_used = false)]
mod _native {
    use std::ffi::OsString;

    use pyo3::prelude::*;

    #[pymodule_export]
    use super::examination::{compare, ensemble, evaluate, explain, generate_addition};
    #[pymodule_export]
    use super::inputs::read_pairs_of_file;
    #[pymodule_export]
    use super::lexicon::{Lexicon, LexiconWriter};
    #[pymodule_export]
    use super::model::{Model, Predictor};
    #[pymodule_export]
    use super::threads::{set_threads, threads};
    #[pymodule_export]
    use super::trace::trace;
    #[pymodule_export]
    use super::trainer::Trainer;
    #[pymodule_export]
    use super::training::train;
    #[pymodule_export]
    use super::tuning::tune;

    /// Runs the program `seq2seq` with its arguments, the first of which is its name; the exit code.
    #[pyfunction]
    fn run_program(py: Python<'_>, arguments: Vec<OsString>) -> u8 {
        py.detach(|| seq2seq_cli::run(arguments))
    }

    /// Version of the libraries.
    #[pymodule_export]
    const VERSION: &str = env!("CARGO_PKG_VERSION");
}
