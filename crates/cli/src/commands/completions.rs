//! `seq2seq completions`: what a shell needs to complete our commands and options.

use std::io::Write;

use anyhow::Result;
use clap::Args;
use clap_complete::{Shell, generate};

use crate::Done;

/// Print completions for a shell
#[derive(Args)]
pub struct Completions {
    /// The shell
    shell: Shell,
}

impl Completions {
    /// Runs the command.
    pub fn run(self) -> Result<Done> {
        let mut script = Vec::new();
        generate(
            self.shell,
            &mut crate::help::command(),
            "seq2seq",
            &mut script,
        );
        std::io::stdout().write_all(&script)?;
        Ok(Done::Completed)
    }
}
