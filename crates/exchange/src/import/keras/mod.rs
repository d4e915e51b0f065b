//! Keras models: recurrent encoder-decoder models of the kind of the tutorial
//! (<https://blog.keras.io/a-ten-minute-introduction-to-sequence-to-sequence-learning-in-keras.html>).
//!
//! A `.keras` file is a zip archive of the layers' configuration and an HDF5 file of weights; an `.h5`
//! file has both in one. The configuration is walked from the model's output to its inputs: what is
//! found on the way is the decoder, and where its first states come from is the encoder.

mod graph;
mod hdf5;
mod recurrence;
mod weights;

use seq2seq_runtime::Model;
use serde_json::Value;

use self::graph::{Graph, Layer, Reference, circle, text};
use self::hdf5::Hdf5;
use self::recurrence::Recurrence;
use self::weights::{KerasWeights, cell_of_bias};
use super::archive::Archive;
use super::assembly::assemble;
use super::encoder_decoder::{EncoderDecoder, Matrix};
use super::{ImportError, ImportRequest};

/// How an HDF5 file begins.
const HDF5_SIGNATURE: &[u8] = b"\x89HDF\r\n\x1a\n";
/// The entry of a `.keras` file that holds the configuration.
const CONFIG_FILE: &str = "config.json";
/// The entry that holds the weights.
const WEIGHTS_FILE: &str = "model.weights.h5";
/// The attribute of an `.h5` file that holds the configuration.
const CONFIGURATION: &str = "model_config";

/// Whether a file is one of Keras: an HDF5 file, or a zip archive with a configuration.
pub fn recognises(bytes: &[u8]) -> bool {
    let has_configuration = |archive: Archive| archive.has(CONFIG_FILE);
    bytes.starts_with(HDF5_SIGNATURE) || Archive::open(bytes).is_ok_and(has_configuration)
}

/// A model from the bytes of a `.keras` or `.h5` file.
///
/// # Errors
/// Names the part that is damaged, the layer that has no counterpart here, or what in the request does
/// not fit the file.
pub fn import(bytes: &[u8], request: &ImportRequest) -> Result<Model, ImportError> {
    let (graph, weights) = read(bytes)?;
    assemble(encoder_decoder(&graph, &weights)?, request)
}

/// Layers and weights of a file.
fn read(bytes: &[u8]) -> Result<(Graph, KerasWeights), ImportError> {
    if bytes.starts_with(HDF5_SIGNATURE) {
        let file = Hdf5::open(bytes.to_vec(), "the HDF5 file")?;
        let graph = Graph::parse(&json(&file.attribute(CONFIGURATION)?, CONFIGURATION)?)?;
        let weights = KerasWeights::by_name(file, &graph);
        return Ok((graph, weights));
    }
    let mut archive = Archive::open(bytes)?;
    let configuration = archive.read(CONFIG_FILE)?;
    let configuration = String::from_utf8_lossy(&configuration);
    let graph = Graph::parse(&json(&configuration, CONFIG_FILE)?)?;
    let file = Hdf5::open(archive.read(WEIGHTS_FILE)?, WEIGHTS_FILE)?;
    let weights = KerasWeights::by_class(file, &graph);
    Ok((graph, weights))
}

fn json(text: &str, part: &str) -> Result<Value, ImportError> {
    serde_json::from_str(text).map_err(|error| ImportError::damaged(part, error))
}

/// The layers below the output of a stack of recurrent layers, from the symbols up, and what the lowest
/// reads.
fn stack<'a>(
    graph: &'a Graph,
    top: &'a Reference,
) -> Result<(Vec<Recurrence<'a>>, &'a Reference), ImportError> {
    let mut layers = Vec::new();
    let mut below = graph.origin(top)?;
    for _ in 0..=graph.len() {
        let (layer, reads) = graph.resolve(below)?;
        let Some(recurrence) = Recurrence::of(layer, reads)? else {
            layers.reverse();
            return Ok((layers, below));
        };
        if !layers.is_empty() && !recurrence.sequences {
            return Err(layer.refused("gives on its last output alone, which another layer reads"));
        }
        layers.push(recurrence);
        below = match reads.first() {
            Some(input) => graph.origin(input)?,
            None => return Err(layer.refused("reads nothing")),
        };
    }
    Err(circle())
}

