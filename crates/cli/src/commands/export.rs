//! `seq2seq export`: a trained model in the formats of other programs.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::{Args, ValueEnum};
use seq2seq::data::{ReadOptions, read_pairs};
use seq2seq::{Model, check_output, write_atomically};
use seq2seq_exchange::onnx;

use super::{describe_notes, load_model};
use crate::Done;
use crate::output::wrong_usage_unless;

/// Write a model for the programs of others
#[derive(Args)]
pub struct Export {
    /// A model file, or the folder of a run
    model: PathBuf,
    /// onnx (a folder: encoder, step, and the loop around them as code) or openutau (a G2P pack)
    #[arg(
        long,
        value_enum,
        value_name = "onnx|openutau",
        hide_possible_values = true
    )]
    format: ExportFormat,
    /// The folder to write; with openutau, the file
    #[arg(long, value_name = "PATH")]
    out: PathBuf,
    /// Words with their pronunciations that go into the pack of openutau
    #[arg(long, value_name = "FILE")]
    lexicon: Option<PathBuf>,
    /// Replace files that exist
    #[arg(long)]
    overwrite: bool,
}

/// A format that models are written in
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ExportFormat {
    /// ONNX: encoder, step, and the loop around them as code
    Onnx,
    /// The G2P pack of OpenUtau
    Openutau,
}

impl Export {
    /// Runs the command.
    pub fn run(self) -> Result<Done> {
        let model = network_of(load_model(&self.model, &[])?);
        wrong_usage_unless(
            self.lexicon.is_none() || self.format == ExportFormat::Openutau,
            || "--lexicon is for --format openutau, whose pack has a dictionary".into(),
        )?;
        match self.format {
            ExportFormat::Onnx => self.write_folder(&model),
            ExportFormat::Openutau => self.write_pack(&model),
        }
    }

    fn write_pack(&self, model: &Model) -> Result<Done> {
        check_output(&self.out)?;
        if self.out.exists() && !self.overwrite {
            bail!(
                "{} exists: replace it with --overwrite, or give another file",
                self.out.display()
            );
        }
        let mut entries = String::new();
        if let Some(path) = &self.lexicon {
            let file = read_pairs(path, &ReadOptions::default())?;
            describe_notes(&file.notes);
            for pair in &file.pairs {
                let phones = model.codec().target_of_file(&pair.target);
                entries += &format!("{}  {phones}\n", pair.source);
            }
        }
        write_atomically(&self.out, &onnx::openutau::export(model, &entries)?)?;
        say!(
            "{}: g2p.onnx, phones.txt, dict.txt, symbols.txt",
            self.out.display()
        );
        Ok(Done::Completed)
    }

    fn write_folder(&self, model: &Model) -> Result<Done> {
        let files = onnx::export(model)?;
        let folder = self.out.as_path();
        if folder.exists() && !folder.is_dir() {
            bail!("{} is no folder: give another one", folder.display());
        }
        if !self.overwrite && has_entries(folder) {
            bail!(
                "{} exists: replace its files with --overwrite, or give another folder",
                folder.display()
            );
        }
        fs::create_dir_all(folder)
            .with_context(|| format!("cannot make the folder {}", folder.display()))?;
        for file in &files {
            write_atomically(&folder.join(file.name), &file.bytes)?;
        }
        let names: Vec<&str> = files.iter().map(|file| file.name).collect();
        say!("{}: {}", folder.display(), names.join(", "));
        Ok(Done::Completed)
    }
}

fn has_entries(folder: &Path) -> bool {
    fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_some())
}

/// The network of a mixture with an n-gram model, which these formats cannot hold.
fn network_of(model: Model) -> Model {
    let Some(network) = model.network_of_mixture() else {
        return model;
    };
    say!(
        "warning: the model mixes a network with an n-gram model, and the network alone is exported: \
         seq2seq eval measures the mixture, and --set training.mixture=off trains the network alone"
    );
    network
}
