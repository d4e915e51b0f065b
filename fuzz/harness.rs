//! What is done with an input that nobody has checked. Each function may refuse it, but must neither
//! panic nor take long nor use much memory. The fuzz targets call them under libFuzzer; on a stable
//! toolchain `crates/seq2seq/tests/fuzz.rs` calls them with inputs of a mutator of its own.

use std::io::{Cursor, Write};

use seq2seq::config::Override;
use seq2seq::data::{
    Format, OnBadLine, ReadOptions, Texts, guess_tokenization, questions, read_pairs_from,
};
use seq2seq::text::{Normalization, Specials, Tokenization, Vocabulary};
use seq2seq::{Model, PredictOptions, Recipe};
use seq2seq_exchange::import::{ImportRequest, SymbolList, keras};
use sha2::{Digest, Sha256};

/// Loads a model: as it is, and with its checksum made right, as an attacker would. If it loads, it
/// must answer.
pub fn model_file(bytes: &[u8]) {
    for bytes in [bytes, &resealed(bytes)] {
        if let Ok(model) = Model::from_bytes(bytes, "input") {
            // The model's own limit holds, which is a number of the file, too.
            if let Ok(predictor) = model.predictor(PredictOptions::default()) {
                assert_eq!(predictor.predict(&["ab", ""]).len(), 2);
            }
        }
    }
}

/// Imports a model of Keras: the bytes as they are, and as each part of a `.keras` file. What is imported
/// must answer.
pub fn import(bytes: &[u8]) {
    let list = |symbols: &str| SymbolList(symbols.chars().map(String::from).collect());
    let request = ImportRequest {
        source: list("abcdefghij"),
        target: list("\t\nklmnopqrst"),
        ..ImportRequest::default()
    };
    let config = include_bytes!("corpus/import/config.json");
    let weights = include_bytes!("corpus/import/weights.h5");
    for bytes in [
        bytes,
        &keras_file(bytes, weights),
        &keras_file(config, bytes),
    ] {
        if let Ok(model) = keras::import(bytes, &request)
            && let Ok(predictor) = model.predictor(PredictOptions::default())
        {
            assert_eq!(predictor.predict(&["ab", ""]).len(), 2);
        }
    }
}

/// A `.keras` file of these parts, its checksums right.
fn keras_file(config: &[u8], weights: &[u8]) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let stored = zip::CompressionMethod::Stored;
    for (name, part) in [("config.json", config), ("model.weights.h5", weights)] {
        let options = zip::write::SimpleFileOptions::default().compression_method(stored);
        if writer.start_file(name, options).is_err() || writer.write_all(part).is_err() {
            return Vec::new();
        }
    }
    writer
        .finish()
        .map_or_else(|_| Vec::new(), Cursor::into_inner)
}

/// The bytes of a model file with the checksum that they should have.
pub fn resealed(bytes: &[u8]) -> Vec<u8> {
    const MARK: &[u8] = b"\"sha256:";
    let mut bytes = bytes.to_vec();
    let place = bytes
        .windows(MARK.len())
        .position(|window| window == MARK)
        .map(|place| place + MARK.len()..place + MARK.len() + 64);
    let Some(place) = place.filter(|place| place.end <= bytes.len()) else {
        return bytes;
    };
    bytes[place.clone()].fill(b'0');
    let digits: String = Sha256::digest(&bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    bytes[place].copy_from_slice(digits.as_bytes());
    bytes
}

/// Reads a recipe, and an override. What is accepted can be written and is read back as the same.
pub fn recipe(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    if let Ok(recipe) = Recipe::parse(text, "input") {
        let _ = recipe.check();
        let again = Recipe::parse(&recipe.to_toml(), "again");
        // What is not a number is not equal to itself.
        if !recipe.to_toml().contains("nan") {
            assert_eq!(again.ok().as_ref(), Some(&recipe));
        }
    }
    if let Ok(change) = text.parse::<Override>()
        && let Ok(recipe) = Recipe::default().with_overrides(&[change])
    {
        let _ = recipe.check();
    }
}

/// Reads pairs, compressed ones too. Every line is a pair, was left out, or is the header.
pub fn pairs(bytes: &[u8]) {
    let (options, bytes) = match bytes.split_first() {
        None => return,
        Some((first, rest)) => (options(*first), rest),
    };
    if let Ok(file) = read_pairs_from(bytes, "input", &options) {
        let header = usize::from(options.header && file.lines > 0);
        assert_eq!(
            file.pairs.len() + file.skipped.count + file.blank_lines + file.comments + header,
            file.lines,
            "{options:?}"
        );
        assert!(questions(&file.pairs).len() <= file.pairs.len());
        let sources: Vec<&str> = file.pairs.iter().map(|pair| pair.source.as_str()).collect();
        let targets: Vec<&str> = file.pairs.iter().map(|pair| pair.target.as_str()).collect();
        let guess = guess_tokenization(&Texts {
            own: &sources,
            other: &targets,
            held_out: &targets,
        });
        assert!(!guess.reason.is_empty());
    }
}

fn options(choice: u8) -> ReadOptions {
    let names = [
        "auto",
        "auto",
        "auto",
        "tsv",
        "csv",
        "tsv-quoted",
        "semicolons",
        "pipes",
        "json",
        "cmu",
        "kaldi",
        "kaldi-probabilities",
    ];
    let format: Format = names[usize::from(choice / 16) % names.len()]
        .parse()
        .unwrap_or_default();
    let columns = format.has_columns();
    ReadOptions {
        format,
        source_column: 1 + usize::from(columns && choice & 1 != 0),
        more_source_columns: Vec::new(),
        target_column: 2 - usize::from(columns && choice & 1 != 0),
        features_column: (columns && choice & 2 != 0).then_some(3),
        header: choice & 4 != 0,
        keys: Vec::new(),
        symbol_map: None,
        strip_stress: false,
        on_bad_line: if choice & 8 == 0 {
            OnBadLine::Skip
        } else {
            OnBadLine::Fail
        },
    }
}

/// Normalizes, tokenizes, builds a vocabulary and goes there and back; reads a vocabulary.
pub fn text(bytes: &[u8]) {
    if let Ok(vocabulary) = serde_json::from_slice::<Vocabulary>(bytes) {
        let json = serde_json::to_string(&vocabulary).unwrap_or_default();
        let again: Option<Vocabulary> = serde_json::from_str(&json).ok();
        assert_eq!(again.as_ref(), Some(&vocabulary));
    }
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    for normalization in [
        Normalization::None,
        Normalization::Nfc,
        Normalization::Nfd,
        Normalization::Nfkc,
    ] {
        let normal = normalization.apply(text);
        assert_eq!(normalization.apply(&normal), normal, "a second time");
        for tokenization in [
            Tokenization::Characters,
            Tokenization::Graphemes,
            Tokenization::Spaces,
        ] {
            there_and_back(&normal, tokenization);
        }
    }
}

fn there_and_back(text: &str, tokenization: Tokenization) {
    let symbols = tokenization.split(text);
    let specials = Specials {
        begin: true,
        end: true,
        unknown: true,
    };
    let vocabulary = Vocabulary::build(symbols.iter().copied(), specials);
    let encoded = vocabulary.encode(&symbols);
    assert!(encoded.unknown.is_empty());
    let decoded = vocabulary.decode(&encoded.ids);
    assert_eq!(decoded, symbols);
    if tokenization != Tokenization::Spaces {
        assert_eq!(tokenization.join(&decoded), text);
    }
}
