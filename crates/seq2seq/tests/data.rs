//! Files of pairs, questions, addition, splits and the tokenization guess.
#![allow(clippy::unwrap_used)]

use std::collections::HashSet;
use std::path::Path;

use proptest::prelude::*;
use seq2seq::data::{
    Addition, AdditionError, DataError, Draw, Guess, OnBadLine, Pair, PairFile, ReadOptions, Split,
    SplitError, SplitMethod, Texts, guess_tokenization, questions, read_pairs, read_pairs_from,
    split,
};
use seq2seq::text::Tokenization;

fn read(bytes: &[u8], options: &ReadOptions) -> Result<PairFile, DataError> {
    read_pairs_from(bytes, "words.tsv", options)
}

fn message(bytes: &[u8], options: &ReadOptions) -> String {
    read(bytes, options).unwrap_err().to_string()
}

fn pair(source: &str, target: &str) -> Pair {
    Pair {
        source: source.to_owned(),
        target: target.to_owned(),
        features: None,
    }
}

mod reading {
    use super::*;

    const ADVICE: &str = "correct it; training leaves such lines out with --on-bad-line skip (data.on_bad_line = \"skip\")";

    #[test]
    fn fields_are_taken_as_they_are() {
        let file = read(b"  7+8\t 15\n\"a\"\tb c \n", &ReadOptions::default()).unwrap();
        assert_eq!(file.pairs, [pair("  7+8", " 15"), pair("\"a\"", "b c ")]);
        assert_eq!((file.lines, file.skipped.count), (2, 0));
    }

    #[test]
    fn line_ends_and_byte_order_mark_do_not_matter() {
        let file = read(b"\xEF\xBB\xBFa\tb\r\n\r\nc\td", &ReadOptions::default()).unwrap();
        assert_eq!(file.pairs, [pair("a", "b"), pair("c", "d")]);
        assert_eq!((file.lines, file.blank_lines), (3, 1));
    }

    #[test]
    fn pairs_know_their_lines() {
        let options = ReadOptions {
            header: true,
            on_bad_line: OnBadLine::Skip,
            ..ReadOptions::default()
        };
        let file = read(b"word\tphones\na\tb\n\nc\nd\te\n", &options).unwrap();
        assert_eq!(file.pairs, [pair("a", "b"), pair("d", "e")]);
        assert_eq!(file.line_numbers, [2, 5]);
    }

    #[test]
    fn columns_can_be_chosen() {
        let options = ReadOptions {
            source_column: 3,
            target_column: 1,
            features_column: Some(2),
            header: true,
            ..ReadOptions::default()
        };
        let file = read(
            b"form\tfeatures\tlemma\nwent\tPST\tgo\ngo\t\tgo\n",
            &options,
        )
        .unwrap();
        let features: Vec<_> = file.pairs.iter().map(|p| p.features.as_deref()).collect();
        assert_eq!(features, [Some("PST"), Some("")]);
        assert_eq!(file.pairs[0].source, "go");
        assert_eq!(file.lines, 3);
    }

    #[test]
    fn too_few_columns() {
        assert_eq!(
            message(b"a\tb\nhello world\n", &ReadOptions::default()),
            format!(
                "words.tsv, line 2: found 1 tab-separated column, but 2 are needed \
                 (source_column = 1, target_column = 2)\n  the line: \"hello world\"\n  {ADVICE}"
            )
        );
        let options = ReadOptions {
            features_column: Some(4),
            ..ReadOptions::default()
        };
        assert_eq!(
            message(b"a\tb\n", &options),
            format!(
                "words.tsv, line 1: found 2 tab-separated columns, but 4 are needed \
                 (source_column = 1, target_column = 2, features_column = 4)\n  \
                 the line: \"a\\tb\"\n  {ADVICE}"
            )
        );
    }

