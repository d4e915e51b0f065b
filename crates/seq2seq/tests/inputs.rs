//! Every kind of input that turns up in practice has a defined answer: compressed files, other
//! encodings, marks, broken line ends, endless lines; and texts that look alike are read alike.
#![allow(clippy::unwrap_used)] // a test may fail by panicking

mod support;

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use proptest::prelude::*;
use ruzstd::encoding::{CompressionLevel, compress_to_vec};
use seq2seq::Pair;
use seq2seq::config::NormalizationChoice;
use seq2seq::data::{
    LONGEST_LINE, LONGEST_TEXT, OnBadLine, PairFile, ReadOptions, read_pairs_from,
};
use seq2seq::evaluation::UnknownSymbols;
use seq2seq::text::{Normalization, Tokenization};
use seq2seq::training::{LoadedPairs, Task};

fn read(bytes: &[u8]) -> Result<PairFile, String> {
    read_pairs_from(bytes, "f", &ReadOptions::default()).map_err(|error| error.to_string())
}

fn refusal(bytes: &[u8]) -> String {
    read(bytes).unwrap_err()
}

fn skipping(bytes: &[u8]) -> PairFile {
    let options = ReadOptions {
        on_bad_line: OnBadLine::Report,
        ..ReadOptions::default()
    };
    read_pairs_from(bytes, "f", &options).unwrap()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    compress_to_vec(bytes, CompressionLevel::Fastest)
}

const TEXT: &[u8] = b"abc\tA B C\nbc\tB C\n";

#[test]
fn compressed_files_read_as_what_they_hold() {
    let plain = read(TEXT).unwrap();
    let long = TEXT.repeat(20_000);
    let skippable = [b"\x50\x2A\x4D\x18\x03\0\0\0abc".as_slice(), &zstd(TEXT)].concat();
    for packed in [gzip(TEXT), zstd(TEXT)] {
        assert_eq!(read(&packed).unwrap(), plain);
    }
    for packed in [gzip(&long), zstd(&long)] {
        assert_eq!(read(&packed).unwrap().lines, 40_000);
    }
    // Several files packed one by one and put together; a frame that holds no data.
    assert_eq!(read(&[gzip(TEXT), gzip(TEXT)].concat()).unwrap().lines, 4);
    assert_eq!(read(&[zstd(TEXT), zstd(TEXT)].concat()).unwrap().lines, 4);
    // A skippable frame at the start has another mark, so only one that follows is met.
    let between = [zstd(TEXT), skippable].concat();
    assert_eq!(read(&between).unwrap().lines, 4);
    let marked = [b"\xEF\xBB\xBF", TEXT].concat();
    assert_eq!(read(&gzip(&marked)).unwrap(), plain);
}

#[test]
fn damaged_compressed_files_are_refused() {
    for packed in [gzip(TEXT), zstd(TEXT)] {
        for length in 6..packed.len() {
            let message = refusal(&packed[..length]);
            assert!(message.contains("cannot be read"), "{length}: {message}");
        }
    }
    let mut flipped = gzip(TEXT);
    let end = flipped.len() - 6;
    flipped[end] ^= 1;
    assert!(refusal(&flipped).contains("cannot be read"));
}

#[test]
fn other_encodings_and_archives_are_named() {
    let utf_16: Vec<u8> = "\u{feff}a\tb\n"
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    let big: Vec<u8> = "\u{feff}a\tb\n"
        .encode_utf16()
        .flat_map(u16::to_be_bytes)
        .collect();
    for bytes in [&utf_16, &big, &gzip(&utf_16)] {
        let message = refusal(bytes);
        assert!(
            message.contains("this is UTF-16; save it as UTF-8"),
            "{message}"
        );
        assert!(message.contains("iconv -f UTF-16 -t UTF-8"), "{message}");
    }
    let unmarked = refusal(&utf_16[2..]);
    assert!(
        unmarked.contains("line 1: byte 2 of the line (column 1) is NUL"),
        "{unmarked}"
    );
    assert!(unmarked.contains("UTF-16"), "{unmarked}");
    for (bytes, kind) in [
        (b"\xFD7zXZ\0....".as_slice(), "compressed with xz"),
        (b"BZh91AY", "compressed with bzip2"),
        (b"PK\x03\x04....", "a zip archive"),
        (b"7z\xBC\xAF\x27\x1C..", "a 7z archive"),
    ] {
        let message = refusal(bytes);
        assert!(
            message.contains(kind) && message.contains("unpack it"),
            "{message}"
        );
    }
    // Text that begins like one of them is text.
    for start in ["P", "PK", "BZ", "7", "7z", "("] {
        let line = format!("{start}\tx\n");
        assert_eq!(read(line.as_bytes()).unwrap().pairs[0].source, start);
    }
}

