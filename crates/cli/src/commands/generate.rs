//! `seq2seq generate`: data made to order.

use std::collections::HashSet;
use std::io::{self, BufWriter, Write};
use std::path::PathBuf;

use anyhow::Result;
use clap::{Args, Subcommand, ValueEnum};
use seq2seq::data::{
    Addition, Draw, Pair, ReadOptions, Texts, analogies, guess_tokenization, read_pairs,
};
use seq2seq::text::{Align, Tokenization};

use crate::Done;

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
    /// Pairs like those of a file: other endings of its words, where it shows what becomes of them
    Analogies(AnalogiesOptions),
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
    /// How a number is drawn
    #[arg(long, value_enum, default_value_t = DrawOption::Uniform)]
    draw: DrawOption,
    /// Where question and answer stand in their widths
    #[arg(long, value_enum, default_value_t = AlignOption::Right)]
    align: AlignOption,
    /// Leave out the questions of this file
    #[arg(long, value_name = "FILE")]
    exclude: Option<PathBuf>,
}

#[derive(Args)]
struct AnalogiesOptions {
    /// Tab-separated pairs (- for standard input)
    #[arg(value_name = "PAIRS")]
    pairs: PathBuf,
    /// Pairs to write at most, the surest endings first [default: as many as the file has]
    #[arg(long)]
    count: Option<usize>,
    /// How sources are cut into symbols [default: a guess, as in training]
    #[arg(long, value_enum)]
    source: Option<TokenizationOption>,
    /// How targets are cut into symbols [default: a guess, as in training]
    #[arg(long, value_enum)]
    target: Option<TokenizationOption>,
}

#[derive(Clone, Copy, ValueEnum)]
enum TokenizationOption {
    Characters,
    Graphemes,
    Spaces,
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
        let pairs = match self.task {
            Task::Addition(options) => options.pairs()?,
            Task::Analogies(options) => options.pairs()?,
        };
        let mut out = BufWriter::new(io::stdout().lock());
        for pair in pairs {
            writeln!(out, "{}\t{}", pair.source, pair.target)?;
        }
        out.flush()?;
        Ok(Done::Completed)
    }
}

impl AdditionOptions {
    fn pairs(&self) -> Result<Vec<Pair>> {
        let generator = Addition {
            terms: self.terms,
            digits: self.digits,
            count: self.count,
            seed: self.seed,
            reverse: self.reverse,
            unique: self.unique,
            draw: match self.draw {
                DrawOption::Uniform => Draw::Uniform,
                DrawOption::DigitLength => Draw::DigitLength,
            },
            align: match self.align {
                AlignOption::Right => Align::Right,
                AlignOption::Left => Align::Left,
            },
        };
        let taken = match &self.exclude {
            Some(path) => read_pairs(path, &ReadOptions::default())?.pairs,
            None => Vec::new(),
        };
        let taken: HashSet<String> = taken.into_iter().map(|pair| pair.source).collect();
        Ok(generator.generate_excluding(&taken)?)
    }
}

impl AnalogiesOptions {
    fn pairs(&self) -> Result<Vec<Pair>> {
        let pairs = read_pairs(&self.pairs, &ReadOptions::default())?.pairs;
        let sources: Vec<&str> = pairs.iter().map(|pair| pair.source.as_str()).collect();
        let targets: Vec<&str> = pairs.iter().map(|pair| pair.target.as_str()).collect();
        let source = tokenization(self.source, &sources, &targets);
        let target = tokenization(self.target, &targets, &sources);
        let most = self.count.unwrap_or(pairs.len());
        Ok(analogies(&pairs, source, target, most))
    }
}

fn tokenization(option: Option<TokenizationOption>, own: &[&str], other: &[&str]) -> Tokenization {
    match option {
        Some(TokenizationOption::Characters) => Tokenization::Characters,
        Some(TokenizationOption::Graphemes) => Tokenization::Graphemes,
        Some(TokenizationOption::Spaces) => Tokenization::Spaces,
        None => {
            let held_out = &[];
            guess_tokenization(&Texts {
                own,
                other,
                held_out,
            })
            .tokenization
        }
    }
}
