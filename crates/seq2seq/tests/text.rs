//! Tokenization, vocabularies and one-hot vectors.
#![allow(clippy::unwrap_used)]

use proptest::prelude::*;
use seq2seq::text::{
    OneHotError, Specials, Tokenization, Vocabulary, VocabularyError, argmax, one_hot,
    one_hot_matrix,
};

const ALL_SPECIALS: Specials = Specials {
    begin: true,
    end: true,
    unknown: true,
};

fn owned(symbols: &[&str]) -> Vec<String> {
    symbols.iter().map(|&symbol| symbol.to_owned()).collect()
}

#[test]
fn characters_keep_every_space() {
    let symbols = Tokenization::Characters.split(" 7+é ");
    assert_eq!(symbols, [" ", "7", "+", "é", " "]);
    assert!(Tokenization::Characters.split("").is_empty());
}

#[test]
fn runs_of_spaces_count_once() {
    let symbols = Tokenization::Spaces.split("  AH0  B\u{a0}C T ");
    assert_eq!(
        symbols,
        ["AH0", "B\u{a0}C", "T"],
        "only the ASCII space separates"
    );
    assert_eq!(Tokenization::Spaces.join(&symbols), "AH0 B\u{a0}C T");
}

#[test]
fn tokenizations_are_spelled_in_lower_case() {
    assert_eq!(Tokenization::Characters.to_string(), "characters");
    assert_eq!(
        serde_json::to_string(&Tokenization::Spaces).unwrap(),
        "\"spaces\""
    );
    assert_eq!(format!("{:>8}", Tokenization::Spaces), "  spaces");
}

#[test]
fn specials_come_first_and_the_rest_is_sorted() {
    let vocabulary = Vocabulary::build(["b", "a", "é", "b", "Z"], ALL_SPECIALS);
    assert_eq!(
        vocabulary.symbols(),
        owned(&["<unk>", "<s>", "</s>", "Z", "a", "b", "é"])
    );
    assert_eq!(vocabulary.unknown(), Some(0));
    assert_eq!(vocabulary.begin(), Some(1));
    assert_eq!(vocabulary.end(), Some(2));
    let only_end = Specials {
        end: true,
        ..Specials::default()
    };
    assert_eq!(Vocabulary::build(["x"], only_end).end(), Some(0));
}

#[test]
fn the_notebook_has_thirteen_symbols_in_its_order() {
    let vocabulary = Vocabulary::notebook();
    assert_eq!(vocabulary.len(), 13);
    assert_eq!(vocabulary.end(), Some(12));
    assert_eq!(vocabulary.symbol(12), Some("\n"));
    assert_eq!((vocabulary.begin(), vocabulary.unknown()), (None, None));
    // The notebook's own example: 36+31 and its answer.
    let encode = |text| vocabulary.encode(&Tokenization::Characters.split(text)).ids;
    assert_eq!(encode("36+31"), [3, 6, 11, 3, 1]);
    assert_eq!(encode(" 67"), [10, 6, 7]);
}

#[test]
fn data_may_contain_the_spelling_of_a_special_symbol() {
    let vocabulary = Vocabulary::build(["<s>", "a"], ALL_SPECIALS);
    let encoded = vocabulary.encode(&["<s>", "a"]);
    assert!(encoded.unknown.is_empty());
    assert_ne!(encoded.ids.first().copied(), vocabulary.begin());
    assert_eq!(vocabulary.decode(&encoded.ids), ["<s>", "a"]);
}

#[test]
fn unseen_symbols_are_reported_with_their_place() {
    let with_unknown = Vocabulary::build(["a"], ALL_SPECIALS);
    let encoded = with_unknown.encode(&["a", "ß", "</s>"]);
    assert_eq!(encoded.ids, [3, 0, 0]);
    let places: Vec<_> = encoded
        .unknown
        .iter()
        .map(|u| (u.position, u.symbol.as_str()))
        .collect();
    assert_eq!(places, [(1, "ß"), (2, "</s>")]);
    assert_eq!(with_unknown.decode(&encoded.ids), ["a", "<unk>", "<unk>"]);

    let without = Vocabulary::build(["a"], Specials::default());
    let encoded = without.encode(&["ß", "a"]);
    assert_eq!(encoded.ids, [0]);
    assert_eq!(encoded.unknown.len(), 1);
}

#[test]
fn marks_and_foreign_ids_are_not_decoded() {
    let vocabulary = Vocabulary::build(["a"], ALL_SPECIALS);
    assert_eq!(vocabulary.decode(&[1, 3, 2, 99]), ["a"]);
}

#[test]
fn parts_are_checked() {
    let build = |symbols: &[&str], begin, end| {
        Vocabulary::from_parts(owned(symbols), begin, end, None)
            .unwrap_err()
            .to_string()
    };
    assert_eq!(
        build(&[], None, None),
        "a vocabulary needs at least one symbol"
    );
    assert_eq!(
        build(&["a", "b", "a"], None, None),
        "the symbol \"a\" is listed twice, as id 0 and as id 2"
    );
    assert_eq!(
        build(&["a"], None, Some(1)),
        "the end symbol has id 1, but the vocabulary ends before id 1"
    );
    assert_eq!(
        build(&["a", "b"], Some(0), Some(0)),
        "the begin symbol and the end symbol both have id 0"
    );
    // A special symbol may be spelled like an ordinary one.
    assert!(Vocabulary::from_parts(owned(&["a", "a"]), None, Some(1), None).is_ok());
}

