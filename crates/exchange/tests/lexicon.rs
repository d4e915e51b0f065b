//! Entries of lexicons: which are chosen, and how each format writes them.
#![allow(clippy::expect_used)] // a test may fail by panicking

use std::path::{Path, PathBuf};

use seq2seq_exchange::lexicon::{
    Choice, Distinct, LexiconFormat, PhoneList, Pronunciation, Rejection, words_of,
};
use seq2seq_runtime::decoding::{Method, SearchOptions};
use seq2seq_runtime::{Lexicon, Model, Origin, PredictOptions};

const FORMATS: [&str; 9] = [
    "cmu",
    "mfa",
    "mfa-probabilities",
    "kaldi",
    "kaldi-probabilities",
    "sherpa",
    "phonetisaurus",
    "openutau",
    "json",
];

fn format(name: &str) -> LexiconFormat {
    name.parse().expect("a format")
}

fn pronunciation(phones: &str, probability: f64) -> Pronunciation {
    Pronunciation {
        phones: phones.split(' ').map(str::to_owned).collect(),
        probability,
        origin: Origin::Model,
    }
}

/// The lines of a few words in each format; `UPDATE_FILES=1` writes them anew.
#[test]
fn every_format_is_written_as_before() {
    let entries = [
        (
            "a",
            vec![pronunciation("AH0", 0.5), pronunciation("EY1", 0.4)],
        ),
        ("d'or", vec![pronunciation("D AO1 R", 0.875)]),
        ("été", vec![pronunciation("e t e", 0.00001)]),
    ];
    for name in FORMATS {
        let lines = entries.iter().map(|(word, entry)| {
            let lines = format(name).lines(word, entry);
            lines.expect("an entry that can be written")
        });
        let written: String = lines.collect();
        let path = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("tests/golden")
            .join(name);
        if std::env::var_os("UPDATE_FILES").is_some() {
            std::fs::write(&path, &written).expect("a file");
        }
        let golden = std::fs::read_to_string(&path).expect("a golden file");
        assert_eq!(written, golden, "{name}");
    }
    let message = "cmudict".parse::<LexiconFormat>().expect_err("no format");
    assert!(message.to_string().contains("give cmu, mfa"), "{message}");
}

#[test]
fn what_a_format_cannot_hold_is_rejected() {
    let fine = [pronunciation("K AE T", 1.0)];
    let refused = |name: &str, word: &str| format(name).lines(word, &fine).err();
    for name in FORMATS {
        let blank = refused(name, "new york");
        let tabbed = matches!(name, "mfa" | "mfa-probabilities" | "phonetisaurus");
        let expected = (!tabbed && name != "json").then_some(Rejection::WordWithBlanks);
        assert_eq!(blank, expected, "{name}");
        assert_eq!(refused(name, ""), Some(Rejection::WordWithBlanks), "{name}");
        assert_eq!(format(name).lines("cat", &[]), Err(Rejection::NoOutput));
        let odd = [Pronunciation {
            phones: vec!["a b".to_owned()],
            ..fine[0].clone()
        }];
        let rejection = Rejection::PhoneWithBlanks("a b".to_owned());
        assert_eq!(format(name).lines("cat", &odd), Err(rejection));
    }
    for word in ["cat(2)", ";;;", "#x"] {
        assert_eq!(refused("cmu", word), Some(Rejection::MarkOfTheFormat));
        assert_eq!(refused("kaldi", word), None);
    }
    assert_eq!(refused("cmu", "(cat)"), None);
}

fn stored_model(name: &str) -> Model {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../runtime/tests/files");
    Model::load(&folder.join(name)).expect("a model")
}

fn choice() -> Choice {
    Choice {
        nbest: 1,
        mass: None,
        threshold: None,
        phones: None,
    }
}

/// What a choice makes of the best answers to a word.
fn chosen(choice: &Choice, word: &str) -> Result<Vec<Pronunciation>, Rejection> {
    let model = stored_model("recurrent.safetensors");
    let options = PredictOptions {
        search: SearchOptions {
            method: Method::Beam { size: 8 },
            nbest: 8,
            ..SearchOptions::default()
        },
        confidence: true,
        ..PredictOptions::default()
    };
    let predictor = model.predictor(options).expect("options that work");
    let answers = predictor.predict(&[word]);
    choice.chosen(&answers[0])
}

