//! What is done to texts before they become symbols: case, stress, tables of target symbols.
#![allow(clippy::unwrap_used)]

mod support;

use seq2seq::Pair;
use seq2seq::data::read_symbols;
use seq2seq::encoding::PairCodec;
use seq2seq::training::{Task, Trainer};

/// A task on a file of pairs.
fn prepared(text: &str, settings: &[&str]) -> Result<Task, String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pairs.tsv");
    std::fs::write(&path, text).unwrap();
    let train = format!("data.train={}", path.display());
    let recipe = support::recipe(&["data.validation=0", "training.epochs=1"], settings)
        .with_overrides(&support::overrides(&[&train]))
        .unwrap();
    let message = |error: seq2seq::training::TaskError| {
        error
            .to_string()
            .replace(&path.display().to_string(), "pairs.tsv")
    };
    Task::prepare(recipe).map_err(message)
}

fn targets(task: &Task) -> Vec<String> {
    let symbols = task.codec.target.vocabulary.symbols().iter();
    let ordinary = symbols.filter(|s| task.codec.target.vocabulary.id(s).is_some());
    ordinary.cloned().collect()
}

const PAIRS: &str = "Cat\tK AE1 T\nDOG\tD AO1 G\nago\tAH0 G OW1\nthe\tDH AH0\n";

#[test]
fn sources_are_read_in_small_letters() {
    let task = prepared(PAIRS, &["text.case=lower", "text.target=spaces"]).unwrap();
    let codec = &task.codec;
    assert!(codec.source.vocabulary.id("C").is_none());
    for word in ["cat", "CAT", "Cat"] {
        let encoded = codec.encode_source(word, None);
        assert!(encoded.unknown.is_empty());
        assert_eq!(encoded.symbols, ["c", "a", "t"]);
    }
    let pair = Pair::from(("ÉTÉ", "AH0"));
    let normalized = codec.normalize(&[pair]);
    assert_eq!(
        (normalized[0].source.as_str(), normalized[0].target.as_str()),
        ("été", "AH0")
    );
    let kept = prepared(PAIRS, &["text.target=spaces"]).unwrap();
    assert_eq!(kept.codec.source_symbols("Cat"), ["C", "a", "t"]);
}

#[test]
fn stress_is_left_out() {
    let task = prepared(PAIRS, &["text.strip_stress=true", "text.target=spaces"]).unwrap();
    assert_eq!(
        targets(&task),
        ["AE", "AH", "AO", "D", "DH", "G", "K", "OW", "T"]
    );
    assert_eq!(task.codec.split_target("K AE1 T 5"), ["K", "AE", "T", "5"]);
    assert_eq!(task.codec.in_answer_form("AH0"), "AH");
}

#[test]
fn phones_are_written_in_another_notation() {
    let task = prepared(PAIRS, &["data.symbols=arpabet-ipa", "text.target=spaces"]).unwrap();
    assert_eq!(
        targets(&task),
        ["d", "k", "oʊ", "t", "æ", "ð", "ɔ", "ə", "ɡ"]
    );
    let codec = &task.codec;
    assert_eq!(codec.target_of_file("DH AH0 K"), "ð ə k");
    assert_eq!(codec.target_of_file("ð ə"), "ð ə");
    let stressless = [
        "data.symbols=arpabet-ipa",
        "text.strip_stress=true",
        "text.target=spaces",
    ];
    let task = prepared(PAIRS, &stressless).unwrap();
    assert_eq!(task.codec.target_of_file("DH AH0"), "ð ʌ");
    // In X-SAMPA, one symbol's value is another symbol's name: each is replaced once.
    let task = prepared(
        PAIRS,
        &["data.symbols=arpabet-xsampa", "text.target=spaces"],
    )
    .unwrap();
    assert_eq!(task.codec.target_of_file("DH D S SH"), "D d s S");
    let train = &task.train[3].target;
    let written: Vec<u32> = train[..2].to_vec();
    assert_eq!(task.codec.decode_target(&written), "D @");
}

/// The model keeps the table.
#[test]
fn a_model_keeps_what_is_done_to_texts() {
    let settings = [
        "data.symbols=arpabet-ipa",
        "text.case=lower",
        "text.target=spaces",
        "model.encoder_units=4",
    ];
    let task = prepared(PAIRS, &settings).unwrap();
    let model = Trainer::new(task, None).unwrap();
    let model = model.model().unwrap();
    let again = seq2seq::Model::from_bytes(&model.to_bytes(), "again").unwrap();
    assert_eq!(again.codec(), model.codec());
    assert_eq!(again.codec().target_of_file("AH0 G"), "ə ɡ");
    assert!(again.codec().lower_case);
}

#[test]
fn symbols_that_a_table_lacks_are_named() {
    let text = "cat\tK AE1 T\nloch\tL AA1 X QQ\n";
    let refused = prepared(text, &["data.symbols=arpabet-ipa"]).unwrap_err();
    assert!(
        refused.starts_with(
            "pairs.tsv, line 2: the table of symbols lacks \"X\", \"QQ\"; add them to it (data.symbols, \
             --symbols)\n  the line: \"loch\\tL AA1 X QQ\""
        ),
        "{refused}"
    );
    let skipping = [
        "data.symbols=arpabet-ipa",
        "data.on_bad_line=skip",
        "text.target=spaces",
    ];
    let task = prepared(text, &skipping).unwrap();
    assert_eq!((task.train.len(), task.report.skipped.count), (1, 1));
}

#[test]
fn tables_of_symbols_are_read_or_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("table.tsv");
    let read = |text: &str| {
        std::fs::write(&path, text).unwrap();
        read_symbols(&path)
    };
    let map = read(";;; mine\nA\ta ː\r\n\nB\nA\ta ː\n").unwrap();
    assert_eq!(map.len(), 2);
    assert_eq!(map.apply("A B C a"), ("a ː B C a".to_owned(), vec!["C"]));
    for (text, problem) in [
        ("", "there are no symbols in this file"),
        (
            "A\ta\nA\tb\n",
            "line 2: \"A\" is written \"a\" in an earlier line",
        ),
        ("A a\n", "line 1: \"A a\" is no symbol"),
        ("\ta\n", "line 1: \"\" is no symbol"),
        ("A\t \n", "line 1: nothing stands for \"A\""),
        ("A\ta\tb\n", "line 1: there are more than two columns"),
        ("A\0\n", "line 1: byte 2 of the line (column 1) is NUL"),
    ] {
        let refused = read(text).unwrap_err().to_string();
        assert!(refused.contains(problem), "{refused}");
    }
    for name in ["arpabet-ipa", "arpabet-xsampa"] {
        let table = read_symbols(name.as_ref()).unwrap();
        // 24 consonants, and 15 vowels with three grades of stress and without.
        assert_eq!(table.len(), 24 + 15 * 4, "{name}");
        assert!(table.apply("AA1 ZH").1.is_empty());
    }
}
