//! The G2P pack of the singing synthesiser OpenUtau: a zip of `g2p.onnx`, `phones.txt` and `dict.txt`.
//!
//! OpenUtau hands over the letters `src`, what was written so far `tgt` and a place in the letters `t`.
//! `pred` is the next phone, or 2 to go on to the next letter, and the word is done once all letters are
//! passed. A model writes all phones at the first letter and then goes on.

use std::io::{Cursor, Write};

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use seq2seq_runtime::Model;
use seq2seq_runtime::settings::{Architecture, Protocol};
use seq2seq_runtime::text::{Tokenization, Vocabulary};

use super::graph::{Axis, Graph};
use super::message::{AttributeProto, INT32, INT64};
use super::operators::cast;
use super::{NotExportable, check, network, whole_target};

/// The symbols that every pack begins with: unknown, padding, begin, end.
const SPECIALS: usize = 4;
/// Begins `tgt`, and as `pred` means to go on.
const GO_ON: i64 = 2;

/// Writes a model as a G2P pack. `entries` are the lines of `dict.txt`.
///
/// # Errors
/// Names the first setting that a pack cannot have.
pub fn export(model: &Model, entries: &str) -> Result<Vec<u8>, NotExportable> {
    let settings = model.settings();
    check(&settings.model, settings.feature_use())?;
    let codec = model.codec();
    let refused = [
        (settings.model.input_feeding, "model.input_feeding"),
        (settings.model.copy, "model.copy"),
        (
            settings.model.architecture == Architecture::Monotonic,
            "model.architecture = \"monotonic\"",
        ),
        (
            settings.model.protocol == Protocol::FirstSymbol,
            "model.protocol = \"first-symbol\"",
        ),
        (codec.features.is_some(), "data.features_column"),
        (codec.source_width > 0, "text.source_width"),
        (
            codec.source.tokenization != Tokenization::Characters,
            "text.source other than \"characters\"",
        ),
    ];
    if let Some((_, setting)) = refused.into_iter().find(|(given, _)| *given) {
        return Err(NotExportable { setting });
    }
    let (Some(begin), Some(end)) = (
        codec.target.vocabulary.begin(),
        codec.target.vocabulary.end(),
    ) else {
        return Err(NotExportable {
            setting: "text.target_end_mark = false",
        });
    };
    let graph = graph(&model.in_single_precision(), begin, end).into_file(&[]);
    let phones = phones(&codec.target.vocabulary);
    let order = order(&codec.source.vocabulary, &codec.target.vocabulary);
    let files = [
        ("dict.txt", entries.as_bytes()),
        ("phones.txt", phones.as_bytes()),
        ("symbols.txt", order.as_bytes()),
        ("g2p.onnx", graph.as_slice()),
    ];
    // Writing into memory never fails.
    Ok(packed(&files).unwrap_or_default())
}

fn packed(files: &[(&str, &[u8])]) -> zip::result::ZipResult<Vec<u8>> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    for (name, bytes) in files {
        writer.start_file(*name, options)?;
        writer.write_all(bytes)?;
    }
    Ok(writer.finish()?.into_inner())
}

/// The symbols of a vocabulary that are no marks, with their ids.
fn ordinary(vocabulary: &Vocabulary) -> impl Iterator<Item = (i64, &str)> {
    let symbols = (0..).zip(vocabulary.symbols());
    let symbols = symbols.filter(|(_, symbol)| vocabulary.id(symbol).is_some());
    symbols.map(|(id, symbol)| (id, symbol.as_str()))
}

/// A phone and its type a line. Vowels carry notes, so they are what OpenUtau needs to tell.
fn phones(vocabulary: &Vocabulary) -> String {
    const VOWELS: &str = "aeiouyAEIOUæɑɒɔəɚɛɜɝɞɐɪʊʌøœɶɵɘɤɯɨʉʏ@{}&";
    let kind = |phone: &str| match phone.starts_with(|c| VOWELS.contains(c)) {
        true => "vowel",
        false => "consonant",
    };
    let lines = ordinary(vocabulary).map(|(_, phone)| format!("{phone} {}\n", kind(phone)));
    lines.collect()
}

/// The order of letters and phones, which the ids of the graph follow.
fn order(letters: &Vocabulary, phones: &Vocabulary) -> String {
    let listed = |vocabulary: &Vocabulary| {
        let symbols: Vec<&str> = ordinary(vocabulary).map(|(_, symbol)| symbol).collect();
        format!("<unk> <pad> <bos> <eos> {}\n", symbols.join(" "))
    };
    format!("graphemes: {}phonemes: {}", listed(letters), listed(phones))
}

fn graph(model: &Model, begin: u32, end: u32) -> Graph<'_> {
    let codec = model.codec();
    let sizes = codec.sizes();
    let network = network(model);
    let mut graph = Graph::new("g2p", model.weights());
    let one = Axis::Size(1);
    let src = graph.input("src", INT32, &[one, Axis::Named("letters")]);
    let tgt = graph.input("tgt", INT32, &[one, Axis::Named("phones")]);
    graph.input("t", INT32, &[one]);

    // Letters as the model numbers them; what a pack does not know is unknown.
    let unknown = codec.source.vocabulary.unknown().map_or(0, i64::from);
    let mut letters = vec![unknown; SPECIALS];
    letters.extend(ordinary(&codec.source.vocabulary).map(|(id, _)| id));
    let mut ids = looked_up(&mut graph, &letters, &src);
    if codec.reverse_source {
        let operands = [
            graph.integers(&[-1]),
            graph.integers(&[i64::MIN]),
            graph.integers(&[1]),
            graph.integers(&[-1]),
        ];
        let [starts, ends, axes, steps] = &operands;
        ids = graph.node("Slice", &[&ids, starts, ends, axes, steps], &[]);
    }
    let axis = AttributeProto::int("axis", 1);
    if let Some(end) = codec
        .source
        .vocabulary
        .end()
        .filter(|_| codec.source_end_mark)
    {
        let end = graph.integers(&[end.into()]);
        let end = graph.reshaped(&end, &[1, 1]);
        ids = graph.node("Concat", &[&ids, &end], &[axis]);
    }
    let shape = graph.node("Shape", &[&ids], &[]);
    let second = graph.integers(&[1]);
    let lengths = graph.node("Gather", &[&shape, &second], &[]);

    let mut phones = vec![i64::from(begin); SPECIALS];
    phones.extend(ordinary(&codec.target.vocabulary).map(|(id, _)| id));
    let written = looked_up(&mut graph, &phones, &tgt);
    let operands = [&ids[..], &lengths, &written];
    let scores = whole_target(&mut graph, network.as_ref(), operands, None);
    let best = super::best(&mut graph, model, &scores, None);

    // Phones as the pack numbers them; the end mark is to go on.
    let mut numbers = vec![0; sizes.target];
    let places = (SPECIALS as i64..).zip(ordinary(&codec.target.vocabulary));
    for (number, (id, _)) in places {
        if let Some(place) = numbers.get_mut(id as usize) {
            *place = number;
        }
    }
    if let Some(place) = numbers.get_mut(end as usize) {
        *place = GO_ON;
    }
    let numbers = graph.integers(&numbers);
    let number = graph.node("Gather", &[&numbers, &best], &[]);
    let number = cast(&mut graph, &number, INT32);
    graph.output(&number, "pred", INT32, &[one]);
    graph
}

/// The numbers of a table at some places.
fn looked_up(graph: &mut Graph, table: &[i64], places: &str) -> String {
    let table = graph.integers(table);
    let places = cast(graph, places, INT64);
    graph.node("Gather", &[&table, &places], &[])
}
