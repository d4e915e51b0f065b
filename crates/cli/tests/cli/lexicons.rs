//! Pronunciation lexicons: in, out, and beside a model.

use std::fs;
use std::path::Path;

use crate::support::{QUICK, run, run_with_input, spellings, trained};

fn train(folder: &Path, arguments: &str) -> String {
    let arguments = format!("train {arguments} --out run --set training.epochs=1 {QUICK}");
    let words: Vec<&str> = arguments.split_whitespace().collect();
    run(folder, &words.join(" "))
}

/// The spellings, a line each.
fn lines(line: impl Fn(&str, &str) -> String) -> String {
    let spellings = spellings();
    let lines = spellings.iter();
    lines
        .map(|(word, spelled)| line(word, spelled) + "\n")
        .collect()
}

#[test]
fn every_command_reads_lexicons_and_says_so() {
    let folder = trained();
    let cmu = format!(
        ";;; ours\n{}abc(2)  A B A\n",
        lines(|w, s| format!("{w}  {s}"))
    );
    fs::write(folder.join("words.cmu"), cmu).unwrap();
    let said =
        "note: words.cmu: read as a CMU dictionary: 65 entries, 1 of them variants, 1 comment\n";
    for command in [
        "eval . words.cmu",
        "audit . words.cmu --most 1",
        "compare . . words.cmu",
    ] {
        let output = run(&folder, command);
        assert!(output.starts_with("exit code: 0"), "{output}");
        assert!(output.contains(said), "{output}");
    }
    let eval = run(&folder, "eval . words.cmu");
    assert!(eval.contains("65 pairs, 64 questions"), "{eval}");
    let unknown = run(&folder, "eval . words.cmu --format cmudict");
    assert!(
        unknown.starts_with("exit code: 2")
            && unknown.contains("\"cmudict\" is no format: give auto"),
        "{unknown}"
    );
    let ensemble = run(
        &folder,
        "ensemble . . --out both.safetensors --dev words.cmu",
    );
    assert!(ensemble.contains(said), "{ensemble}");
}

#[test]
fn training_reads_what_people_have() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: String| fs::write(folder.path().join(name), text).unwrap();
    write(
        "w.dict",
        lines(|w, s| format!("{w}\t0.99\t0.17\t1.0\t1.0\t{s}")),
    );
    write("dev.csv", lines(|w, s| format!("\"{w}\",\"{s}\"")));
    let output = train(folder.path(), "w.dict --dev dev.csv");
    assert!(output.starts_with("exit code: 0"), "{output}");
    for said in [
        "w.dict: 64 training pairs",
        "note: w.dict: read as a lexicon with probabilities: 64 entries\n",
        "note: dev.csv: read as columns separated by commas, with or without quotes: 64 entries (--format \
         tsv reads tabs alone)\n",
    ] {
        assert!(output.contains(said), "{output}");
    }
    write("t.tsv", lines(|w, s| format!("{w}\tX;{}\t{s}", &w[..1])));
    let output = train(folder.path(), "t.tsv --overwrite");
    assert!(
        output.contains("give --layout sigmorphon2023, or"),
        "{output}"
    );
    let output = train(folder.path(), "t.tsv --layout sigmorphon2023 --overwrite");
    assert!(!output.contains("give --layout"), "{output}");
    let recipe = fs::read_to_string(folder.path().join("run/recipe.toml")).unwrap();
    for line in ["target_column = 3", "features_column = 2"] {
        assert!(recipe.contains(line), "{recipe}");
    }
    let both = train(folder.path(), "t.tsv --layout unimorph --target-column 3");
    assert!(both.starts_with("exit code: 2"), "{both}");
    write(
        "j.jsonl",
        lines(|w, s| format!("{{\"w\": \"{w}\", \"p\": \"{s}\"}}")),
    );
    let output = train(folder.path(), "j.jsonl --keys w,p --overwrite");
    assert!(
        output.contains("j.jsonl: read as JSON lines: 64 entries"),
        "{output}"
    );
}

