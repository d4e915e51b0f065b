//! Files of pairs in the formats of others: what is read, and what is said.
#![allow(clippy::unwrap_used)]

use seq2seq::data::{Format, OnBadLine, Pair, PairFile, ReadOptions, read_pairs_from};

fn read_with(text: &str, options: &ReadOptions) -> Result<PairFile, String> {
    read_pairs_from(text.as_bytes(), "file", options).map_err(|error| error.to_string())
}

fn read(text: &str) -> PairFile {
    read_with(text, &ReadOptions::default()).unwrap()
}

fn read_as(format: &str, text: &str) -> Result<PairFile, String> {
    let format = format.parse().unwrap();
    let options = ReadOptions {
        format,
        ..ReadOptions::default()
    };
    read_with(text, &options)
}

/// Sources and targets.
fn pairs(file: &PairFile) -> Vec<(&str, &str)> {
    let pairs = file.pairs.iter();
    pairs.map(|p| (&p.source[..], &p.target[..])).collect()
}

fn notes(file: &PairFile) -> Vec<String> {
    file.notes.iter().map(ToString::to_string).collect()
}

const CAT_AND_DOG: [(&str, &str); 2] = [("cat", "K AE T"), ("dog", "D AO G")];

#[test]
fn the_old_cmu_dictionary() {
    let file = read(
        ";;; # CMUdict  --  Major Version: 0.07\n;;; ====\n!EXCLAMATION-POINT  EH2 K S\n\
         A  AH0\nA(1)  EY1\nABANDON'S  AH0 B\nZZ  Z\n",
    );
    assert_eq!(
        pairs(&file),
        [
            ("!EXCLAMATION-POINT", "EH2 K S"),
            ("A", "AH0"),
            ("A", "EY1"),
            ("ABANDON'S", "AH0 B"),
            ("ZZ", "Z"),
        ]
    );
    assert_eq!(file.line_numbers, [3, 4, 5, 6, 7]);
    assert_eq!(
        notes(&file),
        ["file: read as a CMU dictionary: 5 entries, 1 of them variants, 2 comments"]
    );
    assert!(file.notes[0].is_harmless());
}

#[test]
fn the_new_cmu_dictionary() {
    let file = read(
        "a AH0\na(2) EY1\naalborg AO1 L # place, danish\nd'artagnan D AH0 # name\r\n(paren P AH0\n",
    );
    assert_eq!(
        pairs(&file),
        [
            ("a", "AH0"),
            ("a", "EY1"),
            ("aalborg", "AO1 L"),
            ("d'artagnan", "D AH0"),
            ("(paren", "P AH0"),
        ]
    );
    assert_eq!(
        notes(&file),
        ["file: read as a CMU dictionary: 5 entries, 1 of them variants"]
    );
}

#[test]
fn lexicons_of_words_and_phones() {
    for text in [
        "cat K AE T\ndog D AO G\n",
        "cat  K AE T \ndog\tD AO G\n",
        "cat\tK  AE T\ndog\tD AO G\n",
    ] {
        for format in ["kaldi", "mfa", "sherpa", "phonetisaurus", "sequitur"] {
            assert_eq!(
                pairs(&read_as(format, text).unwrap()),
                CAT_AND_DOG,
                "{text}"
            );
        }
    }
    let file = read("cat K AE T\ndog D AO G\n");
    assert_eq!(
        notes(&file),
        ["file: read as a lexicon of words and phones: 2 entries"]
    );
    // A tab ends a word with blanks in it.
    let file = read_as("mfa", "new york\tN UW\n").unwrap();
    assert_eq!(pairs(&file), [("new york", "N UW")]);
}