    #[test]
    fn empty_fields() {
        assert_eq!(
            message(b" \tb\n", &ReadOptions::default()),
            format!(
                "words.tsv, line 1: the source (column 1) is empty\n  the line: \" \\tb\"\n  {ADVICE}"
            )
        );
        assert_eq!(
            message(b"a\t\n", &ReadOptions::default()),
            format!(
                "words.tsv, line 1: the target (column 2) is empty\n  the line: \"a\\t\"\n  {ADVICE}"
            )
        );
    }

    #[test]
    fn other_encodings() {
        let message = message(b"a\tb\nna\xEFve\tx\n", &ReadOptions::default());
        assert_eq!(
            message,
            format!(
                "words.tsv, line 2: byte 3 of the line (column 1) is not UTF-8; save the file as UTF-8\n  \
                 the line: \"na\u{fffd}ve\\tx\"\n  {ADVICE}"
            )
        );
    }

    #[test]
    fn long_lines_are_cut() {
        for letter in ["x", "\u{1F600}"] {
            let message = message(letter.repeat(1000).as_bytes(), &ReadOptions::default());
            let cut = format!("the line: \"{}\"...\n", letter.repeat(60));
            assert!(message.contains(&cut), "{message}");
        }
    }

    #[test]
    fn nothing_to_read() {
        assert_eq!(
            message(b"", &ReadOptions::default()),
            "words.tsv: there are no pairs in this file (0 lines, 0 of them skipped); \
             each line should be a source, a tab and a target"
        );
        let skip = ReadOptions {
            on_bad_line: OnBadLine::Skip,
            ..ReadOptions::default()
        };
        assert_eq!(
            message(b"\tb\n\n", &skip),
            "words.tsv: there are no pairs in this file (2 lines, 2 of them skipped, the first: \
             the source (column 1) is empty); each line should be a source, a tab and a target"
        );
    }

    #[test]
    fn column_zero() {
        let options = ReadOptions {
            target_column: 0,
            ..ReadOptions::default()
        };
        assert_eq!(
            message(b"a\tb\n", &options),
            "words.tsv: target_column is 0, but columns are counted from 1"
        );
    }

    #[test]
    fn bad_lines_can_be_skipped() {
        let options = ReadOptions {
            on_bad_line: OnBadLine::Skip,
            ..ReadOptions::default()
        };
        let file = read(b"a\tb\nc\n\xFF\td\n\te\nf\t\ng\th\n", &options).unwrap();
        assert_eq!(file.pairs, [pair("a", "b"), pair("g", "h")]);
        let lines: Vec<_> = file
            .skipped
            .first
            .iter()
            .map(|skipped| skipped.line)
            .collect();
        assert_eq!(lines, [2, 3, 4, 5]);
        assert_eq!(
            file.skipped.first[2].reason,
            "the source (column 1) is empty"
        );
    }

    #[test]
    fn paths() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("words.tsv");
        let error = read_pairs(&file, &ReadOptions::default()).unwrap_err();
        assert!(matches!(error, DataError::Missing { .. }));
        assert!(
            error
                .to_string()
                .contains("words.tsv: there is no such file"),
            "{error}"
        );

        let error = read_pairs(folder.path(), &ReadOptions::default()).unwrap_err();
        assert!(matches!(error, DataError::Folder { .. }));
        assert!(error.to_string().contains("this is a folder"), "{error}");

