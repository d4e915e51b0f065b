//! The command line as clap knows it: commands in groups, examples before options, what `--version` says.

use clap::{Command, CommandFactory};
use rnn_kernels::Level;

use crate::Arguments;

/// Commands by what they are for.
const GROUPS: [(&str, &[&str]); 4] = [
    (
        "Learn",
        &["train", "tune", "reproduce", "ensemble", "lesson"],
    ),
    (
        "Answer",
        &["predict", "interactive", "explain", "lexicon", "serve"],
    ),
    ("Judge", &["eval", "compare", "audit", "inspect", "bench"]),
    (
        "Tools",
        &[
            "quantize",
            "export",
            "import",
            "generate",
            "completions",
            "manual",
            "help",
        ],
    ),
];

/// Two examples of each command.
const EXAMPLES: [(&str, [&str; 2]); 21] = [
    (
        "train",
        [
            "train words.tsv --dev dev.tsv --out runs/words",
            "train recipes/dates.toml --set training.epochs=20",
        ],
    ),
    (
        "tune",
        [
            "tune recipes/dates.toml --budget 30m",
            "tune recipes/g2p.toml --train words.tsv --budget 1h --vary model.encoder_units=64,128",
        ],
    ),
    (
        "reproduce",
        [
            "reproduce recipes/dates.toml",
            "reproduce recipes/*.toml --seeds 3 --set training.epochs=5",
        ],
    ),
    (
        "ensemble",
        [
            "ensemble runs/a runs/b --out both.safetensors --dev dev.tsv",
            "ensemble runs/a runs/b runs/c --out all.safetensors --log-linear",
        ],
    ),
    (
        "predict",
        [
            "predict runs/words --text seashell phoneme",
            "predict runs/words words.txt --nbest 3 --confidence",
        ],
    ),
    (
        "lexicon",
        [
            "lexicon runs/words words.txt --format mfa --lexicon known.dict --out all.dict",
            "lexicon runs/words book.txt --text --format kaldi-probabilities --mass 0.9",
        ],
    ),
    (
        "quantize",
        [
            "quantize runs/words --to bf16 --out words.safetensors",
            "quantize runs/words --to int8 --out words.safetensors --dev dev.tsv",
        ],
    ),
    (
        "export",
        [
            "export runs/words --format onnx --out words-onnx",
            "export words.safetensors --format onnx --out words-onnx --overwrite",
        ],
    ),
    (
        "import",
        [
            "import tutorial.keras --source-symbols letters.json --target-symbols words.json -o tutorial.safetensors",
            "import sums.h5 --source-symbols 13.txt --target-symbols 13.txt --first-symbols 123456789 -o sums.safetensors",
        ],
    ),
    (
        "interactive",
        [
            "interactive runs/words",
            "interactive runs/words --nbest 3 --beam 5",
        ],
    ),
    (
        "explain",
        [
            "explain runs/words seashell",
            "explain runs/words seashell 'S IY SH EH L' --top 5",
        ],
    ),
    (
        "serve",
        [
            "serve runs/words",
            "serve runs/words --model dates=runs/dates --address 0.0.0.0:8080 --token-file token",
        ],
    ),
    (
        "lesson",
        ["lesson", "lesson --export site --wasm seq2seq_page.wasm"],
    ),
    (
        "eval",
        [
            "eval runs/words test.tsv --beam 5",
            "eval runs/words test.tsv --report report",
        ],
    ),
    (
        "compare",
        [
            "compare runs/old runs/new test.tsv",
            "compare runs/old runs/new test.tsv --show 20",
        ],
    ),
    (
        "audit",
        [
            "audit runs/words words.tsv --most 50",
            "audit runs/words words.tsv --json",
        ],
    ),
    (
        "inspect",
        ["inspect runs/words", "inspect runs/words --settings"],
    ),
    (
        "bench",
        ["bench", "bench --work A --phase train --repetitions 11"],
    ),
    (
        "generate",
        [
            "generate addition > sums.tsv",
            "generate addition --digits 4 --count 20000 --seed 7",
        ],
    ),
    (
        "completions",
        [
            "completions bash > ~/.local/share/bash-completion/completions/seq2seq",
            "completions fish > ~/.config/fish/completions/seq2seq.fish",
        ],
    ),
    ("manual", ["manual", "manual --out ~/.local/share/man/man1"]),
];