#[test]
fn bytes_that_no_text_has() {
    assert!(refusal(b"a\tb\nc\td\0e\n").contains("line 2: byte 4 of the line (column 2) is NUL"));
    let mac = refusal(b"a\tb\rc\td\r");
    assert!(
        mac.contains("byte 4 of the line (column 2) is a carriage return"),
        "{mac}"
    );
    assert!(mac.contains("old Macs"), "{mac}");
    let broken = refusal(b"a\tb\nab\tc\xFF\n");
    assert!(
        broken.contains("line 2: byte 5 of the line (column 2) is not UTF-8"),
        "{broken}"
    );
    // A lone surrogate, as some programs write it, is no UTF-8 either.
    assert!(refusal(b"a\t\xED\xA0\x80\n").contains("byte 3 of the line (column 2) is not UTF-8"));
}

#[test]
fn long_lines_and_many_columns() {
    let columns = |text: &str| format!("a\tb{}\n", text.repeat(1_000_000));
    assert_eq!(
        read(columns("\tx").as_bytes()).unwrap().pairs[0].target,
        "b"
    );
    let long = "x".repeat(10_000_000);
    let wide = format!("a\tb\t{long}\n");
    assert_eq!(read(wide.as_bytes()).unwrap().pairs[0].target, "b");
    let message = refusal(format!("a\t{long}\n").as_bytes());
    assert!(
        message.contains("column 2 has 10000000 bytes; a text may have 65536"),
        "{message}"
    );
    assert!(message.len() < 400, "the whole line is shown");
    let most = format!("{}\tb\n", "x".repeat(LONGEST_TEXT));
    assert_eq!(read(most.as_bytes()).unwrap().pairs.len(), 1);
}

/// A line without an end is passed over without being kept.
#[test]
fn endless_lines() {
    let mut bytes = b"a\tb\n".to_vec();
    bytes.resize(LONGEST_LINE + 1000, b'x');
    bytes.extend(b"\nc\td\n");
    let file = skipping(&gzip(&bytes));
    assert_eq!((file.pairs.len(), file.lines), (2, 3));
    assert!(
        file.skipped.first[0].reason.contains("longer than"),
        "{:?}",
        file.skipped.first
    );
}

#[test]
fn lines_left_out_are_listed_with_everything() {
    let file = skipping(b"a\tb\nno tab\n\tx\n\ny\t \nc\td\xFF\n");
    let rows: Vec<String> = file.skipped.first.iter().map(|line| line.row()).collect();
    assert_eq!(
        rows,
        [
            "f\t2\t\tfound 1 tab-separated column, but 2 are needed (source_column = 1, \
             target_column = 2)\t\"no tab\"\n",
            "f\t3\t1\tthe source (column 1) is empty\t\"\\tx\"\n",
            "f\t5\t2\tthe target (column 2) is empty\t\"y\\t \"\n",
            "f\t6\t2\tbyte 4 of the line (column 2) is not UTF-8; save the file as UTF-8\t\
             \"c\\td\u{fffd}\"\n",
        ]
    );
}

const COMPOSED: &str = "caf\u{e9}";
const APART: &str = "cafe\u{301}";

fn task(settings: &[&str], pairs: &[(&str, &str)]) -> Task {
    let base = [
        "data.validation=0",
        "text.source=characters",
        "text.target=characters",
    ];
    let recipe = support::recipe(&base, settings);
    let pairs = pairs.iter().map(|(source, target)| Pair {
        source: (*source).to_owned(),
        target: (*target).to_owned(),
        features: None,
    });
    Task::from_pairs(recipe, pairs).unwrap()
}