/// The encoder-decoder model that the layers are.
fn encoder_decoder(graph: &Graph, weights: &KerasWeights) -> Result<EncoderDecoder, ImportError> {
    let [output] = &graph.outputs[..] else {
        return Err(ImportError::Structure(format!(
            "the model has {} outputs: one that gives the target's probabilities is expected",
            graph.outputs.len()
        )));
    };
    let (dense, reads) = graph.resolve(graph.origin(output)?)?;
    check_output(dense)?;
    let (decoder, input) = match reads {
        [decoder] => stack(graph, decoder)?,
        _ => return Err(dense.refused("does not read one layer")),
    };
    let (Some(top), Some(lowest)) = (decoder.last(), decoder.first()) else {
        let (layer, _) = graph.resolve(input)?;
        return Err(layer.refused(
            "stands between the decoder and the output layer, where an LSTM, a GRU or a SimpleRNN is \
             expected",
        ));
    };
    if let Some(layer) = decoder.iter().find(|layer| layer.bidirectional) {
        return Err(layer.layer.refused("reads the target in both directions"));
    }
    if !top.sequences {
        let what = "gives on its last output alone: the model writes one symbol, and no target";
        return Err(top.layer.refused(what));
    }
    let (repeated, reads) = graph.resolve(input)?;
    let (fixed_length, encoder_top) = match repeated.class.as_str() {
        "RepeatVector" => (Some(repeat_count(repeated)?), reads.first()),
        _ => (None, top.reads.get(1)),
    };
    let Some(encoder_top) = encoder_top else {
        let what = "starts from zeros, and no encoder's state enters it";
        return Err(top.layer.refused(what));
    };
    let encoder_top = encoder_state(graph, encoder_top)?;
    let (encoder, source) = stack(graph, encoder_top)?;
    if encoder.is_empty() {
        let (layer, _) = graph.resolve(source)?;
        return Err(layer.refused(format!(
            "gives the decoder layer {:?} its state, where an LSTM, a GRU or a SimpleRNN is expected",
            top.layer.name
        )));
    }
    match fixed_length {
        None => check_states(graph, &encoder, &decoder)?,
        Some(_) => check_repeated(&encoder, &decoder)?,
    }
    let (target_embedding, target_length) = match fixed_length {
        None => embedded(graph, weights, input)?,
        Some(_) => (None, None),
    };
    let (source_embedding, source_length) = embedded(graph, weights, source)?;
    let cell = lowest.cell;
    if let Some(other) = encoder
        .iter()
        .chain(&decoder)
        .find(|layer| layer.cell != cell)
    {
        return Err(other.layer.refused(format!(
            "has another kind of cell than {:?}: all layers have one kind here",
            lowest.layer.name
        )));
    }
    let encoder: Result<Vec<_>, _> = encoder.iter().map(|it| weights.recurrent(it)).collect();
    let decoder = decoder
        .iter()
        .map(|layer| Ok(weights.recurrent(layer)?.forward));
    let decoder: Vec<_> = decoder.collect::<Result<_, ImportError>>()?;
    Ok(EncoderDecoder {
        cell: decoder
            .first()
            .map_or(cell, |layer| cell_of_bias(cell, layer)),
        source_embedding,
        target_embedding,
        encoder: encoder?,
        decoder,
        output: weights.dense(dense)?,
        bridge: None,
        fixed_length,
        lengths: [source_length, target_length],
    })
}

/// Refuses an output layer that does not score target symbols.
fn check_output(layer: &Layer) -> Result<(), ImportError> {
    let config = match layer.class.as_str() {
        "Dense" => &layer.config,
        "TimeDistributed" => {
            let inner = layer.config.get("layer").unwrap_or(&Value::Null);
            match text(inner, "class_name") {
                "Dense" => inner.get("config").unwrap_or(&Value::Null),
                class => {
                    return Err(layer.refused(format!("has a {class:?} inside, and no Dense")));
                }
            }
        }
        _ => {
            return Err(layer.refused(
                "is the output layer: a Dense layer with softmax can be imported in its place",
            ));
        }
    };
    match text(config, "activation") {
        // Without an activation it gives logits, as our own output layer does.
        "softmax" | "linear" => Ok(()),
        activation => Err(layer.refused(format!(
            "has the activation {activation:?}, but \"softmax\" makes probabilities of its scores"
        ))),
    }
}

fn repeat_count(layer: &Layer) -> Result<usize, ImportError> {
    let count = layer.config.get("n").and_then(Value::as_u64);
    let count = count.and_then(|count| usize::try_from(count).ok());
    count
        .filter(|&count| count > 0)
        .ok_or_else(|| layer.refused("repeats its input no times"))
}