#[test]
fn lexicons_with_probabilities() {
    for text in [
        "cat 0.9 K AE T\ndog 1 D AO G\n",
        "cat 0.9\tK AE T\ndog 1.0\tD AO G\n",
        "cat\t0.9\tK AE T\ndog\t1e-05\tD AO G\n",
        "cat\t0.99\t0.17\t1.0\t1.27\tK AE T\ndog\tD AO G\n",
    ] {
        assert_eq!(pairs(&read(text)), CAT_AND_DOG, "{text}");
        assert_eq!(
            pairs(&read_as("mfa-probabilities", text).unwrap()),
            CAT_AND_DOG
        );
        assert_eq!(
            notes(&read(text)),
            ["file: read as a lexicon with probabilities: 2 entries"]
        );
    }
    // Phones may be digits, as long as they are last.
    let file = read_as("kaldi-probabilities", "five 0.5 5\n").unwrap();
    assert_eq!(pairs(&file), [("five", "5")]);
}

#[test]
fn tables_with_quotes() {
    let file = read("\"cat, or \"\"puss\"\"\",chat\r\n\"two\nlines\",deux\r\nchien,dog\n");
    assert_eq!(
        pairs(&file),
        [
            ("cat, or \"puss\"", "chat"),
            ("two lines", "deux"),
            ("chien", "dog")
        ]
    );
    assert_eq!(file.line_numbers, [1, 2, 4]);
    assert_eq!(
        notes(&file),
        [
            "file: read as columns separated by commas, with or without quotes: 3 entries (--format tsv \
          reads tabs alone)"
        ]
    );
    for text in [
        "cat;chat\ndog;chien\n",
        "cat|chat\ndog|chien\n",
        "\"cat\"\t\"chat\"\n\"dog\"\tchien\n",
    ] {
        assert_eq!(pairs(&read(text)), [("cat", "chat"), ("dog", "chien")]);
    }
    // Quotes in a plain table are text.
    let file = read_as("tsv", "\"cat\"\tchat\n").unwrap();
    assert_eq!(pairs(&file), [("\"cat\"", "chat")]);
}

#[test]
fn columns_can_be_named() {
    let options = ReadOptions {
        keys: ["phones", "word"].map(str::to_owned).to_vec(),
        ..ReadOptions::default()
    };
    for text in [
        "word,other,phones\ncat,x,K\n",
        "word\tother\tphones\ncat\tx\tK\n",
    ] {
        assert_eq!(pairs(&read_with(text, &options).unwrap()), [("K", "cat")]);
    }
    let refused = read_with("word,other\ncat,x\n", &options).unwrap_err();
    assert_eq!(
        refused,
        "file, line 1: no column is called \"phones\"; the line: \"word,other\""
    );
    let one = ReadOptions {
        keys: vec!["word".to_owned()],
        ..ReadOptions::default()
    };
    assert!(
        read_with("word,x\na,b\n", &one)
            .unwrap_err()
            .contains("name two keys")
    );
}

#[test]
fn json_lines() {
    let file = read(
        "{\"source\": \"cat\", \"target\": [\"K\", \"AE\"], \"features\": \"N\"}\n\
         {\"target\": \"D\", \"source\": \"dog\", \"id\": 7}\n",
    );
    assert_eq!(pairs(&file), [("cat", "K AE"), ("dog", "D")]);
    assert_eq!(file.pairs[0].features.as_deref(), Some("N"));
    let named = ReadOptions {
        keys: ["word", "phones"].map(str::to_owned).to_vec(),
        ..ReadOptions::default()
    };
    let text = "{\"word\": \"cat\", \"phones\": \"K\"}\n";
    assert_eq!(pairs(&read_with(text, &named).unwrap()), [("cat", "K")]);
    let refused = read_with(text, &ReadOptions::default()).unwrap_err();
    assert!(
        refused.contains(
            "line 1: the object has no \"source\", but \"phones\", \"word\"; name those of source and \
             target, such as --keys word,phones"
        ),
        "{refused}"
    );
    for (text, problem) in [
        (
            "{\"source\": 1, \"target\": \"x\"}\n",
            "the value of \"source\" is not a text",
        ),
        (
            "{\"source\": \"a\\nb\", \"target\": \"x\"}\n",
            "not a text on one line",
        ),
        (
            "{\"source\": \"a\", \"target\": \" \"}\n",
            "the target (column 2) is empty",
        ),
        ("{\"source\": \"a\", \"target\"\n", "this is no JSON object"),
    ] {
        let refused = read_as("json", text).unwrap_err();
        assert!(refused.contains(problem), "{refused}");
    }
}