        std::fs::write(&file, "a\tb\n").unwrap();
        let read = read_pairs(&file, &ReadOptions::default()).unwrap();
        assert_eq!(read.pairs, [pair("a", "b")]);
    }

    #[test]
    fn a_path_through_a_file_is_unreadable_or_missing() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let error = read_pairs(&file.path().join("x"), &ReadOptions::default()).unwrap_err();
        let is_expected = matches!(
            error,
            DataError::Unreadable { .. } | DataError::Missing { .. }
        );
        assert!(is_expected, "{error}");
        assert!(read_pairs(Path::new(""), &ReadOptions::default()).is_err());
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(
            bytes in prop::collection::vec(any::<u8>(), 0..200),
            skip: bool,
        ) {
            let on_bad_line = if skip { OnBadLine::Skip } else { OnBadLine::Fail };
            let options = ReadOptions { on_bad_line, ..ReadOptions::default() };
            if let Ok(file) = read(&bytes, &options) {
                prop_assert_eq!(
                    file.pairs.len() + file.skipped.count + file.blank_lines,
                    file.lines
                );
            }
        }

        #[test]
        fn written_pairs_are_read_back(
            fields in prop::collection::vec(("[^\t\r\n\0 ]{1,9}", "[^\t\r\n\0]{0,3}[a-z]"), 1..9),
        ) {
            // A byte order mark at the very start is no data.
            let fields: Vec<_> =
                fields.into_iter().filter(|(source, _)| !source.starts_with('\u{feff}')).collect();
            prop_assume!(!fields.is_empty());
            let pairs: Vec<Pair> = fields.iter().map(|(s, t)| pair(s, t)).collect();
            let text: String = fields.iter().map(|(s, t)| format!("{s}\t{t}\r\n")).collect();
            prop_assert_eq!(read(text.as_bytes(), &ReadOptions::default()).unwrap().pairs, pairs);
        }
    }
}

#[test]
fn questions_gather_references() {
    let with = |features: &str| Pair {
        features: Some(features.to_owned()),
        ..pair("go", "go")
    };
    let pairs = [
        pair("read", "R IY D"),
        with("PRS"),
        pair("read", "R EH D"),
        pair("read", "R IY D"),
        with("INF"),
    ];
    let questions = questions(&pairs);
    let seen: Vec<_> = questions
        .iter()
        .map(|q| (q.source.as_str(), q.features.as_deref(), q.references.len()))
        .collect();
    assert_eq!(
        seen,
        [
            ("read", None, 2),
            ("go", Some("PRS"), 1),
            ("go", Some("INF"), 1)
        ]
    );
    assert_eq!(questions[0].references, ["R IY D", "R EH D"]);
}

mod addition {
    use super::*;

    use seq2seq::text::Align;

    fn settings() -> impl Strategy<Value = Addition> {
        let draws = prop_oneof![Just(Draw::Uniform), Just(Draw::DigitLength)];
        (
            2_usize..30,
            1_usize..=15,
            any::<u64>(),
            any::<bool>(),
            draws,
        )
            .prop_map(|(terms, digits, seed, reverse, draw)| Addition {
                terms,
                digits,
                seed,
                reverse,
                draw,
                count: 20,
                unique: false,
                align: Align::Right,
            })
    }

    fn terms(source: &str, reverse: bool) -> Vec<u128> {
        let text: String = if reverse {
            source.chars().rev().collect()
        } else {
            source.to_owned()
        };
        text.trim_start()
            .split('+')
            .map(|term| term.parse().unwrap())
            .collect()
    }

    fn sorted_terms(source: &str) -> Vec<u128> {
        let mut terms = terms(source, false);
        terms.sort_unstable();
        terms
    }

    proptest! {
        #[test]
        fn sums_are_right_and_widths_hold(addition in settings()) {
            let most = (10_u128.pow(addition.digits as u32) - 1) * addition.terms as u128;
            prop_assert_eq!(addition.target_width(), most.to_string().len());
            for pair in addition.generate().unwrap() {
                prop_assert_eq!(pair.source.len(), addition.source_width());
                prop_assert_eq!(pair.target.len(), addition.target_width());
                let terms = terms(&pair.source, addition.reverse);
                prop_assert_eq!(terms.len(), addition.terms);
                let sum: u128 = terms.iter().sum();
                prop_assert_eq!(pair.target.trim_start(), sum.to_string());
            }
        }

        #[test]
        fn checking_never_panics(
            terms: usize, digits: usize, count: usize, unique: bool, seed: u64,
        ) {
            let addition =
                Addition { terms, digits, count, unique, seed, ..Addition::default() };
            let _ = (addition.check(), addition.source_width(), addition.target_width());
        }
    }

