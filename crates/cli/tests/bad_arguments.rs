//! Every command is given arguments that cannot work: it says why, and its exit code is 2 for wrong
//! usage and 1 for everything else. No command panics.
#![allow(clippy::unwrap_used)] // a test may fail by panicking

use std::fs;
use std::path::Path;
use std::process::Command;

/// Arguments, exit code, and what the message says.
const CASES: &[(&str, i32, &str)] = &[
    ("", 2, "Usage"),
    ("translate", 2, "unrecognized subcommand"),
    ("--threads 0 inspect model", 2, "--threads"),
    ("--threads many inspect model", 2, "--threads"),
    ("--threads 65535 inspect model", 2, "is not in 1..=1024"),
    ("train", 2, "required"),
    ("train pairs.tsv --budget 0s", 2, "no training in no time"),
    ("train pairs.tsv --budget ten", 2, "--budget"),
    ("tune broken.toml --budget 0ms", 2, "no training in no time"),
    ("train pairs.tsv --epochs 3", 2, "--epochs"),
    ("train pairs.tsv --seed -1", 2, "-1"),
    ("train pairs.tsv --set epochs", 2, "KEY=VALUE"),
    ("train pairs.tsv --set =5", 2, "KEY=VALUE"),
    (
        "train pairs.tsv --on-bad-line ignore",
        2,
        "possible values: fail, skip, report",
    ),
    ("train pairs.tsv --source-column two", 2, "--source-column"),
    (
        "train --train pairs.tsv --resume run",
        2,
        "cannot be used with",
    ),
    ("train pairs.tsv --resume none", 1, "holds no run"),
    (
        "train pairs.tsv --seed 9223372036854775808",
        2,
        "9223372036854775807",
    ),
    (
        "train pairs.tsv --set model.embedding=big",
        2,
        "expected \"one-hot\", or a size",
    ),
    (
        "train pairs.tsv --out pairs.tsv",
        1,
        "there is a file of this name",
    ),
    ("train --resume none --overwrite", 2, "cannot be used with"),
    ("train none.tsv", 1, "none.tsv: there is no such file"),
    ("train none.toml", 1, "cannot read the recipe none.toml"),
    ("train folder", 1, "this is a folder"),
    ("train empty", 1, "there are no pairs in this file"),
    (
        "train broken.tsv",
        1,
        "broken.tsv, line 2: found 1 tab-separated column",
    ),
    ("train utf16.tsv", 1, "this is UTF-16"),
    ("train broken.toml", 1, "broken.toml"),
    (
        "train pairs.tsv --dev none.tsv",
        1,
        "none.tsv: there is no such file",
    ),
    (
        "train pairs.tsv --train pairs.tsv",
        1,
        "both pairs.tsv and --train",
    ),
    (
        "train pairs.tsv --source-column 0",
        2,
        "columns are counted from 1",
    ),
    (
        "eval taken pairs.tsv --target-column 0",
        2,
        "columns are counted from 1",
    ),
    (
        "train taken --out new",
        1,
        "taken is a trained model, not a file of pairs: seq2seq train --resume taken",
    ),
    (
        "train model.safetensors --out new",
        1,
        "seq2seq train PAIRS --from model.safetensors",
    ),
    (
        "eval pairs.tsv taken",
        1,
        "pairs.tsv is no model, but taken is one: the model comes first",
    ),
    (
        "predict pairs.tsv taken",
        1,
        "pairs.tsv is no model, but taken is one",
    ),
    (
        "explain seashell taken",
        1,
        "seashell is no model, but taken is one",
    ),
    (
        "tune pairs.tsv --budget 5s",
        2,
        "seq2seq tune RECIPE --train pairs.tsv",
    ),
    ("predict model pairs.tsv --text a", 2, "cannot be used with"),
    (
        "train pairs.tsv --lr -0.5",
        2,
        "training.learning_rate=-0.5",
    ),
    (
        "train pairs.tsv --source-column 7",
        1,
        "7 are needed (source_column = 7",
    ),
    ("train pairs.tsv --source-column 2", 1, "are both 2"),
    (
        "train pairs.tsv --features-column 1",
        1,
        "data.features_column is 1",
    ),
    (
        "train pairs.tsv --features-column 3",
        1,
        "features_column = 3",
    ),
    ("train pairs.tsv --epochs 5", 2, "--set training.epochs=5"),
    (
        "train pairs.tsv --lr 0.01",
        2,
        "--set training.learning_rate=0.01",
    ),
    (
        "train pairs.tsv --set model.units=16",
        2,
        "unknown field `units`: did you mean `encoder_units`?",
    ),
    (
        "predict taken seashell",
        1,
        "seq2seq predict taken --text seashell",
    ),
    (
        "train pairs.tsv --set training.epoch=3",
        2,
        "did you mean `epochs`?",
    ),
    (
        "train pairs.tsv --set training.epochs=0",
        2,
        "training.epochs = 0",
    ),
    (
        "train pairs.tsv --set training.epochs=-3",
        2,
        "training.epochs=-3",
    ),
    (
        "train pairs.tsv --set training.keep_checkpoints=0",
        2,
        "must be at least 1",
    ),
    (
        "train pairs.tsv --set training.checkpoint_seconds=-1",
        2,
        "training.checkpoint_seconds",
    ),
    (
        "train pairs.tsv --set training.checkpoint_seconds=nan",
        2,
        "training.checkpoint_seconds",
    ),
    (
        "train pairs.tsv --set training.learning_rate=nan",
        2,
        "training.learning_rate = NaN",
    ),
    ("train pairs.tsv --set text.normalization=nfx", 2, "nfkc"),
    (
        "train pairs.tsv --set text.source_width=99999999999",
        2,
        "must be at most 65536",
    ),
    (
        "train pairs.tsv --set model.encoder_units=99999999",
        2,
        "must be at most",
    ),
    (
        "train pairs.tsv --set training.seed.x=1",
        2,
        "`seed` is a single setting",
    ),
    ("train --resume none", 1, "holds no run"),
    ("train --resume folder", 1, "holds no run"),
    (
        "train pairs.tsv --out pairs.tsv",
        1,
        "cannot write pairs.tsv",
    ),
    ("train pairs.tsv --out taken", 1, "already holds a run"),
    ("eval", 2, "required"),
    ("eval none pairs.tsv", 1, "there is no model at none"),
    (
        "eval pairs.tsv pairs.tsv",
        1,
        "it is not a safetensors file",
    ),
    (
        "eval folder pairs.tsv",
        1,
        "there is no model at folder/model.safetensors",
    ),
    (
        "train pairs.tsv --out new --set model.encoder_layers=100000000",
        2,
        "model.encoder_layers = 100000000: must be at most 1000",
    ),
    (
        "train pairs.tsv --out new --set model.monotonic.window=9223372036854775807",
        2,
        "model.monotonic.window = 9223372036854775807: must be at most 65536",
    ),
    (
        "train pairs.tsv --out new --set model.encoder_units=300 --set model.decoder_layers=1000",
        1,
        "lower model.decoder_layers (now 1000)",
    ),
    (
        "train pairs.tsv --out new --set model.embedding=30000 --set model.encoder_units=32000",
        1,
        "lower model.encoder_units (now 32000)",
    ),
    (
        "generate addition --count 1000000000000",
        2,
        "count is 1000000000000, but at most 100000000",
    ),
    ("predict model --pattern (a{1000}){1000}{1000}", 2, "64 MiB"),
    ("predict model --pattern A)|(?:B", 2, "unopened group"),
    (
        "train huge.tsv --out new --set data.validation=0 --set model.architecture=monotonic",
        1,
        "has 60001 source and 20001 target symbols, and training on it would take about",
    ),
    (
        "train huge.tsv --out new --set data.validation=0 --set model.architecture=transformer",
        1,
        "leave the pair out or cut it into shorter ones",
    ),
    ("predict", 2, "required"),
    ("predict none", 1, "there is no model at none"),
    ("predict empty", 1, "it is empty"),
    ("predict /dev/null", 1, "it is not a regular file"),
    ("predict model --beam many", 2, "--beam"),
    (
        "predict model --beam 0",
        2,
        "a beam of 0 keeps no hypothesis",
    ),
    ("predict model --abstain 2", 2, "is no confidence"),
    (
        "predict model --max-length-ratio -1",
        2,
        "--max-length-ratio -1 is no ratio",
    ),
    (
        "predict model none.tsv",
        1,
        "none.tsv: there is no such file",
    ),
    ("predict model folder", 1, "this is a folder"),
    ("predict model utf16.tsv", 1, "this is UTF-16"),
    (
        "predict model latin1.txt",
        1,
        "line 1 of the input: byte 3 of the line",
    ),
    ("predict model long.txt", 1, "more than 65536 bytes"),
    (
        "predict model --strict pairs.tsv",
        1,
        "does not know symbol",
    ),
    ("predict cut", 1, "it is cut short"),
    ("predict flipped", 1, "does not match its checksum"),
    (
        "compare model none pairs.tsv",
        1,
        "there is no model at none",
    ),
    ("compare model", 2, "required"),
    ("audit model none.tsv", 1, "none.tsv: there is no such file"),
    ("audit model pairs.tsv --most x", 2, "--most"),
    ("explain model", 2, "required"),
    ("explain none abc", 1, "there is no model at none"),
    ("interactive none", 1, "there is no model at none"),
    ("generate", 2, "Usage"),
    ("generate multiplication", 2, "unrecognized subcommand"),
    ("generate addition --terms 1", 2, "terms"),
    ("generate addition --digits 0", 2, "digits"),
    ("generate addition --digits 20", 2, "digits"),
    (
        "predict model --pattern (",
        2,
        "is not a regular expression",
    ),
    ("generate addition --count -1", 2, "-1"),
    (
        "generate addition --exclude none.tsv",
        1,
        "none.tsv: there is no such file",
    ),
    ("inspect", 2, "required"),
    ("inspect flipped", 1, "does not match its checksum"),
    ("ensemble model --out two", 2, "required"),
    (
        "ensemble model none --out two",
        1,
        "there is no model at none",
    ),
    ("quantize model --out new", 2, "--to <bf16|int8>"),
    ("quantize model --to int8", 2, "--out <MODEL>"),
    (
        "quantize model --to int4 --out new",
        2,
        "invalid value 'int4'",
    ),
    (
        "quantize none --to int8 --out new",
        1,
        "there is no model at none",
    ),
    (
        "quantize model --to int8 --out cut",
        1,
        "cut exists: replace it with --overwrite",
    ),
    (
        "quantize model --to int8 --out new --header",
        2,
        "need --dev FILE",
    ),
    (
        "quantize model --to int8 --out new --dev none.tsv",
        1,
        "none.tsv: there is no such file",
    ),
    (
        "quantize pairs.tsv --to int8 --out new --dev model",
        1,
        "the model comes first",
    ),
    (
        "quantize narrow --to int8 --out new",
        1,
        "the weights are bf16 already: quantize the model of single precision that it was made from",
    ),
    (
        "quantize counts --to int8 --out new",
        1,
        "an n-gram model counts",
    ),
    (
        "train pairs.tsv --out new --from narrow",
        1,
        "narrow: its weights are bf16, and training goes on from weights of single precision",
    ),
    ("reproduce", 2, "required"),
    ("reproduce none.toml", 1, "none.toml"),
    ("reproduce broken.toml --seeds 0", 2, "--seeds"),
    ("completions", 2, "required"),
    ("completions tcsh", 2, "possible values"),
    ("bench --work Z", 2, "possible values"),
    ("bench --repetitions 0", 2, "--repetitions"),
];