#[test]
fn texts_are_changed_as_in_training() {
    let folder = tempfile::tempdir().unwrap();
    let text = lines(|w, s| format!("{w}\t{}", s.replace('A', "AA1").replace('C', "K")));
    fs::write(folder.path().join("w.tsv"), text).unwrap();
    let output = train(
        folder.path(),
        "w.tsv --symbols arpabet-ipa --set text.case=lower",
    );
    assert!(output.starts_with("exit code: 0"), "{output}");
    let upper = run_with_input(folder.path(), "predict run --json", "BAD\n");
    assert!(upper.contains("\"warnings\":[]"), "{upper}");
    let explained = run(folder.path(), "explain run BAD AA1");
    assert!(explained.contains("expected  \"ɑ\""), "{explained}");
    let eval = run(folder.path(), "eval run w.tsv");
    assert!(!eval.contains("has not seen"), "{eval}");
}

/// A folder beside the trained model, which several tests share.
fn folder_with(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::copy(
        trained().join("model.safetensors"),
        folder.path().join("m.safetensors"),
    )
    .unwrap();
    for (name, text) in files {
        fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

const MODEL: &str = "m.safetensors";

#[test]
fn known_words_go_before_the_model() {
    let folder = folder_with(&[("known.dict", "abc\tD D\nabc\tD\nbad\tC\n")]);
    let ask = |arguments: &str| run_with_input(folder.path(), arguments, "abc\ncab\nbad\n");
    let answers = ask(&format!("predict {MODEL} --lexicon known.dict --origin"));
    assert_eq!(
        answers,
        "exit code: 0\n--- stdout\nD D\tlexicon\nC A B\tmodel\nC\tlexicon\n--- stderr\n"
    );
    let json = ask(&format!(
        "predict {MODEL} --lexicon known.dict --json --nbest 2"
    ));
    assert!(
        json.contains("\"origin\":\"lexicon\"") && json.contains("\"origin\":\"model\""),
        "{json}"
    );
    let first = json.lines().nth(2).unwrap();
    assert!(
        first.contains("\"input\":\"abc\"") && first.contains("\"text\":\"D D\""),
        "{first}"
    );
    assert!(
        first.contains("\"text\":\"D\""),
        "the second pronunciation: {first}"
    );
    let alone = ask(&format!("predict {MODEL} --origin"));
    assert!(alone.starts_with("exit code: 2"), "{alone}");

    fs::write(folder.path().join("test.tsv"), "abc\tD D\ncab\tC A B\n").unwrap();
    let eval = run(
        folder.path(),
        &format!("eval {MODEL} test.tsv --lexicon known.dict"),
    );
    assert!(
        eval.contains("1 of 2 questions answered from the lexicon"),
        "{eval}"
    );
    let eval = run(
        folder.path(),
        &format!("eval {MODEL} test.tsv --lexicon known.dict --json"),
    );
    assert!(eval.contains("\"known\":1"), "{eval}");
    let explain = run(
        folder.path(),
        &format!("explain {MODEL} abc --lexicon known.dict"),
    );
    assert!(
        explain.contains("\"abc\" is in the lexicon, which goes before the model"),
        "{explain}"
    );
    let typed = ask(&format!("interactive {MODEL} --lexicon known.dict"));
    assert!(typed.contains("--- stdout\nD D\nC A B\nC\n"), "{typed}");
}

/// Sampling draws the same for a word, whichever words before it are known.
#[test]
fn known_words_leave_the_samples_of_others_alone() {
    let folder = folder_with(&[("known.dict", "abc\tD D\n")]);
    let sample = format!("predict {MODEL} --sample --temperature 3 --seed 5");
    let ask = |arguments: &str| {
        let output = run_with_input(folder.path(), arguments, "abc\ncab\nbad\n");
        output
            .lines()
            .skip(3)
            .take(2)
            .collect::<Vec<_>>()
            .join("\n")
    };
    assert_eq!(ask(&sample), ask(&format!("{sample} --lexicon known.dict")));
}

#[test]
fn a_lexicon_is_written_for_its_readers() {
    let folder = folder_with(&[
        ("words.txt", "abc\nb a d\nabc\ncab\nxyz\n\ndad\n"),
        ("known.dict", "dad\tB B\ndad\tC\n"),
    ]);
    let command = format!(
        "lexicon {MODEL} words.txt --lexicon known.dict --rejected rejected.tsv --overwrite --format"
    );
    let of = |format: &str| run(folder.path(), &format!("{command} {format}"));
    let cmu = of("cmu");
    assert!(
        cmu.starts_with(
            "exit code: 0\n--- stdout\nabc A B C\ncab C A B\ndad B B\ndad(2) C\n--- stderr\n"
        ),
        "{cmu}"
    );
    assert!(
        cmu.contains("standard output: 3 words, 1 of them from the lexicon; 2 rejected;"),
        "{cmu}"
    );
    assert!(
        cmu.contains("rejected.tsv: 2 words with the reason\n"),
        "{cmu}"
    );
    let rejected = fs::read_to_string(folder.path().join("rejected.tsv")).unwrap();
    assert_eq!(
        rejected,
        "b a d\tunknown letter \" \"\nxyz\tunknown letter \"x\"\n"
    );
    assert!(of("mfa").contains("\nabc\tA B C\n"));
    assert!(of("openutau").contains("\nabc  A B C\n"));
    assert!(of("kaldi-probabilities").contains("warning: the probabilities of this model are not"));
    let unknown = of("mfa2");
    assert!(
        unknown.starts_with("exit code: 2")
            && unknown.contains("\"mfa2\" is no format: give cmu, mfa"),
        "{unknown}"
    );
}

/// What is written is read back as the same.
#[test]
fn a_lexicon_comes_out_and_in_again_unchanged() {
    let sample = crate::support::repository().join("data/g2p_cmudict_sample/test.tsv");
    let text = fs::read_to_string(sample).unwrap();
    let words: String = text
        .lines()
        .map(|line| format!("{}\n", line.split_once('\t').unwrap().0))
        .collect();
    let folder = folder_with(&[("known.tsv", &text), ("words.txt", &words)]);
    let mut previous = "known.tsv".to_owned();
    for format in [
        "cmu",
        "mfa",
        "kaldi",
        "kaldi-probabilities",
        "mfa-probabilities",
        "json",
        "openutau",
    ] {
        let output = run(
            folder.path(),
            &format!(
                "lexicon {MODEL} words.txt --lexicon {previous} --format {format} --out {format}"
            ),
        );
        assert!(output.starts_with("exit code: 0"), "{output}");
        assert!(
            output.contains("500 words, 500 of them from the lexicon; 0 rejected"),
            "{output}"
        );
        previous = format.to_owned();
    }
    let last = fs::read_to_string(folder.path().join("openutau")).unwrap();
    assert_eq!(last.replace("  ", "\t"), text);
}

#[test]
fn running_text_and_what_aligners_leave_are_words() {
    let folder = folder_with(&[
        ("book.txt", "Abc, abc: bad! 42\n«cab» abc\n"),
        ("oovs_found.txt", "bad\ncab\n"),
    ]);
    let output = run(
        folder.path(),
        &format!("lexicon {MODEL} book.txt --text --format mfa"),
    );
    assert!(
        output.contains("--- stdout\nabc\tA B C\nbad\tB A D\ncab\tC A B\n"),
        "{output}"
    );
    assert!(
        output.contains(
            "warning: 1 word was not written, the first is \"Abc\": unknown letter \"A\""
        ),
        "{output}"
    );
    let output = run(
        folder.path(),
        &format!("lexicon {MODEL} oovs_found.txt --format mfa"),
    );
    assert!(
        output.contains("--- stdout\nbad\tB A D\ncab\tC A B\n"),
        "{output}"
    );
}

#[test]
fn lexicons_refuse_what_cannot_be_meant() {
    let folder = folder_with(&[
        ("pairs.tsv", "abc\tA B C\n"),
        ("words.txt", "abc\n"),
        ("phones.txt", "x 0\ny 1\n"),
        ("some.txt", "A 0\nB 1\n"),
        ("there.dict", "abc\tA\n"),
    ]);
    let refused = |arguments: &str, code: i32, message: &str| {
        let output = run(
            folder.path(),
            &format!("lexicon {MODEL} {arguments} --format mfa"),
        );
        assert!(
            output.starts_with(&format!("exit code: {code}\n")),
            "{output}"
        );
        assert!(output.contains(message), "{output}");
    };
    refused(
        "pairs.tsv",
        1,
        "pairs.tsv, line 1: \"abc\\tA B C\" has a tab, as pairs have",
    );
    refused(
        "words.txt --phones phones.txt",
        1,
        "phones.txt: no phone of the list, such as \"x\"",
    );
    refused("words.txt --mass 2", 2, "mass 2 is no probability");
    refused(
        "words.txt --out there.dict",
        1,
        "there.dict exists: replace it with --overwrite",
    );
    refused(
        "words.txt --out new.dict --resume",
        1,
        "there is no new.dict.progress",
    );
    refused("words.txt --resume", 2, "--out");
    refused("nowhere.txt", 1, "nowhere.txt: there is no such file");
    let output = run(
        folder.path(),
        &format!("lexicon {MODEL} words.txt --phones some.txt --format mfa"),
    );
    assert!(
        output.contains("note: some.txt lacks phones that this model writes"),
        "{output}"
    );
    assert!(
        output
            .contains("\"abc\": phone \"C\" of the answer \"A B C\" is not in the list of phones"),
        "{output}"
    );
}

#[test]
fn a_lexicon_goes_on_where_it_was_interrupted() {
    let words: String = spellings()
        .iter()
        .map(|(word, _)| format!("{word}\n"))
        .collect();
    let folder = folder_with(&[("words.txt", &words)]);
    let command = format!("lexicon {MODEL} words.txt --format mfa --out o.dict --rejected r.tsv");
    let whole = run(folder.path(), &command);
    assert!(whole.starts_with("exit code: 0"), "{whole}");
    let read = |name: &str| fs::read_to_string(folder.path().join(name)).unwrap();
    let expected = read("o.dict");
    assert_eq!(expected.lines().count(), 64);
    // As after a kill: some words are sure, and more were half written.
    let some: String = expected
        .lines()
        .take(10)
        .map(|line| format!("{line}\n"))
        .collect();
    fs::write(folder.path().join("o.dict"), format!("{some}abc\tA")).unwrap();
    let position = format!(
        "{{\"words\":10,\"rejected\":0,\"lexicon_bytes\":{},\"rejected_bytes\":0,\"settings\":\"mfa false \
         None None None\"}}",
        some.len()
    );
    fs::write(folder.path().join("o.dict.progress"), position).unwrap();
    let other = run(folder.path(), &format!("{command} --nbest 2 --resume"));
    assert!(
        other.contains("o.dict was begun with other settings"),
        "{other}"
    );
    let resumed = run(folder.path(), &format!("{command} --resume"));
    assert!(resumed.starts_with("exit code: 0"), "{resumed}");
    assert_eq!(read("o.dict"), expected);
    assert!(!folder.path().join("o.dict.progress").exists());
}

/// The adapters for other programs, as they stand in `examples/`.
#[cfg(unix)]
#[test]
fn adapters_give_what_other_programs_ask_for() {
    use std::process::Command;

    let program = assert_cmd::cargo::cargo_bin("seq2seq");
    let examples = crate::support::repository()
        .join("examples")
        .canonicalize()
        .unwrap();
    let folder = folder_with(&[
        ("known.dict", "dad\tB B\n"),
        ("text", "utt1 abc dad\nutt2 cab abc\n"),
    ]);
    let model = folder.path().join(MODEL);
    let kaldi = Command::new(examples.join("kaldi_prepare_lexicon.sh"))
        .args([
            &model,
            &folder.path().join("text"),
            &folder.path().join("known.dict"),
            &folder.path().join("dict"),
        ])
        .env("SEQ2SEQ", &program)
        .output()
        .unwrap();
    assert!(
        kaldi.status.success(),
        "{}",
        String::from_utf8_lossy(&kaldi.stderr)
    );
    let lexicon = fs::read_to_string(folder.path().join("dict/lexiconp.txt")).unwrap();
    for line in [
        "<unk> 1.0 SPN\n",
        "abc 1.0000 A B C\n",
        "cab 1.0000 C A B\n",
        "dad 1.0000 B B\n",
    ] {
        assert!(lexicon.contains(line), "{lexicon}");
    }
    let script = format!(
        "import sys; sys.path.insert(0, {examples:?})\n\
         from misaki_fallback import Fallback\n\
         from g2p_en_call import G2p\n\
         print(*Fallback({model:?}, {program:?})('abc'))\n\
         print(G2p({model:?}, {known:?}, {program:?})('Abc, dad!'))\n",
        known = folder.path().join("known.dict"),
    );
    let Ok(python) = Command::new("python3").arg("-c").arg(script).output() else {
        return; // Without Python there is nobody to adapt to.
    };
    assert_eq!(
        String::from_utf8_lossy(&python.stdout),
        "ABC 5\n['A', 'B', 'C', ' ', ',', ' ', 'B', 'B', ' ', '!']\n"
            .replace("ABC 5", &first_line(&python.stdout)),
        "{}",
        String::from_utf8_lossy(&python.stderr)
    );
    assert!(first_line(&python.stdout).starts_with("ABC "), "{python:?}");
}

#[cfg(unix)]
fn first_line(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    text.lines().next().unwrap_or_default().to_owned()
}

#[test]
fn models_are_exported_as_onnx() {
    let folder = folder_with(&[("file", "x")]);
    let refused = run(
        folder.path(),
        &format!("export {MODEL} --format openutau --out pack.zip"),
    );
    assert!(
        refused.contains("error: model.architecture = \"monotonic\" cannot be exported to ONNX"),
        "{refused}"
    );
    let recurrent =
        crate::support::repository().join("crates/runtime/tests/files/recurrent.safetensors");
    fs::copy(recurrent, folder.path().join(MODEL)).unwrap();
    let export = |arguments: &str| {
        run(
            folder.path(),
            &format!("export {MODEL} --format onnx {arguments}"),
        )
    };
    let output = export("--out onnx");
    assert_eq!(
        output,
        "exit code: 0\n--- stdout\n--- stderr\n\
         onnx: encoder.onnx, step.onnx, next.onnx, metadata.json, README.md\n"
    );
    let again = export("--out onnx");
    assert!(
        again.contains("error: onnx exists: replace its files with --overwrite"),
        "{again}"
    );
    assert!(export("--out onnx --overwrite").starts_with("exit code: 0"));
    let pack = format!("export {MODEL} --format openutau --lexicon known.dict --out pack.zip");
    fs::write(folder.path().join("known.dict"), "abc\tAH B\n").unwrap();
    let output = run(folder.path(), &pack);
    assert!(
        output.contains("pack.zip: g2p.onnx, phones.txt, dict.txt, symbols.txt\n"),
        "{output}"
    );
    let bytes = fs::read(folder.path().join("pack.zip")).unwrap();
    let entry = b"abc  AH B\n";
    assert!(bytes.windows(entry.len()).any(|window| window == entry));
    assert!(run(folder.path(), &pack).contains("error: pack.zip exists: replace it"));
    let lexicon = export("--out onnx --lexicon known.dict");
    assert!(lexicon.starts_with("exit code: 2"), "{lexicon}");
    let file = export("--out file");
    assert!(file.contains("error: file is no folder"), "{file}");
}

/// What `train PAIRS` ends with may be a mixture, which these formats cannot hold.
#[test]
fn the_network_of_a_mixture_is_exported() {
    let folder = folder_with(&[]);
    let words: String = ["ab", "ba", "abb", "aab"]
        .iter()
        .map(|word| format!("{word}\t{}\n", word.to_uppercase()))
        .collect();
    fs::write(folder.path().join("words.tsv"), words.repeat(10)).unwrap();
    for (model, settings) in [
        ("counts", "model.architecture=ngram"),
        ("network", "model.architecture=monotonic"),
    ] {
        let train = format!(
            "train words.tsv --quiet --out {model} --set {settings} --set data.keep_sources_apart=false \
             --set training.epochs=1 --set training.mixture=off"
        );
        let output = run(folder.path(), &train);
        assert!(output.starts_with("exit code: 0"), "{output}");
    }
    run(
        folder.path(),
        "ensemble network counts --out both.safetensors",
    );
    let export = |model: &str, out: &str| {
        run(
            folder.path(),
            &format!("export {model} --format onnx --out {out}"),
        )
    };
    let output = export("both.safetensors", "mixed");
    assert!(
        output.contains("the network alone is exported") && output.contains("mixed: encoder.onnx"),
        "{output}"
    );
    export("network", "alone");
    let step = |out: &str| fs::read(folder.path().join(out).join("step.onnx")).unwrap();
    assert_eq!(step("mixed"), step("alone"));
}
