//! `seq2seq import`: models that other toolkits trained.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, anyhow, bail};
use clap::Args;
use seq2seq::config::Override;
use seq2seq::{Model, Recipe, check_output, shell_quoted};
use seq2seq_exchange::import::pytorch::{EXAMPLE, Mapping};
use seq2seq_exchange::import::{ImportRequest, Marks, SymbolList, keras, pytorch, unescaped};

use super::drawing::drawing;
use crate::Done;
use crate::output::{print_line, wrong_usage, wrong_usage_unless};

/// Make a model from a file of Keras or PyTorch
#[derive(Args)]
pub struct Import {
    /// A recurrent encoder-decoder model: .keras or .h5 of Keras, .pt or .safetensors of PyTorch
    file: PathBuf,
    /// Which weights of a PyTorch file are which layers (docs/import.md)
    #[arg(long, value_name = "TOML")]
    mapping: Option<PathBuf>,
    /// Symbols of the source by their ids: one a line, or .json with a list or with ids
    #[arg(long, value_name = "FILE")]
    source_symbols: PathBuf,
    /// Symbols of the target by their ids
    #[arg(long, value_name = "FILE")]
    target_symbols: PathBuf,
    /// The model file to write
    #[arg(short, long, value_name = "MODEL")]
    out: PathBuf,
    /// Target symbol that begins the decoder's input [default: \t, if there is one]
    #[arg(long, value_name = "SYMBOL", value_parser = symbol)]
    begin: Option<String>,
    /// Target symbol that ends a target [default: \n, if there is one]
    #[arg(long, value_name = "SYMBOL", value_parser = symbol)]
    end: Option<String>,
    /// Source symbol that ends a source [default: \n, if there is one]
    #[arg(long, value_name = "SYMBOL", value_parser = symbol)]
    source_end: Option<String>,
    /// Symbol that stands for those that are not listed
    #[arg(long, value_name = "SYMBOL", value_parser = symbol)]
    unknown: Option<String>,
    /// Symbols that answers can begin with, for a decoder that is given the first one, as in the notebook
    #[arg(long, value_name = "SYMBOLS", value_parser = symbol, conflicts_with = "begin")]
    first_symbols: Option<String>,
    /// A setting of texts or decoding, such as text.reverse_source=true
    #[arg(long = "set", value_name = "KEY=VALUE")]
    overrides: Vec<Override>,
    /// Replace the file if there is one
    #[arg(long)]
    overwrite: bool,
}

/// A symbol as an argument, with `\n` and `\t` for a line feed and a tab.
fn symbol(text: &str) -> Result<String, String> {
    unescaped(text).ok_or_else(|| "a backslash begins \\n, \\t or \\\\".to_owned())
}

impl Import {
    /// Runs the command.
    pub fn run(self) -> Result<Done> {
        check_output(&self.out)?;
        if self.out.exists() && !self.overwrite {
            bail!(
                "{} exists: replace it with --overwrite, or choose another file with --out",
                self.out.display()
            );
        }
        let request = self.request()?;
        let name = self.file.display();
        let bytes = fs::read(&self.file).with_context(|| format!("cannot read {name}"))?;
        let model = self
            .model(&bytes, &request)
            .with_context(|| format!("{name}"))?;
        model.save(&self.out)?;
        self.describe(&model)?;
        Ok(Done::Completed)
    }

    fn model(&self, bytes: &[u8], request: &ImportRequest) -> Result<Model> {
        let of_keras = keras::recognises(bytes);
        match &self.mapping {
            Some(mapping) => {
                wrong_usage_unless(!of_keras, || {
                    "--mapping is for PyTorch: a file of Keras says which weights are which".into()
                })?;
                let text = fs::read_to_string(mapping);
                let text = text.with_context(|| format!("cannot read {}", mapping.display()))?;
                let mapping = Mapping::parse(&text)
                    .map_err(|error| anyhow!("{}: {error}", mapping.display()))?;
                Ok(pytorch::import(&self.file, bytes, &mapping, request)?)
            }
            None if of_keras => Ok(keras::import(bytes, request)?),
            None => bail!(
                "its weights are\n{}say which of them are which layers with --mapping FILE, such as\n{EXAMPLE}",
                pytorch::listing(&self.file, bytes)?
            ),
        }
    }

    fn request(&self) -> Result<ImportRequest> {
        for change in &self.overrides {
            let key = change.key();
            let known = key.starts_with("text.") || key.starts_with("decoding.");
            wrong_usage_unless(known, || {
                format!(
                    "--set {change}: the file says what the network is, so only settings of text and \
                     decoding can be given"
                )
            })?;
        }
        let recipe = Recipe::default().with_overrides(&self.overrides);
        let recipe = recipe.map_err(wrong_usage)?;
        Ok(ImportRequest {
            source: SymbolList::read(&self.source_symbols)?,
            target: SymbolList::read(&self.target_symbols)?,
            marks: Marks {
                begin: self.begin.clone(),
                end: self.end.clone(),
                source_end: self.source_end.clone(),
                unknown: self.unknown.clone(),
                first_symbols: self.first_symbols.clone(),
            },
            text: recipe.text,
            decoding: recipe.decoding,
        })
    }

    /// Shows what was imported, for people to check.
    fn describe(&self, model: &Model) -> Result<()> {
        print_line(&drawing(model))?;
        say!(
            "{}: outputs have at most {} symbols; ask it: seq2seq predict {}",
            self.out.display(),
            model.max_length(),
            shell_quoted(&self.out)
        );
        Ok(())
    }
}