fn seq2seq(folder: &Path) -> Command {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin!("seq2seq"));
    command.current_dir(folder);
    command
}

/// Files that are each wrong in their own way, and a model.
fn prepare(folder: &Path) {
    let write = |name: &str, bytes: &[u8]| fs::write(folder.join(name), bytes).unwrap();
    let pairs: String = (0..40).map(|n| format!("{n}\t{}\n", 99 - n)).collect();
    write("pairs.tsv", pairs.as_bytes());
    write("empty", b"");
    write("broken.tsv", b"a\tb\nno tab\n");
    write("utf16.tsv", b"\xFF\xFEa\0\t\0b\0\n\0");
    write("latin1.txt", b"na\xEFve\n");
    let source = "ab".repeat(30_000);
    write(
        "huge.tsv",
        format!("{pairs}{source}\t{}\n", &source[..20_000]).as_bytes(),
    );
    write("long.txt", &[b'1'; 70_000]);
    write("broken.toml", b"[training\n");
    fs::create_dir(folder.join("folder")).unwrap();
    let quick = "train pairs.tsv --out taken --quiet --set training.epochs=1 \
                 --set model.encoder_units=4 --set model.embedding=2 --set text.source_end_mark=true";
    let words = quick.split_whitespace();
    assert!(seq2seq(folder).args(words).status().unwrap().success());
    let model = fs::read(folder.join("taken/model.safetensors")).unwrap();
    write("model", &model);
    write("model.safetensors", &model);
    write("cut", &model[..model.len() - 100]);
    let counts = "train pairs.tsv --out counted --quiet --set model.architecture=ngram";
    let narrow = "quantize model --to bf16 --out narrow";
    for arguments in [counts, narrow] {
        let mut command = seq2seq(folder);
        let command = command.args(arguments.split_whitespace());
        assert!(command.output().unwrap().status.success(), "{arguments}");
    }
    fs::rename(
        folder.join("counted/model.safetensors"),
        folder.join("counts"),
    )
    .unwrap();
    let mut flipped = model.clone();
    *flipped.last_mut().unwrap() ^= 1;
    write("flipped", &flipped);
    // A symbol that the model has not seen.
    write("pairs.tsv", format!("{pairs}x\ty\n").as_bytes());
}

