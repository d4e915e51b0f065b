//! `seq2seq generate`: data made to order.

use std::collections::HashSet;
use std::io::{self, BufWriter, Write};
use std::path::PathBuf;

use anyhow::Result;
use clap::{Args, Subcommand, ValueEnum};
use seq2seq::data::{Addition, Draw, ReadOptions, read_pairs};
use seq2seq::text::Align;

use crate::Done;
use crate::output::wrong_usage;

/// Write generated pairs as tab-separated lines
#[derive(Args)]
pub struct Generate {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Sums such as "12+345", padded with blanks to one width
    Addition(AdditionOptions),
}

#[derive(Args)]
struct AdditionOptions {
    /// Numbers to add
    #[arg(long, default_value_t = 2)]
    terms: usize,
    /// Most digits of each number, up to 15
    #[arg(long, default_value_t = 3)]
    digits: usize,
    /// Questions to write
    #[arg(long, default_value_t = 5000)]
    count: usize,
    /// Start of every random choice
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Write the padded question backwards
    #[arg(long)]
    reverse: bool,
    /// No question twice, the order of the terms aside
    #[arg(long)]
    unique: bool,
    /// How a number is drawn: every number equally likely (uniform), or its digits counted first, as in the
    /// Keras example (digit-length)
    #[arg(long, value_enum, default_value_t = DrawOption::Uniform, value_name = "uniform|digit-length",
          hide_possible_values = true)]
    draw: DrawOption,
    /// Where question and answer stand in their widths: blanks first, as in the notebook (right), or last, as
    /// in the Keras example (left)
    #[arg(long, value_enum, default_value_t = AlignOption::Right, value_name = "right|left",
          hide_possible_values = true)]
    align: AlignOption,
    /// Leave out the questions of this file
    #[arg(long, value_name = "FILE")]
    exclude: Option<PathBuf>,
}

#[derive(Clone, Copy, ValueEnum)]
enum DrawOption {
    /// Every number is equally likely
    Uniform,
    /// The number of digits first, as the Keras addition example does
    DigitLength,
}

#[derive(Clone, Copy, ValueEnum)]
enum AlignOption {
    /// Blanks first, as in the notebook
    Right,
    /// Blanks last, as in the Keras addition example
    Left,
}

impl Generate {
    /// Runs the command.
    pub fn run(self) -> Result<Done> {
        let Task::Addition(options) = self.task;
        let generator = Addition {
            terms: options.terms,
            digits: options.digits,
            count: options.count,
            seed: options.seed,
            reverse: options.reverse,
            unique: options.unique,
            draw: match options.draw {
                DrawOption::Uniform => Draw::Uniform,
                DrawOption::DigitLength => Draw::DigitLength,
            },
            align: match options.align {
                AlignOption::Right => Align::Right,
                AlignOption::Left => Align::Left,
            },
        };
        let taken = match &options.exclude {
            Some(path) => read_pairs(path, &ReadOptions::default())?.pairs,
            None => Vec::new(),
        };
        let taken: HashSet<String> = taken.into_iter().map(|pair| pair.source).collect();
        let mut out = BufWriter::new(io::stdout().lock());
        for pair in generator.generate_excluding(&taken).map_err(wrong_usage)? {
            writeln!(out, "{}\t{}", pair.source, pair.target)?;
        }
        out.flush()?;
        Ok(Done::Completed)
    }
}