    #[test]
    fn equal_seeds_give_equal_pairs_everywhere() {
        let addition = Addition {
            digits: 3,
            count: 4,
            seed: 42,
            ..Addition::default()
        };
        let sources = |addition: &Addition| -> Vec<String> {
            addition
                .generate()
                .unwrap()
                .into_iter()
                .map(|pair| pair.source)
                .collect()
        };
        assert_eq!(
            sources(&addition),
            ["681+950", "427+627", "288+149", "308+803"]
        );

        let keras = Addition {
            draw: Draw::DigitLength,
            reverse: true,
            ..addition
        };
        assert_eq!(
            sources(&keras),
            ["724+1  ", "1+37   ", "177+1  ", "09+635 "]
        );
    }

    #[test]
    fn unique_questions_can_be_used_up() {
        // 10 values make 10 * 11 / 2 pairs if their order does not count.
        let all = Addition {
            digits: 1,
            count: 55,
            unique: true,
            ..Addition::default()
        };
        let pairs = all.generate().unwrap();
        let keys: HashSet<_> = pairs
            .iter()
            .map(|pair| sorted_terms(&pair.source))
            .collect();
        assert_eq!(keys.len(), 55);

        let error = Addition { count: 56, ..all }.generate().unwrap_err();
        assert_eq!(
            error.to_string(),
            "56 unique questions were asked for, but there are only 55 with 2 terms of up to 1 \
             digits (the order of the terms does not count); ask for fewer, or for more digits"
        );
    }

    #[test]
    fn taken_questions_are_left_out_in_any_order() {
        let train = Addition {
            digits: 1,
            count: 40,
            unique: true,
            reverse: true,
            ..Addition::default()
        };
        let pairs = train.generate().unwrap();
        let mut taken: HashSet<String> = pairs.into_iter().map(|pair| pair.source).collect();
        taken.insert("no question".to_owned());

        let test = Addition {
            count: 15,
            seed: 1,
            ..train.clone()
        };
        let pairs = test.generate_excluding(&taken).unwrap();
        let key = |source: &str| {
            let mut terms = terms(source, true);
            terms.sort_unstable();
            terms
        };
        taken.remove("no question");
        let seen: HashSet<_> = taken.iter().map(|source| key(source)).collect();
        assert!(pairs.iter().all(|pair| !seen.contains(&key(&pair.source))));

        let error = Addition { count: 16, ..test }
            .generate_excluding(&taken)
            .unwrap_err();
        assert!(matches!(
            error,
            AdditionError::TooFewQuestions {
                existing: 55,
                taken: 40,
                ..
            }
        ));
        assert!(
            error
                .to_string()
                .contains("not count), 40 of them taken already;"),
            "{error}"
        );
    }

    #[test]
    fn drawing_gives_up_when_nothing_is_left() {
        let all = Addition {
            digits: 1,
            count: 5000,
            ..Addition::default()
        };
        let taken: HashSet<String> = all
            .generate()
            .unwrap()
            .into_iter()
            .map(|pair| pair.source)
            .collect();
        assert_eq!(taken.len(), 100, "all questions have come up");
        let error = Addition { count: 3, ..all }
            .generate_excluding(&taken)
            .unwrap_err();
        assert_eq!(error, AdditionError::Exhausted { count: 3, found: 0 });
    }

    #[test]
    fn wrong_settings_are_named() {
        let base = Addition::default();
        let check = |addition: Addition| addition.check().unwrap_err().to_string();
        assert_eq!(
            check(Addition {
                terms: 1,
                ..base.clone()
            }),
            "terms is 1, but a sum needs at least 2 terms"
        );
        for digits in [0, 16] {
            let message = check(Addition {
                digits,
                ..base.clone()
            });
            let expected = format!("digits is {digits}, but a term can have 1 to 15 digits");
            assert_eq!(message, expected);
        }
        assert_eq!(
            check(Addition {
                count: 0,
                ..base.clone()
            }),
            "count is 0; ask for at least one pair"
        );
        assert_eq!(
            check(Addition { terms: 500, ..base }),
            "500 terms of 2 digits make questions of 1499 symbols, but at most 1000 are possible; \
             ask for fewer terms or digits"
        );
    }

