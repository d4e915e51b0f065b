//! `seq2seq interactive`: a prompt for trying inputs.

use std::io::{self, IsTerminal};
use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use rustyline::DefaultEditor;
use rustyline::error::ReadlineError;
use seq2seq::{Model, Origin, PredictOptions};

use super::explain::explanation;
use super::search_args::SearchArgs;
use crate::Done;
use crate::inputs::Lines;
use crate::output::print_line;

/// Try inputs at a prompt
#[derive(Args)]
pub struct Interactive {
    /// A model file, or the folder of a run
    model: PathBuf,
    /// Give the N best outputs
    #[arg(long, default_value_t = 1, value_name = "N")]
    nbest: usize,
    #[command(flatten)]
    search: SearchArgs,
}

/// What a person at the prompt can type. Words without a colon may be inputs.
const HELP: &str = "\
INPUT     the model's answer
?INPUT    how it comes to this answer, step by step
:help     this text
:quit     leave, as Ctrl-D does
Arrow keys edit the line and bring earlier ones back.";

impl Interactive {
    /// Runs the command.
    pub fn run(self) -> Result<Done> {
        let model = Model::load(&self.model)?;
        let mut options = self.search.options(&model, self.nbest)?;
        options.confidence = true;
        let mut prompt = Prompt::open()?;
        loop {
            let line = match prompt.next()? {
                Typed::Line(line) => line,
                Typed::End => return Ok(Done::Completed),
                Typed::Interrupt => return Ok(Done::Interrupted),
            };
            match (&prompt, line.trim()) {
                (Prompt::Terminal(_), ":help" | "?") => say!("{HELP}"),
                (Prompt::Terminal(_), ":quit" | ":exit" | ":q") => return Ok(Done::Completed),
                (_, text) => {
                    answer(&model, &line, &mut options)?;
                    prompt.remark_on(text);
                }
            }
        }
    }
}

/// Where lines come from: a person, with line editing and a history, or a file or program.
enum Prompt {
    Terminal(Box<DefaultEditor>),
    Lines(Lines),
}

enum Typed {
    Line(String),
    End,
    Interrupt,
}

impl Prompt {
    fn open() -> Result<Self> {
        if !io::stdin().is_terminal() {
            return Ok(Self::Lines(Lines::open(None)?));
        }
        say!("an input and Enter for an answer, ?input for how it comes about, :help for more");
        Ok(Self::Terminal(Box::new(DefaultEditor::new()?)))
    }

    fn next(&mut self) -> Result<Typed> {
        let editor = match self {
            Self::Lines(lines) => {
                let line = lines.next(1)?.pop();
                return Ok(line.map_or(Typed::End, Typed::Line));
            }
            Self::Terminal(editor) => editor,
        };
        match editor.readline("> ") {
            Ok(line) => {
                editor.add_history_entry(&line)?;
                Ok(Typed::Line(line))
            }
            Err(ReadlineError::Eof) => Ok(Typed::End),
            Err(ReadlineError::Interrupted) => Ok(Typed::Interrupt),
            Err(error) => Err(error.into()),
        }
    }

    /// Tells a person who typed the name of a command that it was answered as an input.
    fn remark_on(&self, text: &str) {
        if matches!(self, Self::Terminal(_)) && matches!(text, "help" | "quit" | "exit") {
            say!("({text} was read as an input; the command is :{text})");
        }
    }
}

/// Answers a line, or explains the answer; the next one draws other samples.
fn answer(model: &Model, line: &str, options: &mut PredictOptions) -> Result<()> {
    if let Some(input) = line.strip_prefix('?') {
        return Ok(print_line(&explanation(
            model, input, None, 3, false, options,
        )?)?);
    }
    let predictor = model.predictor(options.clone())?;
    options.first_number += 1;
    for answer in predictor.predict(&[model.line(line)]) {
        for warning in &answer.warnings {
            say!("({warning})");
        }
        print_line(&answer.best().text)?;
        if answer.origin == Origin::Lexicon && io::stdin().is_terminal() {
            say!("(from the lexicon)");
        }
        for other in answer.others() {
            print_line(&format!("  {}", other.text))?;
        }
        // Beside the answer for people, not part of it for programs.
        let confidence = answer.best().confidence;
        if let Some(confidence) = confidence.filter(|_| io::stdin().is_terminal()) {
            say!("(confidence {confidence:.2})");
        }
    }
    Ok(())
}
