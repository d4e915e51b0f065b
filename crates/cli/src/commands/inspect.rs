//! `seq2seq inspect`: layers, shapes and parameters of a model.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use seq2seq::Model;
use seq2seq::settings::Architecture;
use seq2seq::text::quoted;

use super::drawing::drawing;
use crate::Done;
use crate::output::{print_line, table};

/// Show a model's layers, parameters, vocabularies and settings
#[derive(Args)]
pub struct Inspect {
    /// A model file, or the folder of a run
    model: PathBuf,
    /// Show all settings, too
    #[arg(long)]
    settings: bool,
}

impl Inspect {
    /// Runs the command.
    pub fn run(self) -> Result<Done> {
        let model = Model::load(&self.model)?;
        print_line(&drawing(&model))?;
        print_line("")?;
        print_line(&layers(&model))?;
        // An n-gram model has none.
        if model.settings().model.architecture != Architecture::Ngram {
            print_line(&format!("precision of matrices: {}", model.precision()))?;
        }
        let (source, target) = (&model.codec().source, &model.codec().target);
        print_line("")?;
        for (name, side) in [("source", source), ("target", target)] {
            let symbols: Vec<String> = side
                .vocabulary
                .symbols()
                .iter()
                .map(|symbol| quoted(symbol).to_string())
                .collect();
            print_line(&format!(
                "{name}: {}, {} symbols: {}",
                side.tokenization,
                symbols.len(),
                symbols.join(" ")
            ))?;
        }
        let trained = model.provenance();
        let made = match trained.pairs {
            0 => "imported".to_owned(),
            pairs => format!("trained for {} epochs on {pairs} pairs", trained.epochs),
        };
        print_line(&format!(
            "{made}; longest source {}, longest target {}; output limit {}",
            trained.longest_source,
            trained.longest_target,
            model.max_length()
        ))?;
        if let Some(members) = members(&model) {
            print_line(&format!("\n{members}"))?;
        }
        if self.settings {
            print_line(&format!("\n{}", model.recipe().trim_end()))?;
        }
        Ok(Done::Completed)
    }
}

/// The members of an ensemble, with their weights and the figures that these rest on.
fn members(model: &Model) -> Option<String> {
    let ensemble = &model.settings().model.ensemble;
    if ensemble.members.is_empty() {
        return None;
    }
    let evidence = model.provenance().mixture.as_ref();
    let names = [
        "member",
        "architecture",
        "weight",
        "loss alone",
        "exact match alone",
    ];
    let mut rows = vec![names.map(str::to_owned).to_vec()];
    let of_members = ensemble.members.iter().zip(ensemble.member_weights());
    for (place, (member, weight)) in of_members.enumerate() {
        let figures = evidence.and_then(|evidence| evidence.members.get(place));
        let shown = |figure: Option<f64>| figure.map_or("-".to_owned(), |f| format!("{f:.4}"));
        rows.push(vec![
            place.to_string(),
            toml_name(&member.architecture),
            format!("{weight:.3}"),
            shown(figures.map(|member| member.loss)),
            shown(figures.map(|member| member.exact_match)),
        ]);
    }
    let mixing = toml_name(&ensemble.mixing);
    let together = evidence.map(|evidence| {
        format!(
            "\ntogether ({mixing}): loss {:.4}, exact match {:.4} on {} validation questions",
            evidence.loss, evidence.exact_match, evidence.questions
        )
    });
    let together = together.unwrap_or_else(|| format!("\nmixing: {mixing}"));
    Some(table(&rows) + &together)
}

/// A setting as recipes have it.
fn toml_name(setting: &impl serde::Serialize) -> String {
    let name = serde_json::to_value(setting).unwrap_or_default();
    name.as_str().unwrap_or_default().to_owned()
}

/// Weights by layer, with shapes and counts.
fn layers(model: &Model) -> String {
    let mut rows = vec![
        ["layer", "weights", "shape", "parameters"]
            .map(str::to_owned)
            .to_vec(),
    ];
    let mut total = 0;
    let mut sum = 0;
    let shapes: Vec<(&str, &[usize])> = model.parameters().collect();
    for (index, &(name, shape)) in shapes.iter().enumerate() {
        let (layer, weights) = name.rsplit_once('.').unwrap_or((name, ""));
        let count: usize = shape.iter().product();
        (total, sum) = (total + count, sum + count);
        rows.push(vec![
            layer.to_owned(),
            weights.to_owned(),
            format!("{shape:?}"),
            grouped(count),
        ]);
        let next = shapes
            .get(index + 1)
            .map(|(name, _)| name.rsplit_once('.').map_or(*name, |(l, _)| l));
        if next != Some(layer) {
            if sum != count {
                rows.push(vec![
                    String::new(),
                    "together".into(),
                    String::new(),
                    grouped(sum),
                ]);
            }
            sum = 0;
        }
    }
    rows.push(vec![
        "all".into(),
        String::new(),
        String::new(),
        grouped(total),
    ]);
    table(&rows)
}

/// Digits in groups of three.
fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let groups: Vec<&str> = (0..digits.len())
        .rev()
        .step_by(3)
        .map(|end| &digits[(end + 1).saturating_sub(3)..=end])
        .collect();
    groups.into_iter().rev().collect::<Vec<_>>().join(",")
}