    #[test]
    fn settings_are_read_from_files() {
        let addition: Addition = toml::from_str("digits = 3\ndraw = \"digit-length\"").unwrap();
        assert_eq!(
            (addition.terms, addition.digits, addition.draw),
            (2, 3, Draw::DigitLength)
        );
        assert!(toml::from_str::<Addition>("digit = 3").is_err());
    }
}

mod splitting {
    use super::*;

    fn options(fraction: f64, method: SplitMethod, keep_sources_apart: bool) -> Split {
        Split {
            fraction,
            method,
            seed: 7,
            keep_sources_apart,
        }
    }

    fn numbered(count: usize) -> Vec<Pair> {
        (0..count)
            .map(|number| pair(&number.to_string(), "x"))
            .collect()
    }

    fn from_sources(sources: &[u8]) -> Vec<Pair> {
        sources
            .iter()
            .enumerate()
            .map(|(n, s)| pair(&s.to_string(), &n.to_string()))
            .collect()
    }

    #[test]
    fn the_last_pairs_are_held_out_with_the_rounding_of_keras() {
        // int(math.floor(n * (1.0 - f))), computed with Python.
        for (count, fraction, training) in [
            (10_000, 0.3, 7000),
            (5000, 0.1, 4500),
            (10, 0.2, 8),
            (11, 0.25, 8),
            (10, 0.7, 3),
            (20, 0.95, 1),
        ] {
            let pairs = numbered(count);
            let (train, held_out) =
                split(pairs.clone(), &options(fraction, SplitMethod::Last, false)).unwrap();
            assert_eq!(train.len(), training, "{count} {fraction}");
            assert_eq!([train, held_out].concat(), pairs);
        }
    }

    #[test]
    fn pairs_with_a_seen_source_stay_in_training() {
        let pairs = from_sources(&[1, 2, 3, 1, 4, 4]);
        let (train, held_out) = split(pairs, &options(0.5, SplitMethod::Last, true)).unwrap();
        assert_eq!(
            train.iter().map(|p| p.source.as_str()).collect::<Vec<_>>(),
            ["1", "2", "3", "1"]
        );
        assert_eq!(held_out.len(), 2);
    }

    #[test]
    fn random_draws_differ_by_seed_and_keep_file_order() {
        let draw = |seed| {
            split(
                numbered(100),
                &Split {
                    seed,
                    ..options(0.2, SplitMethod::Random, false)
                },
            )
            .unwrap()
        };
        assert_eq!(draw(1), draw(1));
        assert_ne!(draw(1), draw(2));
        let (train, held_out) = draw(1);
        assert_eq!((train.len(), held_out.len()), (80, 20));
        let numbers = |pairs: &[Pair]| -> Vec<u32> {
            pairs
                .iter()
                .map(|pair| pair.source.parse().unwrap())
                .collect()
        };
        assert!(numbers(&train).is_sorted() && numbers(&held_out).is_sorted());
        assert_eq!(
            numbers(&held_out)[..3],
            GOLDEN,
            "the same on every platform"
        );
    }

    const GOLDEN: [u32; 3] = [2, 3, 10];

