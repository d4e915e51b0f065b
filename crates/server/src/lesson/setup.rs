//! What a page asks for, as a recipe with its pairs.

use seq2seq::config::{
    AttentionKind, CellKind, DataSettings, Embedding, MixtureChoice, ModelSettings, OptimizerKind,
    Protocol, TextSettings, TrainingSettings, VocabularyChoice,
};
use seq2seq::data::{Addition, Pair, SplitMethod, read_pairs_from};
use seq2seq::training::{Task, Trainer, read_options};
use seq2seq::{Model, Recipe};
use serde::{Deserialize, Serialize};

/// Pairs that are held out, on which figures are measured.
pub const HELD_OUT: usize = 200;

/// Pairs that a page may send for training.
const MOST_PASTED: usize = 100_000;

/// Seeds of held-out questions are far from those of training.
const HELD_OUT_SEED: u64 = 1 << 32;

/// What is learned.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Subject {
    /// Sums.
    #[default]
    Addition,
    /// Dates in many spellings to ISO 8601.
    Dates,
}

/// Everything that a page can set; the defaults are the notebook's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Setup {
    /// What is learned.
    pub subject: Subject,
    /// Numbers to add.
    pub terms: usize,
    /// Digits of each, at most.
    pub digits: usize,
    /// Training pairs.
    pub pairs: usize,
    /// Whether the source is read backwards.
    pub reversed: bool,
    /// Kind of recurrent layer.
    pub cell: CellKind,
    /// Units of the encoder.
    pub units: usize,
    /// Units of the decoder; 0 for as many.
    pub decoder_units: usize,
    /// Whether and how the decoder looks at the source.
    pub attention: AttentionKind,
    /// Size of the vectors of symbols; 0 for one-hot.
    pub embedding: usize,
    /// Start of every random choice.
    pub seed: u64,
    /// Passes over the training pairs.
    pub epochs: usize,
    /// Pairs of one weight update.
    pub batch_size: usize,
    /// Step size.
    pub learning_rate: f64,
    /// Rule that turns gradients into weight changes.
    pub optimizer: OptimizerKind,
    /// Share of decoder inputs taken from the target.
    pub teacher_forcing: f64,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            subject: Subject::Addition,
            terms: 2,
            digits: 3,
            pairs: 5000,
            reversed: false,
            cell: CellKind::Lstm,
            units: 128,
            decoder_units: 0,
            attention: AttentionKind::None,
            embedding: 0,
            seed: 1,
            epochs: 200,
            batch_size: 128,
            learning_rate: 0.001,
            optimizer: OptimizerKind::Adam,
            teacher_forcing: 1.0,
        }
    }
}

/// The script with the settings that pages offer; they begin with the usual ones.
pub fn setups(usual: &Setup) -> String {
    // Pages begin with a question that is read backwards, as in the notebook's last experiment.
    let all = [
        ("USUAL", usual.clone()),
        ("NOTEBOOK", Setup::default()),
        ("QUICK", Setup::quick()),
        ("DATES", Setup::dates()),
    ];
    let lines = all.map(|(name, setup)| {
        let reversed = setup.subject == Subject::Addition;
        let setup = serde_json::json!(Setup { reversed, ..setup });
        format!("export const {name} = {setup};\n")
    });
    format!("// The settings that pages offer.\n\n{}", lines.concat())
}

/// A task with the pairs that are held out.
pub struct Prepared {
    /// What is trained.
    pub task: Task,
    /// What figures are measured on.
    pub held_out: Vec<Pair>,
}

impl Setup {
    /// A small experiment, in which reversing shows after seconds.
    pub fn quick() -> Self {
        Self {
            digits: 2,
            pairs: 3000,
            units: 48,
            epochs: 40,
            batch_size: 32,
            learning_rate: 0.005,
            ..Self::default()
        }
    }

    /// Dates, as the chapter on attention learns them.
    pub fn dates() -> Self {
        Self {
            subject: Subject::Dates,
            pairs: 6000,
            units: 64,
            embedding: 32,
            batch_size: 64,
            learning_rate: 0.003,
            epochs: 12,
            ..Self::default()
        }
    }

    /// Refuses what would take longer than a page can wait.
    fn check(&self) -> Result<(), String> {
        let bounds = [
            ("terms", self.terms, 2, 5),
            ("digits", self.digits, 1, 6),
            ("pairs", self.pairs, 10, 50_000),
            ("units", self.units, 1, 512),
            ("decoder units", self.decoder_units, 0, 512),
            ("embedding", self.embedding, 0, 512),
            ("epochs", self.epochs, 1, 1000),
            ("batch size", self.batch_size, 1, 1024),
        ];
        let outside =
            |(_, value, least, most): &&(&str, usize, usize, usize)| value < least || value > most;
        match bounds.iter().find(outside) {
            Some((name, value, least, most)) => Err(format!(
                "{name} is {value}, but on this page it goes from {least} to {most}"
            )),
            None => Ok(()),
        }
    }