#[test]
fn variants_are_taken_until_their_mass_is_enough() {
    let one = chosen(&choice(), "abc").expect("an entry");
    assert_eq!(one.len(), 1);
    let of = |mass: f64| {
        let choice = Choice {
            nbest: 8,
            mass: Some(mass),
            ..choice()
        };
        chosen(&choice, "abc").expect("an entry")
    };
    assert_eq!(of(0.0), one, "the best answer is always there");
    let (some, more, all) = (of(0.5), of(0.99), of(1.0));
    assert!(some.len() <= more.len() && more.len() <= all.len());
    assert!(all.len() > 1, "{all:?}");
    let sum: f64 = all.iter().map(|p| p.probability).sum();
    assert_eq!(some[0], one[0], "in the order of the model");
    let of_some: f64 = some.iter().map(|p| p.probability).sum();
    assert!(of_some >= 0.5 * sum, "{of_some} of {sum}");
}

#[test]
fn words_are_rejected_with_a_reason() {
    let sure = Choice {
        threshold: Some(1.0),
        ..choice()
    };
    let Err(Rejection::LowConfidence { confidence, .. }) = chosen(&sure, "abc") else {
        panic!("nothing is certain");
    };
    assert!((0.0..1.0).contains(&confidence));
    let unknown = chosen(&choice(), "abc?");
    assert_eq!(unknown, Err(Rejection::UnknownLetter("?".to_owned())));
    let best = chosen(&choice(), "abc").expect("an entry");
    let first = &best[0].phones[0];
    let model = stored_model("recurrent.safetensors");
    let vocabulary = model.codec().target.vocabulary.symbols();
    let others: Vec<&str> = vocabulary
        .iter()
        .map(String::as_str)
        .filter(|s| s != first)
        .collect();
    let list = PhoneList::parse(&others.join(" 1\n"));
    assert_eq!(list.check(&model), Ok(vec![first.clone()]));
    let limited = Choice {
        phones: Some(list),
        ..choice()
    };
    assert_eq!(
        chosen(&limited, "abc"),
        Err(Rejection::UnknownPhone {
            phone: first.clone(),
            answer: best[0].phones.join(" "),
        })
    );
    let message = PhoneList::parse("nothing\n")
        .check(&model)
        .expect_err("no phone");
    assert!(message.to_string().contains("\"nothing\""), "{message}");
    assert!(PhoneList::parse("\n").check(&model).is_err());
    for (mass, threshold) in [
        (Some(1.5), None),
        (None, Some(-0.1)),
        (Some(f64::NAN), None),
    ] {
        let wrong = Choice {
            mass,
            threshold,
            ..choice()
        };
        assert!(wrong.check().is_err());
    }
}

/// Words are found in the model's case and spelling, with all their pronunciations in order.
#[test]
fn known_words_keep_their_pronunciations() {
    let model = stored_model("recurrent.safetensors");
    let pairs = [("abc", "x y"), ("b", "z"), ("abc", "q"), ("abc", "x y")];
    let lexicon = Lexicon::new(&model, pairs).expect("a lexicon");
    assert_eq!((lexicon.words(), lexicon.pronunciations()), (2, 3));
    let split = |text: &str| model.codec().split_target(text);
    let options = PredictOptions {
        confidence: true,
        ..PredictOptions::default()
    };
    let predictor = model.predictor(options).expect("options that work");
    let entries = choice().entries(&predictor, Some(&lexicon), &["abc", "c"]);
    let known = entries[0].as_ref().expect("pronunciations");
    let phones: Vec<&Vec<String>> = known.iter().map(|p| &p.phones).collect();
    assert_eq!(phones, [&split("x y"), &split("q")]);
    assert!(known.iter().all(|p| p.origin == Origin::Lexicon));
    let answered = entries[1].as_ref().expect("a pronunciation");
    assert!(answered.iter().all(|p| p.origin == Origin::Model));
    let many: Vec<(String, String)> = (0..50_000)
        .map(|n| (format!("w{}", n / 2), format!("p{n}")))
        .collect();
    let lexicon = Lexicon::new(&model, many).expect("a lexicon");
    assert_eq!(
        (lexicon.words(), lexicon.pronunciations()),
        (25_000, 50_000)
    );
    for n in [0, 1, 12_345, 24_999] {
        let found: Vec<&str> = lexicon.get(&format!("w{n}")).collect();
        assert_eq!(found, [format!("p{}", 2 * n), format!("p{}", 2 * n + 1)]);
    }
    assert_eq!(lexicon.get("w25000").count(), 0);
    assert_eq!(Lexicon::default().get("w").count(), 0);
}

#[test]
fn texts_are_cut_into_words() {
    let words: Vec<&str> = words_of("The cat's 3 hats, étude—and l'été 42!").collect();
    assert_eq!(words, ["The", "cat's", "hats", "étude", "and", "l'été"]);
    let mut distinct = Distinct::default();
    let new = ["a", "b", "a", "A"].map(|word| distinct.is_new(word));
    assert_eq!(new, [true, true, false, true]);
}