#[test]
fn spellings_of_one_letter_are_one_symbol() {
    for (form, symbols) in [("nfc", 4), ("nfd", 5), ("nfkc", 4)] {
        let setting = format!("text.normalization={form}");
        let task = task(&[&setting], &[(COMPOSED, "x"), (APART, "y")]);
        let encode = |text| task.codec.encode_source(text, None);
        assert_eq!(encode(COMPOSED), encode(APART), "{form}");
        assert_eq!(task.codec.source_symbols(APART).len(), symbols, "{form}");
        // The two pairs are one question, and the spelling that comes second is known in use.
        assert_eq!(task.train[0].source, task.train[1].source);
        let pairs = [Pair::from((APART, "x")), Pair::from((COMPOSED, "y"))];
        assert!(UnknownSymbols::of(&task.codec, &pairs).is_empty());
    }
    let as_it_is = task(&["text.normalization=none"], &[(COMPOSED, "x")]);
    let unknown = as_it_is.codec.encode_source(APART, None).unknown;
    assert_eq!(unknown.len(), 2, "{unknown:?}");
}

#[test]
fn targets_are_spelled_alike_and_answers_are_spelled_as_in_training() {
    for (form, length) in [("nfc", 4), ("nfd", 5), ("nfkc", 4), ("none", 4)] {
        for written in [COMPOSED, APART] {
            let setting = format!("text.normalization={form}");
            let task = task(&[&setting], &[("a", written)]);
            let codec = &task.codec;
            assert_eq!(codec.encode_target(written).ids, task.train[0].target);
            assert_eq!(
                codec.decode_target(&task.train[0].target),
                written,
                "{form}"
            );
            if form != "none" {
                assert_eq!(codec.split_target(COMPOSED).len(), length, "{form}");
                assert_eq!(codec.encode_target(COMPOSED), codec.encode_target(APART));
                assert_eq!(codec.in_answer_form(COMPOSED), written, "{form}");
                assert_eq!(codec.in_answer_form(APART), written, "{form}");
            }
        }
    }
}

#[test]
fn features_are_spelled_alike_too() {
    let recipe = support::recipe(&["data.validation=0", "data.features_column=3"], &[]);
    let pair = |features: &str| Pair {
        features: Some(features.to_owned()),
        ..Pair::from(("a", "b"))
    };
    let trained = Task::from_pairs(recipe.clone(), [pair("caf\u{e9};x")])
        .unwrap()
        .codec;
    for spelled in [COMPOSED, APART] {
        let encoded = trained.encode_source("a", Some(spelled));
        assert!(encoded.unknown_features.is_empty(), "{spelled:?}");
        assert!(!encoded.lacks_features);
    }
    let unknown = trained.encode_source("a\u{301}", Some("y;x"));
    assert_eq!(unknown.unknown_features, ["y"]);
    assert_eq!(
        unknown.unknown.len(),
        1,
        "symbols and features are told apart"
    );
    for missing in [None, Some(""), Some(" ; ")] {
        assert!(
            trained.encode_source("a", missing).lacks_features,
            "{missing:?}"
        );
    }
    // Where training had none for some pairs, nothing is missing.
    let optional = Task::from_pairs(recipe, [pair("x"), pair("")])
        .unwrap()
        .codec;
    assert!(!optional.encode_source("a", None).lacks_features);
}

/// Every syllable of four consonants and four vowels, of which `held_out` says which are held out.
fn syllables(held_out: impl Fn(u32, u32) -> bool) -> LoadedPairs {
    let (mut train, mut dev) = (Vec::new(), Vec::new());
    for (consonant, vowel) in (0..4).flat_map(|consonant| (0..4).map(move |v| (consonant, v))) {
        // Unicode 17, section 3.12: syllables are ordered by 19 consonants, 21 vowels, 28 finals.
        let syllable = char::from_u32(0xAC00 + (consonant * 21 + vowel) * 28).unwrap();
        let written = format!(
            "{}{}",
            ["g", "gg", "n", "d"][consonant as usize],
            ["a", "ae", "ya", "yae"][vowel as usize]
        );
        let pairs = if held_out(consonant, vowel) {
            &mut dev
        } else {
            &mut train
        };
        pairs.push(Pair::from((written.clone(), syllable.to_string())));
        pairs.push(Pair::from((
            format!("{written}{written}"),
            format!("{syllable}{syllable}"),
        )));
    }
    LoadedPairs {
        train,
        dev: Some(dev),
        ..LoadedPairs::default()
    }
}