    /// The recipe, and all pairs that it needs.
    ///
    /// # Errors
    /// If the settings are impossible: says which and what to do.
    pub fn prepare(&self) -> Result<Prepared, String> {
        self.check()?;
        let (pairs, held_out) = self.all_pairs()?;
        let task = Task::from_pairs(self.recipe(), pairs).map_err(|error| error.to_string())?;
        Ok(Prepared { task, held_out })
    }

    /// The model before it has learned anything: symbols, shapes and initial weights.
    ///
    /// # Errors
    /// As [`prepare`](Self::prepare).
    pub fn untrained(&self) -> Result<Model, String> {
        // The symbols of addition are all in a few pairs; those of dates are not.
        let pairs = match self.subject {
            Subject::Addition => self.pairs.min(50),
            Subject::Dates => self.pairs,
        };
        let prepared = Self {
            pairs,
            ..self.clone()
        }
        .prepare()?;
        let trainer = Trainer::new(prepared.task, None).map_err(|error| error.to_string())?;
        trainer.model().map_err(|error| error.to_string())
    }

    /// A task on pairs that somebody pasted, with the settings that `train PAIRS` would choose, but for the
    /// n-gram model beside the network: pages show what one network does.
    ///
    /// # Errors
    /// If they are no pairs: says which line and why.
    pub fn of_pasted(text: &str) -> Result<Prepared, String> {
        let options = read_options(&Recipe::default());
        let name = "the pasted pairs";
        let file = read_pairs_from(text.as_bytes(), name, &options).map_err(|it| it.to_string())?;
        if file.pairs.len() > MOST_PASTED {
            return Err(format!(
                "{} pairs were pasted, but this page trains on at most {MOST_PASTED}: `seq2seq train FILE` \
                 takes as many as there are",
                file.pairs.len()
            ));
        }
        let mut recipe = Recipe::for_pairs(&file.pairs);
        recipe.training.mixture = MixtureChoice::Off;
        let task = Task::from_pairs(recipe, file.pairs).map_err(|error| error.to_string())?;
        let held_out: Vec<Pair> = task.dev.iter().take(HELD_OUT).cloned().collect();
        if held_out.is_empty() {
            return Err(
                "there are too few pairs to hold some out for the figures: paste at least 10"
                    .to_owned(),
            );
        }
        Ok(Prepared { task, held_out })
    }

    fn all_pairs(&self) -> Result<(Vec<Pair>, Vec<Pair>), String> {
        match self.subject {
            Subject::Addition => {
                let generate = |count, seed| {
                    let addition = Addition {
                        terms: self.terms,
                        digits: self.digits,
                        count,
                        seed,
                        ..Addition::default()
                    };
                    addition.generate().map_err(|error| error.to_string())
                };
                let held_out = generate(HELD_OUT, self.seed.wrapping_add(HELD_OUT_SEED))?;
                Ok((generate(self.pairs, self.seed)?, held_out))
            }
            Subject::Dates => {
                let pairs = |text: &str, count: usize| {
                    let lines = text.lines().filter_map(|line| line.split_once('\t'));
                    lines.take(count).map(Pair::from).collect()
                };
                let train = include_str!("../../../../data/dates/train.tsv");
                let held_out = include_str!("../../../../data/dates/dev.tsv");
                Ok((pairs(train, self.pairs), pairs(held_out, HELD_OUT)))
            }
        }
    }

    fn recipe(&self) -> Recipe {
        let sums = self.subject == Subject::Addition;
        let width = self.terms.saturating_mul(self.digits.saturating_add(1));
        Recipe {
            data: DataSettings {
                validation: 0.0,
                validation_split: SplitMethod::Last,
                ..DataSettings::default()
            },
            text: TextSettings {
                vocabulary: if sums {
                    VocabularyChoice::Notebook
                } else {
                    VocabularyChoice::default()
                },
                source: seq2seq::settings::TokenizationChoice::Characters,
                target: seq2seq::settings::TokenizationChoice::Characters,
                source_width: if sums { width.saturating_sub(1) } else { 0 },
                reverse_source: self.reversed,
                ..TextSettings::default()
            },
            model: ModelSettings {
                cell: self.cell,
                encoder_units: self.units,
                decoder_units: Some(self.decoder_units).filter(|&units| units > 0),
                attention: self.attention,
                embedding: match self.embedding {
                    0 => Embedding::ONE_HOT,
                    size => Embedding::Size(size),
                },
                protocol: if sums {
                    Protocol::FirstSymbol
                } else {
                    Protocol::default()
                },
                ..ModelSettings::default()
            },
            training: TrainingSettings {
                seed: self.seed,
                epochs: self.epochs,
                batch_size: self.batch_size,
                learning_rate: self.learning_rate,
                optimizer: self.optimizer,
                teacher_forcing: self.teacher_forcing,
                keep_best: false,
                ..TrainingSettings::default()
            },
            ..Recipe::default()
        }
    }
}