    #[test]
    fn empty_sides_are_refused() {
        let refuse = |pairs, options| split(pairs, &options).unwrap_err().to_string();
        assert_eq!(
            refuse(numbered(1), options(0.5, SplitMethod::Last, false)),
            "holding out 0.5 of 1 pairs (1 distinct sources) leaves none to train on; \
             hold out less, or give more pairs"
        );
        assert_eq!(
            refuse(
                from_sources(&[1, 1, 1, 1]),
                options(0.25, SplitMethod::Random, true)
            ),
            "holding out 0.25 of 4 pairs (1 distinct sources) leaves none to train on; \
             hold out less, or give more pairs"
        );
        assert_eq!(
            refuse(
                from_sources(&[1, 2, 3, 1]),
                options(0.25, SplitMethod::Last, true)
            ),
            "holding out 0.25 of 4 pairs (3 distinct sources) holds out none, because the training \
             side has all their sources (the random method avoids this); hold out more, or give more \
             pairs"
        );
        assert!(split(Vec::new(), &options(0.5, SplitMethod::Random, true)).is_err());
    }

    #[test]
    fn fractions_must_be_between_zero_and_one() {
        for fraction in [0.0, 1.0, -0.1, 7.0, f64::NAN, f64::INFINITY] {
            let error =
                split(numbered(9), &options(fraction, SplitMethod::Last, false)).unwrap_err();
            assert!(matches!(error, SplitError::Fraction { .. }), "{fraction}");
        }
    }

    proptest! {
        #[test]
        fn sides_never_share_a_source(
            sources in prop::collection::vec(0_u8..20, 1..60),
            fraction in 0.01_f64..0.99,
            seed: u64,
            random: bool,
        ) {
            let method = if random { SplitMethod::Random } else { SplitMethod::Last };
            let pairs = from_sources(&sources);
            let options = Split { fraction, method, seed, keep_sources_apart: true };
            if let Ok((train, held_out)) = split(pairs.clone(), &options) {
                let seen: HashSet<&str> = train.iter().map(|p| p.source.as_str()).collect();
                prop_assert!(held_out.iter().all(|p| !seen.contains(p.source.as_str())));
                let mut both = [train, held_out].concat();
                both.sort_by_key(|pair| pair.target.parse::<usize>().unwrap());
                prop_assert_eq!(both, pairs);
            }
        }

        #[test]
        fn sizes_do_not_depend_on_the_method(count in 1_usize..200, fraction in 0.01_f64..0.99) {
            let sizes = |method| {
                split(numbered(count), &options(fraction, method, false))
                    .map(|(train, held_out)| (train.len(), held_out.len())).ok()
            };
            prop_assert_eq!(sizes(SplitMethod::Last), sizes(SplitMethod::Random));
        }
    }
}

mod guessing {
    use super::*;

    fn guessed(own: &[&str]) -> Guess {
        guess_tokenization(&Texts {
            own,
            ..Texts::default()
        })
    }

    fn guess(texts: &[&str]) -> Tokenization {
        guessed(texts).tokenization
    }

    #[test]
    fn phonemes_and_commands_stand_between_spaces() {
        let phonemes = [
            "CH EH S AH N",
            "P AH L OW M OW",
            "W ER D Z",
            "AH N",
            "S AH P OW Z",
            "N EH S T",
            "S EH N D Z",
            "M OW S T",
            "CH EH S T",
            "P AH N CH",
        ];
        assert_eq!(guess(&phonemes), Tokenization::Spaces);
        let commands = [
            "jump left twice and walk right",
            "walk left and jump right twice",
            "walk right twice and jump left twice",
            "jump right and walk left",
            "jump and walk twice and jump left",
            "walk left twice and jump right twice",
        ];
        assert_eq!(guess(&commands.repeat(20)), Tokenization::Spaces);
    }

    #[test]
    fn words_sentences_dates_and_padded_numbers_are_characters() {
        assert_eq!(
            guess(&["chesson", "palomo", "ice cream"]),
            Tokenization::Characters
        );
        assert_eq!(
            guess(&["Ça alors !", "Cours vite !", "Va chez toi."]),
            Tokenization::Characters
        );
        assert_eq!(
            guess(&["9 FEBRUARY, 1974", "2038 November 23"]),
            Tokenization::Characters
        );
        assert_eq!(
            guess(&["  1+2", " 10+2", "10+10", "  7+7"]),
            Tokenization::Characters
        );
        assert_eq!(guess(&[]), Tokenization::Characters);
        assert_eq!(guess(&["", " "]), Tokenization::Characters);
        assert_eq!(guess(&[" "]), Tokenization::Characters);
    }