/// The whole command line.
pub fn command() -> Command {
    let command = Arguments::command();
    let overview = overview(&command);
    command
        .help_template(format!(
            "{{about-with-newline}}\n{{usage-heading}} {{usage}}\n\n{overview}Options:\n{{options}}\n\n\
             `seq2seq COMMAND --help` lists the options of a command, with examples.\n"
        ))
        .version(env!("CARGO_PKG_VERSION"))
        .long_version(long_version())
        .mut_subcommands(with_examples)
}

/// The commands in groups, each with what it does.
fn overview(command: &Command) -> String {
    let line = |name: &&str| {
        let about = match command.find_subcommand(name).and_then(Command::get_about) {
            Some(about) => about.to_string(),
            None => "Show this help, or that of a command".to_owned(),
        };
        format!("  {name:<12} {about}\n")
    };
    let group = |(title, names): &(&str, &[&str])| {
        // Some commands can be left out of the program; `help` is clap's.
        let there = |name: &&&str| **name == "help" || command.find_subcommand(name).is_some();
        let lines: String = names.iter().filter(there).map(line).collect();
        format!("{title}:\n{lines}\n")
    };
    GROUPS.iter().map(group).collect()
}

fn with_examples(command: Command) -> Command {
    let examples = EXAMPLES
        .iter()
        .find(|(name, _)| *name == command.get_name());
    let Some((_, examples)) = examples else {
        return command;
    };
    let lines = examples.map(|example| format!("  seq2seq {example}\n"));
    let template = format!(
        "{{about-with-newline}}\nExamples:\n{}\n{{usage-heading}} {{usage}}\n\n{{all-args}}{{after-help}}",
        lines.concat()
    );
    command.help_template(template)
}

/// Version and revision, what the program was built with, and the vector instructions that it uses here.
fn long_version() -> String {
    let version = env!("CARGO_PKG_VERSION");
    let revision = env!("SEQ2SEQ_REVISION");
    let target = env!("SEQ2SEQ_TARGET");
    let simd = match Level::from_environment() {
        Ok(level) => level.name().to_owned(),
        Err(error) => error.to_string(),
    };
    format!("{version}\nrevision: {revision}\ntarget: {target}\nvector instructions: {simd}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_has_a_group_and_examples() {
        command().debug_assert();
        for command in Arguments::command().get_subcommands() {
            let name = command.get_name();
            let grouped = GROUPS.iter().any(|(_, names)| names.contains(&name));
            assert!(grouped, "{name} is in no group");
            let has_examples = EXAMPLES.iter().any(|(command, _)| *command == name);
            assert!(has_examples, "{name} has no examples");
        }
    }

    #[test]
    fn the_overview_fits_80_columns() {
        for line in overview(&Arguments::command()).lines() {
            assert!(line.len() <= 80, "{line}");
        }
    }

    #[test]
    fn examples_are_command_lines_that_are_understood() {
        for (_, examples) in EXAMPLES {
            for example in examples {
                let line = example.split(" > ").next().unwrap_or(example);
                let words = format!("seq2seq {line}").replace('\'', "");
                let words = words.split_whitespace();
                // The quotes hold a word with blanks, which is left out here.
                let words = words.filter(|word| !matches!(*word, "IY" | "SH" | "EH" | "L"));
                let parsed = command().try_get_matches_from(words);
                assert!(parsed.is_ok(), "{example}: {}", parsed.unwrap_err());
            }
        }
    }
}