#[test]
fn every_command_refuses_what_cannot_work() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    prepare(folder);
    let mut wrong = Vec::new();
    for (arguments, code, message) in CASES {
        let output = seq2seq(folder)
            .args(arguments.split_whitespace())
            .output()
            .unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        let panicked = stderr.contains("panicked");
        if output.status.code() != Some(*code) || !stderr.contains(message) || panicked {
            wrong.push(format!(
                "`{arguments}`: {}, expected {code} and {message:?}\n{stderr}",
                output.status
            ));
        }
        if *code == 1 && !stderr.starts_with("error: ") && !stderr.contains("\nerror: ") {
            wrong.push(format!("`{arguments}`: the message is no error\n{stderr}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    println!("{} command lines refused", CASES.len());
}

/// Lines that cannot be used are left out on request, and listed in the run.
#[test]
fn lines_that_are_reported() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let pairs: String = (0..40).map(|n| format!("{n}\t{}\n", 99 - n)).collect();
    fs::write(
        folder.join("pairs.tsv"),
        format!("{pairs}no tab\n\tno source\n"),
    )
    .unwrap();
    let train = |option: &str| {
        let arguments = format!(
            "train pairs.tsv --out run --overwrite --on-bad-line {option} --set training.epochs=1 \
             --set model.encoder_units=4 --set model.embedding=2"
        );
        seq2seq(folder)
            .args(arguments.split_whitespace())
            .output()
            .unwrap()
    };
    let table = folder.join("run/skipped_lines.tsv");
    let report = train("report");
    let stderr = String::from_utf8(report.stderr).unwrap();
    assert!(report.status.success(), "{stderr}");
    assert!(
        stderr.contains("skipped pairs.tsv, line 41: found 1"),
        "{stderr}"
    );
    assert!(stderr.contains("skipped 2 lines in all"), "{stderr}");
    let listed = fs::read_to_string(&table).unwrap();
    assert_eq!(listed.lines().count(), 3, "{listed}");
    assert!(
        listed.contains("pairs.tsv\t42\t1\tthe source (column 1) is empty"),
        "{listed}"
    );
    assert!(train("skip").status.success());
    assert!(!table.exists());
    assert_eq!(train("fail").status.code(), Some(1));
}

/// Pairs and inputs through a pipe, compressed or not.
#[test]
fn standard_input() {
    use std::io::Write;
    use std::process::Stdio;
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let pipe = |arguments: &str, input: &[u8]| {
        let mut child = seq2seq(folder)
            .args(arguments.split_whitespace())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(input).unwrap();
        child.wait_with_output().unwrap()
    };
    let pairs: String = (0..40).map(|n| format!("{n}\t{}\n", 99 - n)).collect();
    let settings = "--quiet --set training.epochs=1 --set model.encoder_units=4";
    let trained = pipe(&format!("train - --out run {settings}"), pairs.as_bytes());
    assert!(
        trained.status.success(),
        "{}",
        String::from_utf8_lossy(&trained.stderr)
    );
    let answers = pipe("predict run", b"\xEF\xBB\xBF12\r\n3\n");
    let stderr = String::from_utf8_lossy(&answers.stderr);
    assert_eq!(
        String::from_utf8_lossy(&answers.stdout).lines().count(),
        2,
        "{stderr}"
    );
    assert!(!stderr.contains("does not know"), "{stderr}");
    // The same pairs have to come again for the run to go on.
    let more = "train --resume run --quiet --set training.epochs=2";
    let other = pipe(more, b"1\t2\n2\t1\n3\t3\n4\t4\n");
    assert_eq!(other.status.code(), Some(1));
    assert!(pipe(more, pairs.as_bytes()).status.success());
}
