//! Errors of the libraries as exceptions of the package, with the same messages.

use pyo3::prelude::*;
use seq2seq::config::ConfigError;
use seq2seq::data::{AdditionError, DataError};
use seq2seq::decoding::{ConstraintError, SearchError};
use seq2seq::evaluation::CompareError;
use seq2seq::metrics::ScoreError;
use seq2seq::training::{MixtureError, TaskError, TrainingError};
use seq2seq::tuning::TuningError;
use seq2seq::{EnsembleError, ModelFileError};

/// The exceptions of the package.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `InvalidInput`, which is a ValueError.
    Invalid,
    /// `FileError`, which is an OSError.
    File,
    /// `Diverged`, which is an ArithmeticError.
    Diverged,
}

/// An exception of the package.
pub fn exception(py: Python<'_>, kind: Kind, message: String) -> PyErr {
    let name = match kind {
        Kind::Invalid => "InvalidInput",
        Kind::File => "FileError",
        Kind::Diverged => "Diverged",
    };
    let made = py
        .import("seq2seq._errors")
        .and_then(|module| module.getattr(name)?.call1((message,)));
    made.map_or_else(|error| error, PyErr::from_value)
}

/// An error of the libraries that has a kind.
pub trait LibraryError: std::fmt::Display {
    /// Its kind.
    fn kind(&self) -> Kind {
        Kind::Invalid
    }
}

/// What a call of the libraries gave, or the exception that tells what is wrong.
pub trait OrRaise<T> {
    /// Raises the error.
    fn or_raise(self, py: Python<'_>) -> PyResult<T>;
}

impl<T, E: LibraryError> OrRaise<T> for Result<T, E> {
    fn or_raise(self, py: Python<'_>) -> PyResult<T> {
        self.map_err(|error| exception(py, error.kind(), error.to_string()))
    }
}

impl LibraryError for SearchError {}
impl LibraryError for ConstraintError {}
impl LibraryError for ScoreError {}
impl LibraryError for CompareError {}
impl LibraryError for EnsembleError {}
impl LibraryError for MixtureError {}
impl LibraryError for AdditionError {}

impl LibraryError for ModelFileError {
    fn kind(&self) -> Kind {
        match self {
            Self::Missing(_) | Self::Unreadable { .. } | Self::Unwritable { .. } => Kind::File,
            _ => Kind::Invalid,
        }
    }
}

impl LibraryError for ConfigError {
    fn kind(&self) -> Kind {
        match self {
            Self::Unreadable { .. } => Kind::File,
            _ => Kind::Invalid,
        }
    }
}

impl LibraryError for DataError {
    fn kind(&self) -> Kind {
        match self {
            Self::Missing { .. } | Self::Folder { .. } | Self::Unreadable { .. } => Kind::File,
            _ => Kind::Invalid,
        }
    }
}

impl LibraryError for TaskError {
    fn kind(&self) -> Kind {
        match self {
            Self::Config(error) | Self::Override(error) => error.kind(),
            Self::Data(error) => error.kind(),
            Self::InitialModel(error) => error.kind(),
            _ => Kind::Invalid,
        }
    }
}

impl LibraryError for TrainingError {
    fn kind(&self) -> Kind {
        match self {
            Self::Task(error) => error.kind(),
            Self::Config(error) => error.kind(),
            Self::File(error) => error.kind(),
            Self::NotFinite(_) => Kind::Diverged,
            Self::RunExists(_)
            | Self::Busy(_)
            | Self::FolderGone(_)
            | Self::NoRun(_)
            | Self::Unwritable { .. } => Kind::File,
            _ => Kind::Invalid,
        }
    }
}

impl LibraryError for TuningError {
    fn kind(&self) -> Kind {
        match self {
            Self::Config(error) => error.kind(),
            Self::Training(error) => error.kind(),
            Self::Busy(_) | Self::File { .. } => Kind::File,
            _ => Kind::Invalid,
        }
    }
}
