//! `seq2seq audit`: the pairs of a file that a model finds least likely.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use seq2seq::evaluation::{Audited, UnknownSymbols, audit};
use seq2seq::{Pair, PredictOptions};
use serde_json::json;

use super::columns::ColumnArgs;
use super::predict::one_field;
use super::{load_model, warn_of_unknown};
use crate::Done;
use crate::output::print_data;

/// List pairs, the least likely first: in a lexicon, its mistakes
///
/// Tab-separated columns: log-likelihood of a target symbol, line of the file, source, target, what
/// the model would write, the target symbol that it finds least likely with its place, and the
/// features if there are some.
#[derive(Args)]
pub struct Audit {
    /// A model file, or the folder of a run
    model: PathBuf,
    /// Tab-separated pairs, such as those that the model was trained on
    file: PathBuf,
    /// List only the N least likely pairs
    #[arg(long, value_name = "N")]
    most: Option<usize>,
    #[command(flatten)]
    columns: ColumnArgs,
    /// Print a JSON object a line
    #[arg(long)]
    json: bool,
}

impl Audit {
    /// Runs the command.
    pub fn run(self) -> Result<Done> {
        let model = load_model(&self.model, &[&self.file])?;
        let file = self.columns.read(&self.file, &[&model])?;
        warn_of_unknown(&UnknownSymbols::of(model.codec(), &file.pairs), &file.name);
        let mut audited = audit(&model, &file.pairs);
        audited.truncate(self.most.unwrap_or(usize::MAX));
        let predictor = model.predictor(PredictOptions::of(&model))?;
        for audited in audited.chunks(predictor.inputs_at_once()) {
            let pairs: Vec<&Pair> = audited.iter().map(|a| &file.pairs[a.pair]).collect();
            let asked: Vec<Pair> = pairs.iter().map(|pair| (*pair).clone()).collect();
            let answers = predictor.predict(&asked);
            for ((audited, pair), answer) in audited.iter().zip(pairs).zip(answers) {
                let line = file.line_numbers[audited.pair];
                print_data(&self.line(audited, line, pair, &answer.best().text))?;
            }
        }
        Ok(Done::Completed)
    }

    fn line(&self, audited: &Audited, line: usize, pair: &Pair, answer: &str) -> String {
        if self.json {
            let weakest = audited.weakest.as_ref();
            return json!({
                "log_probability": audited.log_probability,
                "per_symbol": audited.per_symbol,
                "line": line,
                "source": pair.source,
                "features": pair.features,
                "target": pair.target,
                "answer": answer,
                "weakest": weakest.map(|symbol| json!({"symbol": symbol, "place": audited.weakest_place + 1})),
                "unknown": audited.unknown,
            })
            .to_string();
        }
        let weakest = match &audited.weakest {
            Some(symbol) => format!("{} {symbol}", audited.weakest_place + 1),
            None => "end".to_owned(),
        };
        let mut columns = vec![
            format!("{:.4}", audited.per_symbol),
            line.to_string(),
            pair.source.clone(),
            pair.target.clone(),
            one_field(answer),
            weakest,
        ];
        columns.extend(pair.features.clone());
        columns.join("\t")
    }
}