/// The state of the encoder that a decoder's state comes from: one of both directions that are joined, or
/// the state itself.
fn encoder_state<'a>(graph: &'a Graph, state: &'a Reference) -> Result<&'a Reference, ImportError> {
    let state = graph.origin(state)?;
    match graph.resolve(state)? {
        (layer, [first, ..]) if layer.class == "Concatenate" => graph.origin(first),
        _ => Ok(state),
    }
}

/// Refuses decoder layers whose first states are not those that ours would have: the layers of both sides
/// are matched from the top.
fn check_states(
    graph: &Graph,
    encoder: &[Recurrence],
    decoder: &[Recurrence],
) -> Result<(), ImportError> {
    for (place, layer) in decoder.iter().enumerate() {
        let from = encoder
            .len()
            .saturating_add(place)
            .saturating_sub(decoder.len());
        let Some(expected) = encoder.get(from) else {
            continue;
        };
        let states = layer.reads.get(1..).unwrap_or_default();
        let wanted = layer.cell.kernel().states();
        if states.len() != wanted {
            return Err(layer.layer.refused(format!(
                "starts from {} states of the encoder, but a layer of its kind has {wanted}",
                states.len()
            )));
        }
        for (number, state) in states.iter().enumerate() {
            check_state(graph, (layer, state), expected, number)?;
        }
    }
    Ok(())
}

/// Refuses a state that is not the encoder layer's state of that number: h is 0, c is 1.
fn check_state(
    graph: &Graph,
    (decoder, state): (&Recurrence, &Reference),
    expected: &Recurrence,
    number: usize,
) -> Result<(), ImportError> {
    let state = graph.origin(state)?;
    let (layer, parts) = graph.resolve(state)?;
    // Output 0 is the sequence or the last output; the states of each direction follow.
    let output = |direction: usize| {
        let states = expected.cell.kernel().states();
        let before = direction.saturating_mul(states);
        number.saturating_add(before).saturating_add(1)
    };
    let is = |reference: &Reference, direction: usize| {
        // The last output of a layer is its h.
        let last = reference.output == 0 && number == 0 && !expected.sequences;
        reference.layer == expected.layer.name
            && (reference.output == output(direction) || (last && !expected.bidirectional))
    };
    let fits = match (expected.bidirectional, parts) {
        (false, _) => is(state, 0),
        (true, [ahead, back]) if layer.class == "Concatenate" => {
            is(graph.origin(ahead)?, 0) && is(graph.origin(back)?, 1)
        }
        (true, _) => false,
    };
    if fits {
        return Ok(());
    }
    let name = ["h", "c"].get(number).copied().unwrap_or_default();
    let join = match expected.bidirectional {
        true => " of both directions, forward first",
        false => "",
    };
    Err(decoder.layer.refused(format!(
        "starts from {:?} ({}), but here its state {name} comes from {:?}{join}",
        layer.name, layer.class, expected.layer.name
    )))
}

/// Refuses what a decoder of a repeated vector has and ours has not.
fn check_repeated(encoder: &[Recurrence], decoder: &[Recurrence]) -> Result<(), ImportError> {
    if let Some(layer) = encoder.last().filter(|layer| layer.sequences) {
        return Err(layer
            .layer
            .refused("gives all its outputs on, but one is repeated"));
    }
    match decoder.iter().find(|layer| layer.reads.len() > 1) {
        Some(layer) => Err(layer.layer.refused(
            "starts from the encoder's state and reads its output, too: a decoder here does one of both",
        )),
        None => Ok(()),
    }
}

/// The vectors of the symbols that a stack of layers reads, if there are any, and how many symbols it
/// reads, if that is fixed.
fn embedded(
    graph: &Graph,
    weights: &KerasWeights,
    input: &Reference,
) -> Result<(Option<Matrix>, Option<usize>), ImportError> {
    let (layer, reads) = graph.resolve(input)?;
    match layer.class.as_str() {
        "InputLayer" => Ok((None, layer.input_length())),
        "Embedding" => {
            let vectors = weights.embedding(layer)?;
            let length = match reads.first() {
                Some(below) => {
                    let (below, _) = graph.resolve(graph.origin(below)?)?;
                    if below.class != "InputLayer" {
                        return Err(below.refused("stands between the symbols and their embedding"));
                    }
                    below.input_length()
                }
                None => None,
            };
            Ok((Some(vectors), length))
        }
        _ => Err(layer.refused(
            "has no counterpart here: symbols are read one-hot or from an Embedding, by LSTM, GRU or \
             SimpleRNN",
        )),
    }
}
