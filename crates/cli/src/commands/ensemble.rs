//! `seq2seq ensemble`: several models in one file.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use clap::Args;
use seq2seq::config::Mixing;
use seq2seq::training::{Mixture, fit_mixture};
use seq2seq::{Model, check_output, shell_quoted};

use super::columns::ColumnArgs;
use crate::Done;
use crate::output::{count, print_line, table};

/// Join trained models into one that answers with their mean
#[derive(Args)]
pub struct Ensemble {
    /// Model files, or the folders of runs; trained on the same data, of any architectures
    #[arg(required = true, num_args = 2..)]
    models: Vec<PathBuf>,
    /// The model file to write
    #[arg(short, long, value_name = "MODEL")]
    out: PathBuf,
    /// Mean of the logarithms instead of the probabilities: a symbol must please all members
    #[arg(long, conflicts_with = "arithmetic")]
    log_linear: bool,
    /// Mean of the probabilities, also where --dev finds the other one better
    #[arg(long)]
    arithmetic: bool,
    /// Validation pairs: weights are fitted on them, members that bring nothing are dropped, and the
    /// confidence is calibrated
    #[arg(long, value_name = "FILE")]
    dev: Option<PathBuf>,
    /// Replace the file if there is one
    #[arg(long)]
    overwrite: bool,
    #[command(flatten)]
    columns: ColumnArgs,
}

impl Ensemble {
    /// Runs the command.
    pub fn run(self) -> Result<Done> {
        check_output(&self.out)?;
        if self.out.exists() && !self.overwrite {
            bail!(
                "{0} exists: replace it with --overwrite, or choose another file with --out",
                self.out.display()
            );
        }
        let models = self
            .models
            .iter()
            .map(|path| Model::load(path))
            .collect::<Result<Vec<_>, _>>()?;
        let (joined, members) = match &self.dev {
            Some(file) => self.fitted(&models, file)?,
            None => (
                Model::ensemble(&models, self.mixing().unwrap_or_default())?,
                models.len(),
            ),
        };
        joined.save(&self.out)?;
        say!(
            "{} in {}; use it like any other: seq2seq eval {} PAIRS.tsv",
            count(members, "model"),
            self.out.display(),
            shell_quoted(&self.out)
        );
        Ok(Done::Completed)
    }

    /// The kind of mixing that was asked for.
    fn mixing(&self) -> Option<Mixing> {
        match (self.log_linear, self.arithmetic) {
            (true, _) => Some(Mixing::LogLinear),
            (_, true) => Some(Mixing::Arithmetic),
            _ => None,
        }
    }

    /// The ensemble with weights that suit validation pairs, and how many members it has.
    fn fitted(&self, models: &[Model], file: &Path) -> Result<(Model, usize)> {
        // What goes wrong with the models themselves comes first.
        let plain = Model::ensemble(models, Mixing::Arithmetic)?;
        let pairs = self.columns.read(file, &[&plain])?.pairs;
        let mixture = fit_mixture(models, self.mixing(), &pairs)?;
        print_line(&self.described(&mixture))?;
        for (place, mean, error) in &mixture.dropped {
            say!(
                "dropped {}: without it, the loss of a target is higher by {mean:.4} with a standard error \
                 of {error:.4}, so it brings nothing",
                self.models[*place].display()
            );
        }
        Ok((mixture.model, mixture.kept.len()))
    }

    /// Members, their weights and figures, as a table.
    fn described(&self, mixture: &Mixture) -> String {
        let names = [
            "model",
            "weight",
            "loss",
            "exact match",
            "loss of a target without it",
        ];
        let mut rows = vec![names.map(str::to_owned).to_vec()];
        let evidence = mixture
            .evidence
            .iter()
            .flat_map(|evidence| &evidence.members);
        for (&place, member) in mixture.kept.iter().zip(evidence) {
            rows.push(vec![
                self.models[place].display().to_string(),
                format!("{:.3}", member.weight),
                format!("{:.4}", member.loss),
                format!("{:.4}", member.exact_match),
                format!(
                    "+{:.4} (standard error {:.4})",
                    member.loss_without, member.standard_error
                ),
            ]);
        }
        let kind = match mixture.model.settings().model.ensemble.mixing {
            Mixing::Arithmetic => "together, arithmetic",
            Mixing::LogLinear => "together, log-linear",
        };
        let kind = if mixture.kept.len() == 1 {
            "the one that is left"
        } else {
            kind
        };
        rows.push(vec![
            kind.to_owned(),
            String::new(),
            format!("{:.4}", mixture.validation.loss),
            format!("{:.4}", mixture.validation.exact_match),
            String::new(),
        ]);
        table(&rows)
    }
}