#[test]
fn syllables_that_training_lacks_are_taken_apart_and_put_together_again() {
    let prepare = |settings: &[&str], loaded| {
        Task::new(support::recipe(&["data.validation=0"], settings), loaded).unwrap()
    };
    let diagonal = |consonant, vowel| consonant == vowel;
    let task = prepare(&[], syllables(diagonal));
    let decomposed = task.report.decomposed.as_ref().unwrap();
    assert_eq!((decomposed.side, decomposed.share), ("target", 1.0));
    assert_eq!(task.recipe.text.normalization, NormalizationChoice::Nfd);
    assert_eq!(task.codec.normalization, Normalization::Nfd);
    assert!(task.report.unseen.is_empty(), "{:?}", task.report.unseen);
    let ids = task.codec.encode_target("\u{AC00}").ids;
    assert_eq!(ids.len(), 3, "two letters and the end");
    assert_eq!(task.codec.decode_target(&ids), "\u{AC00}");

    let asked_for = prepare(&["text.normalization=nfc"], syllables(diagonal));
    assert_eq!(asked_for.report.decomposed, None);
    assert_eq!(asked_for.report.unseen.target.len(), 4);
    let all_seen = prepare(&[], syllables(|_, _| false));
    assert_eq!(all_seen.report.decomposed, None);
    assert_eq!(all_seen.recipe.text.normalization, NormalizationChoice::Nfc);
    // Nothing of this consonant is seen, in whatever form.
    let no_help = prepare(&[], syllables(|consonant, _| consonant == 0));
    assert_eq!(no_help.report.decomposed, None);
}

#[test]
fn grapheme_clusters_are_symbols() {
    let family = "\u{1F468}\u{200D}\u{1F469}\u{200D}\u{1F467}";
    let text = format!("g\u{308}{family}\u{1F1E9}\u{1F1EA}");
    let symbols = Tokenization::Graphemes.split(&text);
    assert_eq!(symbols, ["g\u{308}", family, "\u{1F1E9}\u{1F1EA}"]);
    let task = task(&["text.source=graphemes"], &[(&text, "x")]);
    assert_eq!(
        task.codec.source.vocabulary.id(family),
        task.codec
            .encode_source(family, None)
            .ids
            .symbols
            .first()
            .copied()
    );
}

proptest! {
    #[test]
    fn normalization_comes_to_rest(text: String) {
        prop_assert_eq!(
            Normalization::of_texts([text.as_str()]),
            match (Normalization::Nfc.apply(&text) == text, Normalization::Nfd.apply(&text) == text) {
                (true, false) => Some(Normalization::Nfc),
                (false, true) => Some(Normalization::Nfd),
                _ => None,
            }
        );
        for form in [Normalization::None, Normalization::Nfc, Normalization::Nfd, Normalization::Nfkc] {
            let once = form.apply(&text).into_owned();
            let twice = form.apply(&once).into_owned();
            prop_assert_eq!(twice, once);
        }
        let untouched = Normalization::None.apply(&text).into_owned();
        prop_assert_eq!(untouched, text);
    }

    #[test]
    fn graphemes_join_to_the_text(text: String) {
        let symbols = Tokenization::Graphemes.split(&text);
        prop_assert_eq!(Tokenization::Graphemes.join(&symbols), text);
    }

    /// Whatever is packed is read as if it were not.
    #[test]
    fn packing_changes_nothing(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        prop_assert_eq!(read(&gzip(&bytes)), read(&bytes));
        prop_assert_eq!(read(&zstd(&bytes)), read(&bytes));
    }
}
