//! Outputs held to a list or a regular expression.

#![allow(clippy::expect_used)] // a test may fail by panicking

mod toy;

use std::sync::Arc;

use proptest::prelude::*;
use seq2seq_runtime::decoding::{
    Constraint, ConstraintError, Method, Output, SearchInput, SearchOptions, search,
};
use seq2seq_runtime::text::{Normalization, Side, Tokenization, Vocabulary};
use toy::{Toy, input};

/// A target side whose ordinary symbols have the ids from 2 on; 0 ends, 1 begins.
fn side(tokenization: Tokenization, symbols: &[&str]) -> Side {
    let all = ["</s>", "<s>"].iter().chain(symbols);
    let all = all.map(|symbol| (*symbol).to_owned()).collect();
    let vocabulary = Vocabulary::from_parts(all, Some(1), Some(0), None).expect("a vocabulary");
    Side {
        tokenization,
        vocabulary,
    }
}

fn digits() -> Side {
    side(
        Tokenization::Characters,
        &["0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "-"],
    )
}

fn options(method: Method, constraint: Constraint) -> SearchOptions {
    SearchOptions {
        method,
        constraint: Some(Arc::new(constraint)),
        ..SearchOptions::default()
    }
}

fn text(side: &Side, output: &Output) -> String {
    let symbols: Vec<&str> = side.vocabulary.decode(&output.ids).into_iter().collect();
    side.tokenization.join(&symbols)
}

const SAMPLE: Method = Method::Sample {
    temperature: 3.0,
    top_k: Some(4),
    top_p: 0.9,
    seed: 1,
};

proptest! {
    /// Whatever the model finds probable, the output is a date.
    #[test]
    fn a_date_is_a_date(seed: u64, max_length in 10_usize..14) {
        let side = digits();
        let toy = Toy::new(seed, side.vocabulary.len());
        for method in [Method::GREEDY, Method::Beam { size: 4 }, SAMPLE] {
            let constraint = Constraint::pattern(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", &side, Normalization::None).expect("a pattern");
            let found = &search(&toy, &[input(&[3], max_length)], &options(method, constraint))[0][0];
            let date = text(&side, found);
            prop_assert!(found.finished);
            prop_assert_eq!(date.len(), 10);
            let fits = date.char_indices().all(|(place, c)| match place {
                4 | 7 => c == '-',
                _ => c.is_ascii_digit(),
            });
            prop_assert!(fits, "{}", date);
        }
    }

    /// With a beam of everything, the best allowed output of all is found.
    #[test]
    fn constrained_search_is_exhaustive(
        seed: u64,
        list in prop::collection::vec(prop::collection::vec(2_u32..4, 0..4), 1..6),
    ) {
        let side = side(Tokenization::Characters, &["a", "b"]);
        let toy = Toy::new(seed, 4);
        let texts: Vec<String> = list.iter().map(|ids| side.tokenization.join(&side.vocabulary.decode(ids))).collect();
        let (constraint, left_out) = Constraint::list(&texts, &side, Normalization::None).expect("a list");
        prop_assert!(left_out.is_empty());
        let best = toy
            .enumerate(&[3], 1, 3)
            .into_iter()
            .filter(|(ids, _)| list.contains(ids))
            .max_by(|a, b| a.1.total_cmp(&b.1))
            .expect("an allowed output");
        let found = &search(&toy, &[input(&[3], 3)], &options(Method::Beam { size: 500 }, constraint))[0][0];
        prop_assert_eq!(&found.ids, &best.0);
        prop_assert!((found.log_probability - best.1).abs() < 1e-9);
    }

    /// Even the tightest limit leaves room to end as allowed.
    #[test]
    fn outputs_end_in_time(seed: u64, extra in 0_usize..3) {
        let side = side(Tokenization::Characters, &["a", "b"]);
        let toy = Toy::new(seed, 4);
        let constraint = Constraint::pattern("(ab)+a*b", &side, Normalization::None).expect("a pattern");
        prop_assert_eq!(constraint.shortest(), 3);
        for method in [Method::GREEDY, SAMPLE] {
            let found = &search(&toy, &[input(&[3], 3 + extra)], &options(method, constraint.clone()))[0][0];
            prop_assert!(found.finished, "{:?}", found);
            prop_assert!(constraint.allows(&found.ids));
        }
    }
}

/// The automaton over symbols allows exactly the texts that the expression matches.
#[test]
fn symbols_are_joined_as_text_is() {
    let words = side(Tokenization::Spaces, &["K", "AE1", "T", "é"]);
    let ids = |text: &str| words.vocabulary.encode(&words.tokenization.split(text)).ids;
    let constraint =
        Constraint::pattern(r"(K AE1|é)( T)*", &words, Normalization::None).expect("a pattern");
    for allowed in ["K AE1", "K AE1 T", "é T T"] {
        assert!(constraint.allows(&ids(allowed)), "{allowed}");
    }
    for forbidden in ["K", "K T", "T", "", "AE1 K", "K AE1 é"] {
        assert!(!constraint.allows(&ids(forbidden)), "{forbidden}");
    }
    // Symbols of several bytes and characters advance by all of them.
    let any = Constraint::pattern(r"\w+( \w+)?", &words, Normalization::None).expect("a pattern");
    assert!(any.allows(&ids("é AE1")) && !any.allows(&ids("K K K")));
}

/// A first symbol that the model is given is part of the output that the constraint judges.
#[test]
fn given_first_symbols_count() {
    let side = side(Tokenization::Characters, &["a", "b"]);
    let toy = Toy::new(4, 4);
    let constraint = Constraint::pattern("ab", &side, Normalization::None).expect("a pattern");
    let options = options(Method::GREEDY, constraint);
    let given = |first| SearchInput {
        first,
        first_is_output: true,
        ..input(&[3], 5)
    };
    let found = search(&toy, &[given(2), given(3)], &options);
    assert_eq!(found[0][0].ids, [3], "after the given a comes b");
    assert!(found[1].is_empty(), "no output begins with b");
}

#[test]
fn outputs_without_symbols_are_left_out() {
    let (constraint, left_out) =
        Constraint::list(&["12", "1x", "3"], &digits(), Normalization::None).expect("a list");
    assert_eq!(left_out, ["1x"]);
    assert!(constraint.allows(&[3, 4]) && constraint.allows(&[5]) && !constraint.allows(&[3]));
}

/// What nothing satisfies is refused before decoding.
#[test]
fn unsatisfiable_constraints_are_refused() {
    let side = digits();
    let none: [&str; 0] = [];
    assert_eq!(
        Constraint::list(&none, &side, Normalization::None),
        Err(ConstraintError::EmptyList)
    );
    let error =
        Constraint::list(&["x1", "y"], &side, Normalization::None).expect_err("not writable");
    assert!(
        error.to_string().contains("\"x1\"") && error.to_string().contains("\"x\""),
        "{error}"
    );
    let error = Constraint::pattern("[a-z]+", &side, Normalization::None).expect_err("no letters");
    assert!(matches!(error, ConstraintError::Unsatisfiable { .. }));
    assert!(error.to_string().contains("\"0\""), "{error}");
    // Impossible on its own, whatever the symbols.
    assert!(Constraint::pattern(r"1\b2", &side, Normalization::None).is_err());
    let error = Constraint::pattern("(1", &side, Normalization::None).expect_err("not closed");
    assert!(error.to_string().contains("unclosed group"), "{error}");
    // An automaton must tell apart all that the last 30 symbols may have been.
    let error =
        Constraint::pattern("[0-9]*1[0-9]{30}", &side, Normalization::None).expect_err("too large");
    assert!(error.to_string().contains("64 MiB"), "{error}");
}

/// Counts inside each other are refused before they fill the memory.
#[test]
fn expressions_that_become_too_large_are_refused() {
    for pattern in [r"(a{1000}){1000}{1000}", r"\w{1000}{1000}", r"\w{5000}"] {
        let error =
            Constraint::pattern(pattern, &digits(), Normalization::None).expect_err("too large");
        assert!(
            matches!(error, ConstraintError::PatternTooLarge { .. }),
            "{error}"
        );
        assert!(error.to_string().contains("64 MiB"), "{error}");
    }
}

/// An expression is whole by itself: brackets, comments and marks of its own end with it.
#[test]
fn expressions_stay_within_their_brackets() {
    let side = digits();
    for pattern in ["1, Normalization::None)|(?:2", "1)(2", "1)"] {
        let error = Constraint::pattern(pattern, &side, Normalization::None).expect_err("unopened");
        assert!(error.to_string().contains("unopened group"), "{error}");
    }
    let ids = |text: &str| side.vocabulary.encode(&side.tokenization.split(text)).ids;
    let commented = Constraint::pattern("(?x) 1 2 # and no more", &side, Normalization::None)
        .expect("a pattern");
    assert!(commented.allows(&ids("12")));
    let either = Constraint::pattern("1|23", &side, Normalization::None).expect("a pattern");
    for (text, allowed) in [("1", true), ("23", true), ("13", false), ("123", false)] {
        assert_eq!(either.allows(&ids(text)), allowed, "{text}");
    }
    let anchored = Constraint::pattern(r"^1\z|2$", &side, Normalization::None).expect("a pattern");
    for (text, allowed) in [("1", true), ("2", true), ("12", false)] {
        assert_eq!(anchored.allows(&ids(text)), allowed, "{text}");
    }
}

/// What is asked for in one spelling is found in the model's, whichever it is.
#[test]
fn lists_and_patterns_are_in_the_form_of_the_models_texts() {
    let composed = side(
        Tokenization::Characters,
        &["a", "\u{e9}", "\u{ac00}", "\u{ac01}", "b"],
    );
    let apart = side(
        Tokenization::Characters,
        &["a", "e", "\u{301}", "\u{1100}", "\u{1161}", "\u{11a8}", "b"],
    );
    let allows = |constraint: &Constraint, side: &Side, text: &str| {
        let symbols = side.tokenization.split(text);
        let ids: Option<Vec<u32>> = symbols.iter().map(|s| side.vocabulary.id(s)).collect();
        constraint.allows(&ids.expect("known symbols"))
    };
    for (form, side) in [
        (Normalization::Nfc, &composed),
        (Normalization::Nfd, &apart),
    ] {
        let spelled = |text: &str| form.apply(text).into_owned();
        for text in ["a\u{e9}\u{ac01}", "ae\u{301}\u{1100}\u{1161}\u{11a8}"] {
            let (list, left_out) = Constraint::list(&[text], side, form).expect("a list");
            assert!(left_out.is_empty(), "{form:?}");
            let pattern = Constraint::pattern(text, side, form).expect("a pattern");
            for constraint in [list, pattern] {
                assert!(
                    allows(&constraint, side, &spelled("a\u{e9}\u{ac01}")),
                    "{form:?}"
                );
                assert!(
                    !allows(&constraint, side, &spelled("a\u{e9}\u{ac00}")),
                    "{form:?}"
                );
            }
        }
        let syllables = Constraint::pattern("(a|[\u{ac00}-\u{d7a3}]){2}\u{e9}?", side, form);
        let syllables = syllables.expect("a pattern");
        for (text, allowed) in [
            ("\u{ac00}\u{ac01}", true),
            ("a\u{ac01}\u{e9}", true),
            ("\u{ac00}\u{e9}", false),
            ("\u{ac00}b", false),
            ("\u{ac00}", false),
        ] {
            assert_eq!(
                allows(&syllables, side, &spelled(text)),
                allowed,
                "{form:?} {text}"
            );
        }
        let any = Constraint::pattern("a.*b", side, form).expect("a pattern");
        assert!(allows(&any, side, &spelled("a\u{ac01}\u{e9}b")), "{form:?}");
    }
}