    #[test]
    fn sentences_with_many_words_are_characters_however_often_words_recur() {
        let texts: Vec<String> = (0..20_000)
            .map(|n| format!("word{} word{}", n % 1500, n % 1400))
            .collect();
        let guess = guessed(&texts.iter().map(String::as_str).collect::<Vec<_>>());
        assert_eq!(guess.tokenization, Tokenization::Characters);
        assert_eq!(guess.alternative, Tokenization::Spaces);
        assert_eq!(
            guess.reason,
            "1500 distinct pieces between spaces, each 26.7 times on average"
        );
    }

    /// Phonemes of 40 words, as `edit` changes them.
    fn phonemes(edit: impl Fn(usize, String) -> String) -> Vec<String> {
        let phonemes = ["AH", "B", "K", "IY", "S"];
        let word = |n: usize| [n, n / 5, n / 25 + n].map(|at| phonemes[at % 5]).join(" ");
        (0..40).map(|n| edit(n, word(n))).collect()
    }

    fn guess_of(texts: &[String]) -> Tokenization {
        guess(&texts.iter().map(String::as_str).collect::<Vec<_>>())
    }

    #[test]
    fn one_stray_blank_does_not_turn_phonemes_into_letters() {
        let strays: [fn(String) -> String; 3] = [
            |text| format!("{text} "),
            |text| format!(" {text}"),
            |text| text.replacen(' ', "  ", 1),
        ];
        for stray in strays {
            let few = phonemes(|n, text| if n % 10 == 7 { stray(text) } else { text });
            assert_eq!(guess_of(&few), Tokenization::Spaces, "{}", few[7]);
            let many = phonemes(|n, text| if n % 5 == 2 { stray(text) } else { text });
            assert_eq!(guess_of(&many), Tokenization::Characters, "{}", many[2]);
        }
    }

    #[test]
    fn the_same_blanks_at_the_ends_of_every_line_separate_nothing() {
        let trailing = phonemes(|_, text| format!("{text} "));
        assert_eq!(guess_of(&trailing), Tokenization::Spaces);
        let indented = phonemes(|_, text| format!("  {text}"));
        assert_eq!(guess_of(&indented), Tokenization::Spaces);
        let aligned = phonemes(|n, text| format!("{}{text}", " ".repeat(n % 3)));
        assert_eq!(guess_of(&aligned), Tokenization::Characters);
    }

    /// Pairs of all words with each other, as texts.
    fn combinations(words: &[&str], join: &str) -> Vec<String> {
        let pair = |first: &&str| {
            let first = (*first).to_owned();
            words
                .iter()
                .map(move |second| format!("{first}{join}{second}"))
        };
        words.iter().flat_map(pair).collect()
    }

    fn slices(texts: &[String]) -> Vec<&str> {
        texts.iter().map(String::as_str).collect()
    }

    const NAMES: [&str; 8] = [
        "anna", "bernd", "clara", "dieter", "emil", "frieda", "gustav", "helga",
    ];

    #[test]
    fn names_that_recur_a_few_times_are_free_text() {
        let names = combinations(&NAMES, " ");
        let guess = guessed(&slices(&names));
        assert_eq!(guess.tokenization, Tokenization::Characters);
        assert_eq!(guess.alternative, Tokenization::Spaces);
        assert_eq!(
            guess.reason,
            "8 distinct pieces between spaces, each 16.0 times on average and 5.1 characters long: \
             they look like words of free text"
        );
    }