#[test]
fn files_are_checked_like_parts() {
    let vocabulary = Vocabulary::notebook();
    let file = serde_json::to_string(&vocabulary).unwrap();
    assert_eq!(
        serde_json::from_str::<Vocabulary>(&file).unwrap(),
        vocabulary
    );

    let broken = r#"{"symbols": ["a", "a"]}"#;
    let message = serde_json::from_str::<Vocabulary>(broken)
        .unwrap_err()
        .to_string();
    let expected = VocabularyError::Duplicate {
        symbol: "a".to_owned(),
        first: 0,
        second: 1,
    };
    assert!(message.contains(&expected.to_string()), "{message}");
}

#[test]
fn argmax_takes_the_first_maximum() {
    assert_eq!(argmax(&[]), None);
    assert_eq!(argmax(&[-1.0, 3.0, 3.0]), Some(1));
    assert_eq!(argmax(&[f32::NEG_INFINITY, f32::NEG_INFINITY]), Some(0));
    assert_eq!(
        argmax(&[1.0, f32::NAN, f32::INFINITY, f32::NAN]),
        Some(1),
        "as in NumPy"
    );
}

#[test]
fn one_hot_needs_room_for_the_id() {
    assert_eq!(one_hot(2, 3).unwrap(), [0.0, 0.0, 1.0]);
    assert_eq!(
        one_hot(3, 3),
        Err(OneHotError::IdTooLarge { id: 3, dim: 3 })
    );
    assert!(one_hot(0, 0).is_err());
}

#[test]
fn rows_must_have_one_length() {
    let error = one_hot_matrix(&[vec![0, 1], vec![0]], 2).unwrap_err();
    assert_eq!(
        error.to_string(),
        "row 1 has 1 ids, but row 0 has 2: pad the rows to one length"
    );
}

#[test]
fn squeezing_drops_axes_of_length_one() {
    let encoded = one_hot_matrix(&[vec![1, 0, 2]], 3).unwrap();
    assert_eq!(encoded.shape, [1, 3, 3]);
    let squeezed = encoded.squeeze();
    assert_eq!(squeezed.shape, [3, 3]);
    assert_eq!(squeezed.ids(), [1, 0, 2]);

    let scalar = one_hot_matrix(&[vec![0]], 1).unwrap().squeeze();
    assert!(scalar.shape.is_empty());
    assert_eq!(scalar.ids(), [0]);
    assert!(one_hot_matrix(&[], 0).unwrap().ids().is_empty());
}

proptest! {
    #[test]
    fn joining_undoes_splitting_into_characters(text in any::<String>()) {
        let symbols = Tokenization::Characters.split(&text);
        prop_assert_eq!(symbols.len(), text.chars().count());
        prop_assert_eq!(Tokenization::Characters.join(&symbols), text);
    }

    #[test]
    fn splitting_undoes_joining_with_spaces(symbols in prop::collection::vec("[^ \t]+", 0..8)) {
        let text = Tokenization::Spaces.join(&symbols);
        prop_assert_eq!(Tokenization::Spaces.split(&text), symbols);
    }

    #[test]
    fn decoding_undoes_encoding(
        text in any::<String>(),
        begin: bool,
        end: bool,
        unknown: bool,
    ) {
        let symbols = Tokenization::Characters.split(&text);
        let vocabulary =
            Vocabulary::build(symbols.iter().copied(), Specials { begin, end, unknown });
        let encoded = vocabulary.encode(&symbols);
        prop_assert!(encoded.unknown.is_empty());
        prop_assert_eq!(encoded.ids.len(), symbols.len());
        prop_assert_eq!(vocabulary.decode(&encoded.ids), symbols);
    }

    #[test]
    fn a_vocabulary_survives_its_file(symbols in prop::collection::vec(any::<String>(), 0..20)) {
        let vocabulary = Vocabulary::build(symbols.iter().map(String::as_str), ALL_SPECIALS);
        let file = serde_json::to_string(&vocabulary).unwrap();
        prop_assert_eq!(serde_json::from_str::<Vocabulary>(&file).unwrap(), vocabulary);
    }

    #[test]
    fn ids_undo_the_one_hot_matrix(
        (rows, dim) in (1_u32..20, 0_usize..6).prop_flat_map(|(dim, time)| {
            let row = prop::collection::vec(0..dim, time);
            (prop::collection::vec(row, 0..6), Just(dim as usize))
        })
    ) {
        let encoded = one_hot_matrix(&rows, dim).unwrap();
        prop_assert_eq!(encoded.values.len(), encoded.shape.iter().product::<usize>());
        prop_assert_eq!(encoded.values.iter().sum::<f32>() as usize, rows.concat().len());
        prop_assert_eq!(encoded.ids(), rows.concat());
        prop_assert_eq!(encoded.squeeze().ids(), rows.concat());
    }
}
