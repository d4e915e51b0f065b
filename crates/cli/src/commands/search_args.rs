//! Flags that say how outputs are searched for, shared by all commands that predict.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result};
use clap::Args;
use seq2seq::data::{ReadOptions, read_pairs};
use seq2seq::decoding::{Constraint, Method};
use seq2seq::text::quoted;
use seq2seq::{Lexicon, Model, PredictOptions, SearchRequest};

use super::describe_notes;
use crate::inputs;
use crate::output::{wrong_usage, wrong_usage_unless};

/// How outputs are searched for; what is left out is as the model's recipe says (`[decoding]`).
#[derive(Args)]
#[command(next_help_heading = "Search")]
pub struct SearchArgs {
    /// Hypotheses that beam search keeps of an input at each step; 1 is greedy decoding
    #[arg(long, value_name = "N", conflicts_with = "sample")]
    beam: Option<usize>,
    /// Alpha of the length penalty, 0 for none; higher prefers longer outputs
    #[arg(long, value_name = "ALPHA", allow_negative_numbers = true)]
    length_penalty: Option<f64>,
    /// Beta of the coverage penalty, 0 for none; for models with attention
    #[arg(long, value_name = "BETA", allow_negative_numbers = true)]
    coverage_penalty: Option<f64>,
    /// Choose the output with the least expected edit distance to the others (minimum Bayes risk)
    #[arg(long)]
    mbr: bool,
    /// Draw from the softmax instead of taking the most probable symbols
    #[arg(long)]
    sample: bool,
    /// Sharper below 1, flatter above
    #[arg(
        long,
        default_value_t = 1.0,
        requires = "sample",
        value_name = "T",
        allow_negative_numbers = true
    )]
    temperature: f32,
    /// Draw from the N most probable symbols only
    #[arg(long, requires = "sample", value_name = "N")]
    top_k: Option<usize>,
    /// Draw from the fewest symbols that together have this probability
    #[arg(
        long,
        default_value_t = 1.0,
        requires = "sample",
        value_name = "P",
        allow_negative_numbers = true
    )]
    top_p: f32,
    /// Start of the random choices
    #[arg(long, default_value_t = 1, requires = "sample", value_name = "N")]
    seed: u64,
    /// Answer the words of this lexicon with its pronunciations, and ask the model for the others
    #[arg(long, value_name = "FILE")]
    lexicon: Option<PathBuf>,
    /// Longest output in symbols, whatever the input
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    max_length: Option<u32>,
    /// Output symbols for each source symbol, at most
    #[arg(long, value_name = "R", allow_negative_numbers = true)]
    max_length_ratio: Option<f64>,
    /// Output symbols on top of --max-length-ratio [default: as in training, 10 unless changed]
    #[arg(long, value_name = "N", requires = "max_length_ratio")]
    max_length_extra: Option<usize>,
    /// Allow only the outputs in this file, one a line
    #[arg(long, value_name = "FILE", conflicts_with = "pattern")]
    allow: Option<PathBuf>,
    /// Allow only outputs that match this regular expression as a whole
    #[arg(long, value_name = "REGEX")]
    pattern: Option<String>,
}

impl SearchArgs {
    /// The options for a model and so many outputs an input; refuses what cannot work.
    pub fn options(&self, model: &Model, nbest: usize) -> Result<PredictOptions> {
        let request = SearchRequest {
            beam: self.beam,
            sampling: self.sample.then_some(Method::Sample {
                temperature: self.temperature,
                top_k: self.top_k,
                top_p: self.top_p,
                seed: self.seed,
            }),
            nbest,
            length_penalty: self.length_penalty,
            coverage_penalty: self.coverage_penalty,
            minimum_bayes_risk: self.mbr,
            max_length: self.max_length.map(|most| most as usize),
            max_length_ratio: self.max_length_ratio,
            max_length_extra: self.max_length_extra,
            constraint: self.constraint(model)?.map(Arc::new),
        };
        self.check_ratio()?;
        let mut options = request.options(model);
        options.lexicon = (self.lexicon.as_deref())
            .map(|path| read_lexicon(path, model))
            .transpose()?
            .map(Arc::new);
        model.predictor(options.clone())?;
        Ok(options)
    }

