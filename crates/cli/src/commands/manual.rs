//! `seq2seq manual`: man pages.

use std::fs;
use std::io::{self, Write};
use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Args;
use clap_mangen::Man;

use crate::Done;
use crate::help::command;

/// Print the manual, or write a man page for each command
#[derive(Args)]
pub struct Manual {
    /// Folder for man pages: seq2seq.1, seq2seq-train.1, …
    #[arg(long, value_name = "FOLDER")]
    out: Option<PathBuf>,
}

impl Manual {
    /// Runs the command.
    pub fn run(self) -> Result<Done> {
        let Some(folder) = &self.out else {
            let mut page = Vec::new();
            Man::new(command()).render(&mut page)?;
            io::stdout().write_all(&page)?;
            return Ok(Done::Completed);
        };
        let place = || folder.display().to_string();
        fs::create_dir_all(folder).with_context(place)?;
        clap_mangen::generate_to(command().disable_help_subcommand(true), folder)
            .with_context(place)?;
        Ok(Done::Completed)
    }
}
