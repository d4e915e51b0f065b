//! The layers of a Keras model and how they are connected, from its configuration.

use std::collections::HashMap;

use serde_json::Value;

use super::super::ImportError;

/// Layers of a model, in the order of its configuration.
#[derive(Debug)]
pub struct Graph {
    layers: Vec<Layer>,
    places: HashMap<String, usize>,
    /// What the model gives out.
    pub outputs: Vec<Reference>,
}

/// A layer.
#[derive(Debug)]
pub struct Layer {
    /// Its name.
    pub name: String,
    /// Its class.
    pub class: String,
    /// Its settings.
    pub config: Value,
    /// What each use of it reads: sequences or vectors, then the first states of a recurrent layer.
    uses: Vec<Vec<Reference>>,
}

/// An output of a use of a layer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    /// Name of the layer.
    pub layer: String,
    /// Number of the use.
    pub number: usize,
    /// Number of the output.
    pub output: usize,
}

/// Layers that only do something in training, or to padding, which our sources do not have.
const PASSED_THROUGH: [&str; 8] = [
    "Dropout",
    "SpatialDropout1D",
    "GaussianNoise",
    "GaussianDropout",
    "AlphaDropout",
    "ActivityRegularization",
    "Masking",
    "Identity",
];

impl Graph {
    /// Reads the configuration of a model, as Keras 2 and 3 write it.
    ///
    /// # Errors
    /// If it is none, or of a model that is a class of its own, whose code only Python has.
    pub fn parse(config: &Value) -> Result<Self, ImportError> {
        let class = text(config, "class_name");
        let inner = config.get("config").unwrap_or(&Value::Null);
        let sequential = class == "Sequential";
        if !sequential && !matches!(class, "Functional" | "Model") {
            return Err(ImportError::Structure(format!(
                "the model has the class {class:?}, whose code only Python has: save a model that is made \
                 with keras.Model(inputs, outputs) or keras.Sequential"
            )));
        }
        let listed = match inner {
            Value::Array(layers) => layers,
            inner => inner
                .get("layers")
                .and_then(Value::as_array)
                .ok_or_else(|| ImportError::Structure("the model has no layers".to_owned()))?,
        };
        let mut layers: Vec<Layer> = listed.iter().map(Layer::parse).collect();
        let mut outputs = Vec::new();
        if sequential {
            let has_input = layers
                .first()
                .is_some_and(|layer| layer.class == "InputLayer");
            if let Some(first) = layers.first().filter(|_| !has_input) {
                // Keras 2 leaves it out; the first layer has its settings.
                let input = Layer {
                    name: String::new(),
                    class: "InputLayer".to_owned(),
                    config: first.config.clone(),
                    uses: Vec::new(),
                };
                layers.insert(0, input);
            }
            for layer in &mut layers {
                layer.uses = vec![outputs];
                outputs = vec![Reference {
                    layer: layer.name.clone(),
                    number: 0,
                    output: 0,
                }];
            }
        } else {
            collect(
                inner.get("output_layers").unwrap_or(&Value::Null),
                &mut outputs,
            );
        }
        let names = layers.iter().map(|layer| layer.name.clone());
        let places: HashMap<String, usize> = names.zip(0..).collect();
        if places.len() != layers.len() {
            return Err(ImportError::Structure(
                "two layers have the same name".to_owned(),
            ));
        }
        Ok(Self {
            layers,
            places,
            outputs,
        })
    }

    /// All layers.
    pub fn layers(&self) -> &[Layer] {
        &self.layers
    }

    /// How many layers there are, which no walk from layer to layer needs more steps than.
    pub fn len(&self) -> usize {
        self.layers.len()
    }