    /// Whether a lexicon of known words was given.
    pub fn has_lexicon(&self) -> bool {
        self.lexicon.is_some()
    }

    /// The search in words: what the options say, whether a flag or the model's recipe asked for it.
    pub fn description(&self, options: &PredictOptions) -> String {
        let search = &options.search;
        let mut words = method_in_words(search.method);
        if search.method == Method::GREEDY && options.beam_if_cut > 1 {
            words.push(format!(
                "a beam of {} where it does not end",
                options.beam_if_cut
            ));
        }
        let penalties = [
            ("length penalty", search.length_penalty),
            ("coverage penalty", search.coverage_penalty),
        ];
        let penalties = penalties.into_iter().filter(|(_, value)| *value > 0.0);
        words.extend(penalties.map(|(name, value)| format!("{name} {value}")));
        if search.minimum_bayes_risk {
            words.push("minimum Bayes risk".to_owned());
        }
        if let Some(pattern) = &self.pattern {
            words.push(format!("matching {pattern}"));
        }
        if self.allow.is_some() {
            words.push("from a list of allowed outputs".to_owned());
        }
        words.join(", ")
    }

    fn check_ratio(&self) -> Result<()> {
        let ratio = self.max_length_ratio.unwrap_or(0.0);
        Ok(wrong_usage_unless(
            ratio >= 0.0 && ratio.is_finite(),
            || {
                format!(
                    "--max-length-ratio {ratio} is no ratio: give a number from 0 upwards (0 to go by the \
                 training data)"
                )
            },
        )?)
    }

    fn constraint(&self, model: &Model) -> Result<Option<Constraint>> {
        let (side, form) = (&model.codec().target, model.codec().normalization);
        if let Some(pattern) = &self.pattern {
            return Ok(Some(
                Constraint::pattern(pattern, side, form).map_err(wrong_usage)?,
            ));
        }
        let Some(path) = &self.allow else {
            return Ok(None);
        };
        let mut outputs = inputs::all_lines(path).context("cannot read the allowed outputs")?;
        outputs.retain(|line| !line.trim().is_empty());
        let (constraint, left_out) =
            Constraint::list(&outputs, side, form).with_context(|| path.display().to_string())?;
        if let Some(first) = left_out.first() {
            say!(
                "warning: {}: {} of {} allowed outputs have symbols that the model cannot write, such as {}",
                path.display(),
                left_out.len(),
                outputs.len(),
                quoted(first)
            );
        }
        Ok(Some(constraint))
    }
}

/// Reads a lexicon of known words, in any of the formats of pairs, as a model spells them.
fn read_lexicon(path: &Path, model: &Model) -> Result<Lexicon> {
    let pairs = read_known_words(path)?;
    Lexicon::new(model, pairs).with_context(|| path.display().to_string())
}

/// Reads known words with their pronunciations, in any of the formats of pairs.
pub fn read_known_words(path: &Path) -> Result<Vec<(String, String)>> {
    let file = read_pairs(path, &ReadOptions::default())?;
    describe_notes(&file.notes);
    let pairs = file.pairs.into_iter();
    Ok(pairs.map(|pair| (pair.source, pair.target)).collect())
}

fn method_in_words(method: Method) -> Vec<String> {
    let Method::Sample {
        temperature,
        top_k,
        top_p,
        seed,
    } = method
    else {
        return vec![match method.width(1) {
            1 => "greedy decoding".to_owned(),
            beam => format!("beam of {beam}"),
        }];
    };
    let mut words = vec![format!("sampled at temperature {temperature}")];
    words.extend(top_k.map(|most| format!("from the {most} most probable symbols")));
    if top_p < 1.0 {
        words.push(format!(
            "from the fewest symbols with a probability of {top_p}"
        ));
    }
    words.push(format!("seed {seed}"));
    words
}