    #[test]
    fn pieces_made_of_letters_of_the_other_side_are_free_text() {
        let names = combinations(&NAMES, " ");
        let own = slices(&names).repeat(5);
        let other = |join: &str| -> Vec<String> {
            let texts = own.iter().zip(0..);
            texts
                .map(|(text, n)| format!("{}{n}", text.replace(' ', join)))
                .collect()
        };
        assert_eq!(guess(&own), Tokenization::Spaces, "without the other side");
        let guess = guess_tokenization(&Texts {
            own: &own,
            other: &slices(&other("")),
            held_out: &[],
        });
        assert_eq!(guess.tokenization, Tokenization::Characters);
        let why = "each 80.0 times on average, but they are made of letters of the other side";
        assert!(guess.reason.ends_with(why), "{}", guess.reason);
        // Words of the other side, as they are or as parts of its symbols, are none of its letters.
        let symbols: Vec<String> = own
            .iter()
            .map(|text| text.to_uppercase().replace(' ', " DO_"))
            .collect();
        for other in [&own, &slices(&symbols)] {
            let guess = guess_tokenization(&Texts {
                own: &own,
                other,
                held_out: &[],
            });
            assert_eq!(guess.tokenization, Tokenization::Spaces);
        }
    }

    #[test]
    fn unseen_pieces_of_the_held_out_part_speak_for_characters() {
        let with_held_out = |own: &[&str], held_out: &[&str]| {
            guess_tokenization(&Texts {
                own,
                other: &[],
                held_out,
            })
        };
        let names = combinations(&NAMES, " ");
        let names = slices(&names).repeat(5);
        let known = with_held_out(&names, &["anna emil"; 50]);
        assert_eq!(known.tokenization, Tokenization::Spaces);
        let mut held_out = vec!["anna emil"; 50];
        held_out.extend(["berta emil", "anna otto"]);
        let unknown = with_held_out(&names, &held_out);
        assert_eq!(unknown.tokenization, Tokenization::Characters);
        let why = "but 1.9 % of those in the validation pairs are not among them";
        assert!(unknown.reason.ends_with(why), "{}", unknown.reason);
        // A rare phoneme is one all the same.
        let phonemes = phonemes(|_, text| text);
        let rare = with_held_out(&slices(&phonemes), &["K AH S ZH", "B AH K S", "S IY K S"]);
        assert_eq!(rare.tokenization, Tokenization::Spaces);
    }

    #[test]
    fn combining_marks_speak_for_graphemes() {
        // NFC has no single character for a q with a tilde.
        let words = ["q\u{303}a", "aq\u{303}", "ta", "at", "q\u{303}aq\u{303}"];
        let marked = guessed(&words.repeat(5));
        assert_eq!(marked.tokenization, Tokenization::Graphemes);
        assert_eq!(marked.alternative, Tokenization::Characters);
        assert_eq!(
            marked.reason,
            "26.7 % of the characters are combining marks, which belong to the letters before them"
        );
        // Too many letters with marks to know them all.
        let many: Vec<String> = ('a'..='z')
            .map(|c| format!("{c}\u{303}{c}\u{302}"))
            .collect();
        assert_eq!(guess_of(&many), Tokenization::Characters);
        let unseen = guess_tokenization(&Texts {
            own: &words.repeat(5),
            other: &[],
            held_out: &["q\u{302}a"],
        });
        assert_eq!(unseen.tokenization, Tokenization::Characters);
        // An accent that has its letter is no reason.
        assert_eq!(guess(&["cafe\u{301}"; 20]), Tokenization::Characters);
    }

    #[test]
    fn reasons_have_numbers() {
        assert_eq!(
            guessed(&["a", "b c"]).reason,
            "1 of 2 texts contain a space"
        );
        assert_eq!(
            guessed(&[" 1"]).reason,
            "spaces seem to be data, as in \" 1\""
        );
        let long = format!(" {}", "1".repeat(100));
        assert_eq!(
            guessed(&[&long]).reason,
            format!("spaces seem to be data, as in \" {}\"...", "1".repeat(39))
        );
    }
}