#[test]
fn broken_lines_are_named() {
    for (format, text, problem) in [
        (
            "kaldi",
            "cat K\ndog\n",
            "line 2: the target (column 2) is empty\n  the line: \"dog\"",
        ),
        (
            "cmu",
            ";;; x\ncat # C\n",
            "line 2: the target (column 2) is empty",
        ),
        (
            "kaldi",
            "cat K\n\tK\n",
            "line 2: the source (column 1) is empty",
        ),
        (
            "kaldi-probabilities",
            "cat 0.9\n",
            "line 1: the target (column 2) is empty",
        ),
        (
            "csv",
            "cat,chat\ndog\n",
            "line 2: found 1 comma-separated column, but 2 are needed",
        ),
        (
            "csv",
            "cat,chat\n\"dog,chien\n",
            "line 2: a field begins with a quote, and none ends it",
        ),
        (
            "kaldi",
            "cat K\nd\0g D\n",
            "line 2: byte 2 of the line (column 1) is NUL",
        ),
    ] {
        let refused = read_as(format, text).unwrap_err();
        assert!(refused.contains(problem), "{refused}");
    }
    let bytes: &[u8] = b"cat,chat\n\xFFx,y\n";
    let options = ReadOptions::default();
    let refused = read_pairs_from(bytes, "file", &options)
        .unwrap_err()
        .to_string();
    assert!(
        refused.contains("line 2: byte 1 of the line (column 1) is not UTF-8"),
        "{refused}"
    );
    let skip = ReadOptions {
        format: Format::Lexicon,
        on_bad_line: OnBadLine::Skip,
        ..ReadOptions::default()
    };
    let file = read_with("cat K AE T\ndog\ncow K AW\n", &skip).unwrap();
    assert_eq!((file.pairs.len(), file.skipped.count), (2, 1));
    assert_eq!(file.skipped.first[0].line, 2);
}

#[test]
fn a_million_columns_are_read_like_any_others() {
    let row = ["x"; 1_000_000].join(",");
    let file = read(&format!("{row}\n{row}\n"));
    assert_eq!(file.columns, 1_000_000);
    assert_eq!(pairs(&file), [("x", "x"), ("x", "x")]);
}

#[test]
fn formats_without_columns_have_none_to_name() {
    let options = ReadOptions {
        format: Format::Lexicon,
        target_column: 3,
        ..ReadOptions::default()
    };
    let refused = read_with("cat K\n", &options).unwrap_err();
    assert!(
        refused.contains(
            "columns are named, but a file read as a lexicon of words and phones has none"
        ),
        "{refused}"
    );
    let message = "cmudict".parse::<Format>().unwrap_err().to_string();
    assert!(
        message.contains("\"cmudict\" is no format: give auto, table, tsv"),
        "{message}"
    );
}

/// Words with several pronunciations are questions with several answers.
#[test]
fn variants_are_answers_to_one_question() {
    let file = read("a AH0\na(2) EY1\nb B IY1\n");
    let pairs: &[Pair] = &file.pairs;
    let questions = seq2seq::data::questions(pairs);
    assert_eq!(questions[0].references, ["AH0", "EY1"]);
    assert_eq!(questions.len(), 2);
}

/// A blank line within a table is passed over, and what follows is still read as the table that it is.
#[test]
fn a_table_goes_on_after_a_blank_line() {
    let file = read("cat,K AE T\n\n\"dog\",D AO G\n\n");
    assert_eq!(pairs(&file), CAT_AND_DOG);
    assert_eq!((file.blank_lines, &file.line_numbers[..]), (2, &[1, 3][..]));
}
