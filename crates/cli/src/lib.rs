//! The command line of `seq2seq`: every command is a file in `commands`, and all the work is done
//! by the library.

#[macro_use]
mod output;

mod commands;
mod help;
mod inputs;
mod memory;
mod progress;
mod spread;
mod stop_signal;
mod threads;

use std::ffi::OsString;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{FromArgMatches, Parser, Subcommand};
use seq2seq::config::setting_named;
use seq2seq::shell_quoted;

/// Small sequence-to-sequence models: from a file of pairs to a trained, evaluated, usable model.
#[derive(Parser)]
#[command(
    name = "seq2seq",
    propagate_version = true,
    max_term_width = 100,
    arg_required_else_help = true
)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
    /// Threads to compute with [default: one for each core]
    #[arg(long, global = true, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=threads::MOST))]
    threads: Option<u16>,
}

#[derive(Subcommand)]
enum Command {
    Train(commands::train::Train),
    Tune(commands::tune::Tune),
    Eval(commands::eval::Eval),
    Predict(commands::predict::Predict),
    Lexicon(commands::lexicon::Lexicon),
    Export(commands::export::Export),
    Import(Box<commands::import::Import>),
    Compare(commands::compare::Compare),
    Audit(commands::audit::Audit),
    Explain(commands::explain::Explain),
    Interactive(commands::interactive::Interactive),
    #[cfg(feature = "server")]
    Serve(Box<commands::serve::Serve>),
    #[cfg(feature = "server")]
    Lesson(commands::lesson::Lesson),
    Generate(commands::generate::Generate),
    Inspect(commands::inspect::Inspect),
    Ensemble(commands::ensemble::Ensemble),
    Quantize(commands::quantize::Quantize),
    Reproduce(commands::reproduce::Reproduce),
    Completions(commands::completions::Completions),
    Manual(commands::manual::Manual),
    Bench(commands::bench::Bench),
}

/// What a command did, apart from failing.
pub enum Done {
    /// All of its work.
    Completed,
    /// It was interrupted and said how to go on.
    Interrupted,
}

/// Runs the program with its arguments, the first of which is its name; the exit code.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> u8 {
    let arguments = arguments.into_iter();
    let matches = help::command().try_get_matches_from(arguments);
    let arguments = match matches.and_then(|matches| Arguments::from_arg_matches(&matches)) {
        Ok(arguments) => arguments,
        Err(error) => return misunderstood(error),
    };
    if let Err(error) = rnn_kernels::Level::from_environment() {
        say!("error: {error}");
        return 2;
    }
    rnn_kernels::ignore_file_size_signal();
    #[cfg(feature = "mimalloc")]
    rnn_kernels::keep_freed_memory();
    threads::with_threads(arguments.threads, || run_command(arguments.command))
}

/// Runs a command; the exit code.
fn run_command(command: Command) -> u8 {
    let result = match command {
        Command::Train(command) => command.run(),
        Command::Tune(command) => command.run(),
        Command::Eval(command) => command.run(),
        Command::Predict(command) => command.run(),
        Command::Lexicon(command) => command.run(),
        Command::Export(command) => command.run(),
        Command::Import(command) => command.run(),
        Command::Compare(command) => command.run(),
        Command::Audit(command) => command.run(),
        Command::Explain(command) => command.run(),
        Command::Interactive(command) => command.run(),
        #[cfg(feature = "server")]
        Command::Serve(command) => command.run(),
        #[cfg(feature = "server")]
        Command::Lesson(command) => command.run(),
        Command::Generate(command) => command.run(),
        Command::Inspect(command) => command.run(),
        Command::Ensemble(command) => command.run(),
        Command::Quantize(command) => command.run(),
        Command::Reproduce(command) => command.run(),
        Command::Completions(command) => command.run(),
        Command::Manual(command) => command.run(),
        Command::Bench(command) => command.run(),
    };
    match result {
        Ok(Done::Completed) => 0,
        Ok(Done::Interrupted) => 130,
        // Whoever read our output has had enough of it, as `head` does.
        Err(error) if output::is_closed_pipe(&error) => 0,
        Err(error) => {
            say!("error: {}", output::error_text(&error));
            if output::is_wrong_usage(&error) { 2 } else { 1 }
        }
    }
}

/// Names the setting that an unknown flag such as `--epochs` may mean, with the value that follows it.
fn suggest_setting(error: &mut clap::Error) {
    let Some(ContextValue::String(flag)) = error.get(ContextKind::InvalidArg) else {
        return;
    };
    let name = flag.trim_start_matches('-');
    if error.kind() != ErrorKind::UnknownArgument || error.get(ContextKind::SuggestedArg).is_some()
    {
        return;
    }
    if let Some(setting) = setting_named(name) {
        let value = value_of(flag).unwrap_or_else(|| "VALUE".to_owned());
        let tip = format!("`train` takes settings: --set {setting}={value}").into();
        error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![tip]));
    }
}

/// What was given with a flag: the argument after it.
fn value_of(flag: &str) -> Option<String> {
    let mut arguments = std::env::args_os().skip_while(|argument| *argument != *flag);
    let value = arguments.nth(1)?.into_string().ok()?;
    let is_flag = value.starts_with("--") || value.is_empty();
    (!is_flag).then(|| shell_quoted(&value))
}

/// Prints help, the version, or what is wrong with the arguments; the exit code.
fn misunderstood(mut error: clap::Error) -> u8 {
    suggest_setting(&mut error);
    let text = error.render().to_string();
    if !error.use_stderr() || output::message(&text) == text {
        // In colours, where there are any. That nobody reads it changes nothing.
        drop(error.print());
    } else {
        output::write_message(text.trim_end());
    }
    u8::try_from(error.exit_code()).unwrap_or(2)
}