    /// The layer that an output belongs to, and what that use of it reads.
    ///
    /// # Errors
    /// If there is no such layer or use.
    pub fn resolve(&self, reference: &Reference) -> Result<(&Layer, &[Reference]), ImportError> {
        let missing = || {
            ImportError::Structure(format!(
                "a layer reads from {:?}, which is not there",
                reference.layer
            ))
        };
        let place = self.places.get(&reference.layer).ok_or_else(missing)?;
        let layer = self.layers.get(*place).ok_or_else(missing)?;
        match layer.uses.get(reference.number) {
            Some(reads) => Ok((layer, reads)),
            // An input layer reads nothing.
            None if layer.class == "InputLayer" => Ok((layer, &[])),
            None => Err(missing()),
        }
    }

    /// Where an output comes from, past layers that only do something in training.
    ///
    /// # Errors
    /// If a layer is missing, or the layers read in a circle.
    pub fn origin<'a>(&'a self, reference: &'a Reference) -> Result<&'a Reference, ImportError> {
        let mut reference = reference;
        for _ in 0..=self.layers.len() {
            match self.resolve(reference)? {
                (layer, [below]) if PASSED_THROUGH.contains(&layer.class.as_str()) => {
                    reference = below;
                }
                _ => return Ok(reference),
            }
        }
        Err(circle())
    }
}

/// The error of layers that read in a circle.
pub fn circle() -> ImportError {
    ImportError::Structure("the layers read from each other in a circle".to_owned())
}

impl Layer {
    fn parse(value: &Value) -> Self {
        let config = value.get("config").cloned().unwrap_or(Value::Null);
        let own = text(value, "name");
        let name = if own.is_empty() {
            text(&config, "name")
        } else {
            own
        };
        let uses = value.get("inbound_nodes").and_then(Value::as_array);
        Self {
            name: name.to_owned(),
            class: text(value, "class_name").to_owned(),
            uses: uses.into_iter().flatten().map(reads).collect(),
            config,
        }
    }

    /// The error of a layer that has no counterpart here, or a setting that has none.
    pub fn refused(&self, reason: impl Into<String>) -> ImportError {
        ImportError::Layer {
            layer: self.name.clone(),
            kind: self.class.clone(),
            reason: reason.into(),
        }
    }

    /// The length of the sequences of an input layer, if it is fixed.
    pub fn input_length(&self) -> Option<usize> {
        let shapes = ["batch_shape", "batch_input_shape"];
        let shape = shapes.into_iter().find_map(|key| self.config.get(key))?;
        shape.get(1)?.as_u64()?.try_into().ok()
    }
}

/// What a use of a layer reads, as Keras 3 or Keras 2 writes it.
fn reads(node: &Value) -> Vec<Reference> {
    let mut reads = Vec::new();
    match node.get("args") {
        Some(arguments) => {
            collect(arguments, &mut reads);
            let states = node.pointer("/kwargs/initial_state");
            collect(states.unwrap_or(&Value::Null), &mut reads);
        }
        None => collect(node, &mut reads),
    }
    reads
}

/// All references within a value, in their order.
fn collect(value: &Value, references: &mut Vec<Reference>) {
    if let Some(reference) = reference(value) {
        references.push(reference);
        // Keras 2 gives states as the fourth part of a reference.
        if let Some(states) = value.get(3).and_then(|more| more.get("initial_state")) {
            collect(states, references);
        }
        return;
    }
    match value {
        Value::Array(values) => values.iter().for_each(|value| collect(value, references)),
        Value::Object(tensor) if text(value, "class_name") == "__keras_tensor__" => {
            let history = tensor
                .get("config")
                .and_then(|config| config.get("keras_history"));
            references.extend(history.and_then(reference));
        }
        _ => {}
    }
}

/// A reference as `["name", 0, 0]`.
fn reference(value: &Value) -> Option<Reference> {
    Some(Reference {
        layer: value.get(0)?.as_str()?.to_owned(),
        number: value.get(1)?.as_u64()?.try_into().ok()?,
        output: value.get(2)?.as_u64()?.try_into().ok()?,
    })
}

/// A text of an object; empty if there is none.
pub fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}
