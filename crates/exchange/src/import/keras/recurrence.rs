//! Recurrent layers of a Keras model: which of them there are here.

use seq2seq_runtime::settings::CellKind;
use serde_json::Value;

use super::super::ImportError;
use super::graph::{Layer, Reference, text};

/// A recurrent layer, in one direction or both.
#[derive(Clone, Copy, Debug)]
pub struct Recurrence<'a> {
    /// The layer.
    pub layer: &'a Layer,
    /// What it reads: a sequence, then its first states.
    pub reads: &'a [Reference],
    /// Kind of cell.
    pub cell: CellKind,
    /// Whether it reads in both directions.
    pub bidirectional: bool,
    /// Whether it gives all its outputs on, not the last one alone.
    pub sequences: bool,
}

impl<'a> Recurrence<'a> {
    /// The layer as a recurrent one; none if it is another.
    ///
    /// # Errors
    /// If it is recurrent, with a setting that no layer here has.
    pub fn of(layer: &'a Layer, reads: &'a [Reference]) -> Result<Option<Self>, ImportError> {
        let (bidirectional, class, config) = match layer.class.as_str() {
            "Bidirectional" => {
                let inner = layer.config.get("layer").unwrap_or(&Value::Null);
                let config = inner.get("config").unwrap_or(&Value::Null);
                (true, text(inner, "class_name"), config)
            }
            class => (false, class, &layer.config),
        };
        let Some(cell) = cell(class, config) else {
            return match bidirectional {
                true => Err(layer.refused(format!(
                    "has a {class:?} inside: LSTM, GRU and SimpleRNN can be imported"
                ))),
                false => Ok(None),
            };
        };
        check(layer, config, cell)?;
        if bidirectional && text(&layer.config, "merge_mode") != "concat" {
            return Err(layer.refused(
                "joins its directions in another way than merge_mode=\"concat\", the only one that there \
                 is here",
            ));
        }
        if let Some(backward) = layer
            .config
            .get("backward_layer")
            .filter(|it| !it.is_null())
        {
            let config = backward.get("config").unwrap_or(&Value::Null);
            if text(backward, "class_name") != class {
                return Err(layer.refused("has another kind of layer for its backward direction"));
            }
            // Of the two, it is the one that is meant to read backwards.
            let mut config = config.clone();
            if let Some(config) = config.as_object_mut() {
                config.remove("go_backwards");
            }
            check(layer, &config, cell)?;
        }
        Ok(Some(Self {
            layer,
            reads,
            cell,
            bidirectional,
            sequences: is_set(config, "return_sequences"),
        }))
    }
}

fn is_set(config: &Value, key: &str) -> bool {
    config.get(key).and_then(Value::as_bool).unwrap_or(false)
}

/// The kind of cell of a class; none if it is no recurrent layer that there is here.
fn cell(class: &str, config: &Value) -> Option<CellKind> {
    match class {
        "LSTM" => Some(CellKind::Lstm),
        "GRU" if config.get("reset_after").is_some() && !is_set(config, "reset_after") => {
            Some(CellKind::GruOriginal)
        }
        "GRU" => Some(CellKind::Gru),
        "SimpleRNN" => Some(CellKind::Rnn),
        _ => None,
    }
}

/// Refuses settings that change what a layer computes.
fn check(layer: &Layer, config: &Value, cell: CellKind) -> Result<(), ImportError> {
    let activations: &[(&str, &str)] = match cell {
        CellKind::Rnn => &[("activation", "tanh")],
        _ => &[("activation", "tanh"), ("recurrent_activation", "sigmoid")],
    };
    for &(key, expected) in activations {
        let found = config.get(key).unwrap_or(&Value::Null);
        if found.as_str() != Some(expected) {
            return Err(layer.refused(format!(
                "has {key} = {found}, but {expected:?} is the only one that there is here"
            )));
        }
    }
    for (key, why) in [
        ("go_backwards", "reads its input from its end"),
        ("stateful", "goes on from the state of the batch before"),
        ("time_major", "reads sequences time first"),
    ] {
        if is_set(config, key) {
            return Err(layer.refused(format!("{why} ({key}), which no layer here does")));
        }
    }
    Ok(())
}
