//! Every setting, its meaning and its default, in one place.
//!
//! A [`Recipe`] is what a TOML recipe holds. Each field below is a setting of the section that the
//! struct stands for (`[model] encoder_units = 128`), the `Default` implementations are the only
//! place where a default is written, and [`Recipe::check`] refuses what cannot work before any
//! work starts.

mod architecture;
mod check;
mod check_architecture;
mod load;

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::data::{Addition, Draw, OnBadLine, SplitMethod};
use crate::text::{Align, Normalization, Tokenization};

pub use architecture::{
    Architecture, EnsembleSettings, Mixing, MonotonicSettings, PositionKind, TransformerSettings,
};
pub use load::{ConfigError, Override};

/// All settings of a training run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Recipe {
    /// Where the pairs come from.
    pub data: DataSettings,
    /// How a text becomes symbols.
    pub text: TextSettings,
    /// What the network looks like.
    pub model: ModelSettings,
    /// How it is trained.
    pub training: TrainingSettings,
    /// How outputs are produced.
    pub decoding: DecodingSettings,
    /// What `seq2seq tune` varies: quoted keys such as `"training.learning_rate"`, with values
    /// (`"64, 128, 256"`) or two ends (`"0.0003..0.003"`).
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub tune: BTreeMap<String, String>,
}

impl Recipe {
    /// What features are to the network, once `auto` is decided.
    pub fn feature_use(&self) -> FeatureUse {
        match (self.model.features, self.data.features_column) {
            (FeatureUse::Auto, Some(_)) => match self.model.architecture {
                // Its decoder reads no source symbols, and nothing is written from a feature.
                Architecture::Monotonic => FeatureUse::Encoder,
                _ => FeatureUse::Symbols,
            },
            (FeatureUse::Auto, None) => FeatureUse::None,
            (chosen, _) => chosen,
        }
    }
}

/// `[data]`: where the pairs come from and how they are split.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DataSettings {
    /// Tab-separated training pairs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub train: Option<PathBuf>,
    /// Pairs for validation; without it, `validation` splits them off the training pairs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dev: Option<PathBuf>,
    /// Pairs that the final model is evaluated on once training is over.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub test: Option<PathBuf>,
    /// Generated addition problems instead of a file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub addition: Option<AdditionSettings>,
    /// Column of the source, counted from 1.
    pub source_column: usize,
    /// More columns of the source, such as `[3, 4]`; the source is then all of them in this order,
    /// with a separator symbol between them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub more_source_columns: Vec<usize>,
    /// Column of the target, counted from 1.
    pub target_column: usize,
    /// Column of features such as `V;PST;3;SG`, counted from 1; none if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub features_column: Option<usize>,
    /// Whether the first line names the columns and is to be passed over.
    pub header: bool,
    /// What to do about a line that cannot be used: `fail`, `skip` it, or `report` (skip, show every
    /// one, and list them in the run's `skipped_lines.tsv`).
    pub on_bad_line: OnBadLine,
    /// Share of the training pairs that is split off for validation; 0 for none.
    pub validation: f64,
    /// Which pairs those are: the `last` ones in file order, as Keras takes them, or `random` ones.
    pub validation_split: SplitMethod,
    /// Keep all pairs of one source on the same side of the split.
    pub keep_sources_apart: bool,
}

impl Default for DataSettings {
    fn default() -> Self {
        Self {
            train: None,
            dev: None,
            test: None,
            addition: None,
            source_column: 1,
            more_source_columns: Vec::new(),
            target_column: 2,
            features_column: None,
            header: false,
            on_bad_line: OnBadLine::Fail,
            validation: 0.1,
            validation_split: SplitMethod::Random,
            keep_sources_apart: true,
        }
    }
}

/// `[data.addition]`: the notebook's generator as a data source.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AdditionSettings {
    /// Numbers to add, at least 2.
    pub terms: usize,
    /// Most digits of each number.
    pub digits: usize,
    /// Training questions.
    pub count: usize,
    /// Fresh questions for the final evaluation; 0 for none.
    pub test_count: usize,
    /// Write the padded question backwards.
    pub reverse: bool,
    /// No question twice (the order of the terms aside), and none shared with the test questions.
    pub unique: bool,
    /// How a number is drawn: `uniform`, or `digit-length` (number of digits first, as the Keras
    /// addition example does).
    pub draw: Draw,
    /// Where question and answer stand in their widths: `right`, as in the notebook, or `left`, as
    /// in the Keras addition example.
    pub align: Align,
}

impl Default for AdditionSettings {
    fn default() -> Self {
        Self {
            terms: 2,
            digits: 3,
            count: 5000,
            test_count: 1000,
            reverse: false,
            unique: false,
            draw: Draw::Uniform,
            align: Align::Right,
        }
    }
}

impl AdditionSettings {
    /// The generator for the training questions.
    pub fn generator(&self, seed: u64) -> Addition {
        Addition {
            terms: self.terms,
            digits: self.digits,
            count: self.count,
            seed,
            reverse: self.reverse,
            unique: self.unique,
            draw: self.draw,
            align: self.align,
        }
    }
}

/// How one side's tokenization is chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TokenizationChoice {
    /// Look at the training pairs and say what was found.
    #[default]
    Auto,
    /// One symbol a character.
    Characters,
    /// One symbol a grapheme cluster: a letter with its accents.
    Graphemes,
    /// Symbols separated by spaces.
    Spaces,
}

impl TokenizationChoice {
    /// The tokenization asked for, unless it is to be guessed.
    pub fn fixed(self) -> Option<Tokenization> {
        match self {
            Self::Auto => None,
            Self::Characters => Some(Tokenization::Characters),
            Self::Graphemes => Some(Tokenization::Graphemes),
            Self::Spaces => Some(Tokenization::Spaces),
        }
    }
}

/// Where the symbols come from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum VocabularyChoice {
    /// The symbols of the training pairs, each side its own, and the special symbols.
    #[default]
    FromData,
    /// The notebook's 13 symbols on both sides: ten digits, space, `+` and the end of line, which
    /// ends source and target.
    Notebook,
}

/// `[text]`: how a text becomes symbols.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TextSettings {
    /// Symbols of the source: `auto`, `characters`, `graphemes` or `spaces`.
    pub source: TokenizationChoice,
    /// Symbols of the target: `auto`, `characters`, `graphemes` or `spaces`.
    pub target: TokenizationChoice,
    /// Unicode form that every text is brought into, in training and in use: `nfc`, `none`, `nfd` or
    /// `nfkc`.
    pub normalization: Normalization,
    /// `from-data`, or `notebook` for its 13 symbols in its order.
    pub vocabulary: VocabularyChoice,
    /// What stands between two features: `;` unless set, such as `,` or a space.
    pub feature_separator: String,
    /// Use one vocabulary for source and target.
    pub shared_vocabulary: bool,
    /// Width that every source is filled up to with blanks; 0 for none.
    pub source_width: usize,
    /// Where a source stands in that width: `right` or `left`.
    pub source_align: Align,
    /// Feed the source backwards (Sutskever et al. 2014), whatever the data.
    pub reverse_source: bool,
    /// Close the source with the end mark, too.
    pub source_end_mark: bool,
    /// Close the target with the end mark. Without it every output has the length of the training
    /// targets, which must agree (the Keras addition example).
    pub target_end_mark: bool,
}

impl Default for TextSettings {
    fn default() -> Self {
        Self {
            source: TokenizationChoice::Auto,
            target: TokenizationChoice::Auto,
            normalization: Normalization::Nfc,
            vocabulary: VocabularyChoice::FromData,
            feature_separator: ";".into(),
            shared_vocabulary: false,
            source_width: 0,
            source_align: Align::Right,
            reverse_source: false,
            source_end_mark: true,
            target_end_mark: true,
        }
    }
}

/// Kind of recurrent cell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CellKind {
    /// Long short-term memory (Hochreiter and Schmidhuber 1997), with Keras's gates.
    #[default]
    Lstm,
    /// Gated recurrent unit (Cho et al. 2014), reset after the product as in Keras.
    Gru,
    /// The same with the reset before the product, as first published.
    GruOriginal,
    /// Simple recurrent network (Elman 1990): the hyperbolic tangent of input and last state.
    Rnn,
}

impl CellKind {
    /// The kernel's name for it.
    pub fn kernel(self) -> rnn_kernels::Cell {
        match self {
            Self::Lstm => rnn_kernels::Cell::Lstm,
            Self::Gru => rnn_kernels::Cell::Gru { reset_after: true },
            Self::GruOriginal => rnn_kernels::Cell::Gru { reset_after: false },
            Self::Rnn => rnn_kernels::Cell::Rnn,
        }
    }
}

/// How a symbol is given to a recurrent layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Embedding {
    /// A learned vector of this many numbers.
    Size(usize),
    /// One input for each symbol (`"one-hot"`): no embedding, as in the notebook.
    Named(OneHotName),
}

/// The only name that [`Embedding`] takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum OneHotName {
    /// `"one-hot"`.
    #[serde(rename = "one-hot")]
    OneHot,
}

impl Embedding {
    /// One-hot input.
    pub const ONE_HOT: Self = Self::Named(OneHotName::OneHot);

    /// Length of the vector that a symbol of a vocabulary of `symbols` becomes.
    pub fn width(self, symbols: usize) -> usize {
        match self {
            Self::Size(size) => size,
            Self::Named(_) => symbols,
        }
    }
}

/// How well a state of the decoder matches one of the encoder.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AttentionKind {
    /// No attention: the decoder only has the encoder's final state.
    #[default]
    None,
    /// Their product (Luong et al. 2015).
    Dot,
    /// Their product through a matrix of weights (Luong et al. 2015).
    General,
    /// A small network over both (Luong et al. 2015).
    Concat,
    /// The same with a bias (Bahdanau et al. 2015).
    Additive,
    /// Scaled products in several subspaces (Vaswani et al. 2017).
    MultiHead,
}

/// What features are to the network.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FeatureUse {
    /// `symbols` if there is a column of features (`data.features_column`), `none` otherwise.
    #[default]
    Auto,
    /// They are not used.
    None,
    /// More symbols in front of the source.
    Symbols,
    /// The input of an encoder of their own, which the decoder starts from and looks at as it does
    /// with the source's.
    Encoder,
}

/// What stands between the encoder's final state and the decoder's first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BridgeKind {
    /// Nothing if the sizes agree, a learned `linear` layer otherwise.
    #[default]
    Auto,
    /// The state as it is; the sizes must agree.
    Copy,
    /// A learned linear layer for each state.
    Linear,
    /// The same followed by the hyperbolic tangent.
    Tanh,
}

/// Where the decoder's first input comes from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Protocol {
    /// A begin-of-sequence symbol; every target symbol is predicted.
    #[default]
    BeginOfSequence,
    /// The notebook's: the first target symbol is given, and `y[:-1]` predicts `y[1:]`.
    FirstSymbol,
}

/// What the decoder reads at each step while it is trained.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DecoderInput {
    /// The target shifted by one (teacher forcing).
    #[default]
    Target,
    /// The encoder's final output at every step, no target (the Keras addition example).
    EncoderOutput,
    /// Its own softmax of the step before (the Keras tutorial's variant without teacher forcing).
    OwnSoftmax,
}

/// `[model]`: what the network looks like.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ModelSettings {
    /// `recurrent`, `transformer` or `monotonic`.
    pub architecture: Architecture,
    /// `lstm`, `gru`, `gru-original` or `rnn`.
    pub cell: CellKind,
    /// Units of each layer and direction of the encoder.
    pub encoder_units: usize,
    /// Layers of the encoder.
    pub encoder_layers: usize,
    /// Read the source in both directions.
    pub bidirectional: bool,
    /// Units of each layer of the decoder; as many as the encoder gives (all directions together)
    /// if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decoder_units: Option<usize>,
    /// Layers of the decoder.
    pub decoder_layers: usize,
    /// Add each layer's input to its output where the widths agree.
    pub residual: bool,
    /// Normalise each layer's outputs.
    pub layer_norm: bool,
    /// How the decoder looks at the source: `none`, `dot`, `general`, `concat`, `additive` or
    /// `multi-head`.
    pub attention: AttentionKind,
    /// Units in which `concat`, `additive` and `multi-head` compare; as many as the decoder's if
    /// left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attention_units: Option<usize>,
    /// Heads of `multi-head`.
    pub attention_heads: usize,
    /// Let each step read the attentional vector of the one before, as well (Luong et al. 2015).
    pub input_feeding: bool,
    /// What features are to the network: `auto`, `none`, `symbols` or `encoder`.
    pub features: FeatureUse,
    /// Let the decoder copy source symbols (pointer-generator).
    pub copy: bool,
    /// `"one-hot"`, or the size of a learned embedding.
    pub embedding: Embedding,
    /// Use the target embeddings as the weights of the output layer, too.
    pub tied_embeddings: bool,
    /// Use the target embeddings for the source, too; needs `text.shared_vocabulary`.
    pub shared_embeddings: bool,
    /// `auto`, `copy`, `linear` or `tanh`.
    pub bridge: BridgeKind,
    /// `begin-of-sequence` or `first-symbol`.
    pub protocol: Protocol,
    /// `target`, `encoder-output` or `own-softmax`.
    pub decoder_input: DecoderInput,
    /// Share of the outputs of layers that is dropped while training: between layers, at the end of
    /// the encoder and before the output layer.
    pub dropout: f64,
    /// Share of the embeddings that is dropped while training.
    pub embedding_dropout: f64,
    /// Share of the state that recurrent products do not see while training, the same at every
    /// step of a sequence (variational dropout).
    pub recurrent_dropout: f64,
    /// What only a Transformer has.
    pub transformer: TransformerSettings,
    /// What only hard monotonic attention has.
    pub monotonic: MonotonicSettings,
    /// The members of an ensemble.
    #[serde(skip_serializing_if = "EnsembleSettings::is_empty")]
    pub ensemble: EnsembleSettings,
}

impl Default for ModelSettings {
    fn default() -> Self {
        Self {
            architecture: Architecture::Recurrent,
            cell: CellKind::Lstm,
            encoder_units: 256,
            encoder_layers: 1,
            bidirectional: false,
            decoder_units: None,
            decoder_layers: 1,
            residual: false,
            layer_norm: false,
            attention: AttentionKind::None,
            attention_units: None,
            attention_heads: 4,
            input_feeding: false,
            features: FeatureUse::Auto,
            copy: false,
            embedding: Embedding::Size(64),
            tied_embeddings: false,
            shared_embeddings: false,
            bridge: BridgeKind::Auto,
            protocol: Protocol::BeginOfSequence,
            decoder_input: DecoderInput::Target,
            dropout: 0.0,
            embedding_dropout: 0.0,
            recurrent_dropout: 0.0,
            transformer: TransformerSettings::default(),
            monotonic: MonotonicSettings::default(),
            ensemble: EnsembleSettings::default(),
        }
    }
}

impl ModelSettings {
    /// What the encoder gives for each symbol: the units of all its directions.
    pub fn encoder_width(&self) -> usize {
        self.encoder_units * if self.bidirectional { 2 } else { 1 }
    }

    /// Units of the decoder, given or following the encoder's.
    pub fn decoder_units(&self) -> usize {
        self.decoder_units.unwrap_or(self.encoder_width())
    }

    /// Units of attention, given or following the decoder's.
    pub fn attention_units(&self) -> usize {
        self.attention_units.unwrap_or(self.decoder_units())
    }
}

/// Rule that turns gradients into weight changes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OptimizerKind {
    /// Adam (Kingma and Ba 2015).
    #[default]
    Adam,
    /// Adam with decoupled weight decay (Loshchilov and Hutter 2019).
    AdamW,
    /// RMSprop (Hinton 2012).
    RmsProp,
    /// Stochastic gradient descent, with momentum if `momentum` is above 0.
    Sgd,
}

/// How the learning rate changes from step to step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ScheduleKind {
    /// It stays.
    #[default]
    Constant,
    /// A straight line down to `final_learning_rate` at the last step.
    Linear,
    /// Half a cosine down to `final_learning_rate` at the last step.
    Cosine,
    /// Times `decay` every epoch.
    Exponential,
    /// Times `decay` every `decay_epochs` epochs.
    Step,
    /// Times `decay` after every `decay_epochs` validations in a row without improvement.
    Plateau,
    /// Up for `warmup_steps`, then down with the square root of the step (Vaswani et al. 2017).
    Noam,
}

/// Figure of the validation set that decides which model is best.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Monitor {
    /// Free-running share of outputs that are right to the last symbol.
    #[default]
    ExactMatch,
    /// Free-running edits for each symbol of the reference.
    SymbolErrorRate,
    /// Teacher-forced loss.
    Loss,
    /// Teacher-forced symbol accuracy.
    Accuracy,
}

/// `[training]`: how the network is trained.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TrainingSettings {
    /// Passes over the training pairs, at most.
    pub epochs: usize,
    /// Seconds that training may take, validations included: the schedule is stretched over them
    /// and `epochs` is not looked at. 0 for no such limit.
    pub budget_seconds: f64,
    /// Pairs of one weight update.
    pub batch_size: usize,
    /// A trained model to go on from, on these pairs: its weights and vocabularies are kept, and
    /// symbols that it does not know are added. `[text]` and `[model]` must be those of the model.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<PathBuf>,
    /// A trained model to learn from, besides the pairs (distillation): a file, or a run's folder.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub teacher: Option<PathBuf>,
    /// How much the teacher's distributions count; the rest is left to the true symbols.
    pub teacher_weight: f64,
    /// Start of every random choice: initial weights, order, sampling, generated data.
    pub seed: u64,
    /// Put the pairs into a new order every epoch.
    pub shuffle: bool,
    /// `adam`, `adamw`, `rmsprop` or `sgd`.
    pub optimizer: OptimizerKind,
    /// Step size, at its highest.
    pub learning_rate: f64,
    /// Adam's and RMSprop's guard against division by zero; Keras's value.
    pub epsilon: f64,
    /// Adam's memory of the gradient.
    pub beta_1: f64,
    /// Adam's memory of its square.
    pub beta_2: f64,
    /// RMSprop's memory of the gradient's square.
    pub rho: f64,
    /// Momentum of `sgd`.
    pub momentum: f64,
    /// Weight decay of `adamw`.
    pub weight_decay: f64,
    /// Longest gradient over all weights together; longer ones are scaled down. 0 for no limit.
    pub clip_norm: f64,
    /// Largest gradient of a single weight. 0 for no limit.
    pub clip_value: f64,
    /// `constant`, `linear`, `cosine`, `exponential`, `step`, `plateau` or `noam`.
    pub schedule: ScheduleKind,
    /// Where `linear` and `cosine` end.
    pub final_learning_rate: f64,
    /// Factor of `exponential`, `step` and `plateau`.
    pub decay: f64,
    /// Epochs between two drops of `step`; validations without improvement before one of `plateau`.
    pub decay_epochs: usize,
    /// Steps over which the rate rises from nothing first; 0 for none.
    pub warmup_steps: usize,
    /// Share of the probability that is spread over all symbols in the objective (Szegedy et al.
    /// 2016); the reported loss stays the plain cross-entropy.
    pub label_smoothing: f64,
    /// Share of decoder inputs taken from the target; the rest are the model's own predictions
    /// (scheduled sampling, Bengio et al. 2015).
    pub teacher_forcing: f64,
    /// Epochs between two validations.
    pub validate_every: usize,
    /// Most questions of the validation set that are decoded freely; 0 for all.
    pub validation_questions: usize,
    /// `exact-match`, `symbol-error-rate`, `loss` or `accuracy`.
    pub monitor: Monitor,
    /// Validations without improvement before training stops; 0 to never stop early.
    pub patience: usize,
    /// Keep the model of the best validation; otherwise that of the last epoch.
    pub keep_best: bool,
    /// Validate and keep the mean of the weights of so many last epochs; 0 for the weights as they
    /// are.
    pub average_epochs: usize,
    /// Validate and keep a running mean of the weights with this memory, such as 0.999; 0 for the
    /// weights as they are.
    pub weight_average: f64,
    /// Weight updates between two checkpoints; 0 for no such rule. These three rules add up, and
    /// the end of training always has a checkpoint.
    pub checkpoint_steps: usize,
    /// Seconds between two checkpoints; 0 for no such rule.
    pub checkpoint_seconds: f64,
    /// Epochs between two checkpoints; 0 for no such rule.
    pub checkpoint_epochs: usize,
    /// Checkpoints that are kept, the newest ones.
    pub keep_checkpoints: usize,
}

impl Default for TrainingSettings {
    fn default() -> Self {
        Self {
            epochs: 30,
            budget_seconds: 0.0,
            batch_size: 64,
            from: None,
            teacher: None,
            teacher_weight: 0.5,
            seed: 1,
            shuffle: true,
            optimizer: OptimizerKind::Adam,
            learning_rate: 1e-3,
            epsilon: 1e-7,
            beta_1: 0.9,
            beta_2: 0.999,
            rho: 0.9,
            momentum: 0.0,
            weight_decay: 0.01,
            clip_norm: 0.0,
            clip_value: 0.0,
            schedule: ScheduleKind::Constant,
            final_learning_rate: 0.0,
            decay: 0.5,
            decay_epochs: 10,
            warmup_steps: 0,
            label_smoothing: 0.0,
            teacher_forcing: 1.0,
            validate_every: 1,
            validation_questions: 0,
            monitor: Monitor::ExactMatch,
            patience: 0,
            keep_best: true,
            average_epochs: 0,
            weight_average: 0.0,
            checkpoint_steps: 0,
            checkpoint_seconds: 30.0,
            checkpoint_epochs: 0,
            keep_checkpoints: 2,
        }
    }
}

/// Hypotheses beyond which a beam would take more memory than it could bring in accuracy.
pub const LARGEST_BEAM: usize = 10_000;

/// `[decoding]`: how outputs are produced. Validation during training decodes greedily, whatever
/// is set here.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DecodingSettings {
    /// Hypotheses that beam search keeps of an input at each step; 1 is greedy decoding.
    pub beam: usize,
    /// Alpha of the length penalty `((5 + length) / 6)^alpha` (Wu et al. 2016) that
    /// log-probabilities are divided by; 0 for none. Higher values prefer longer outputs.
    pub length_penalty: f64,
    /// Beta of the coverage penalty (Wu et al. 2016), for models with attention; 0 for none.
    pub coverage_penalty: f64,
    /// Choose the output of the beam with the least expected edit distance to the others.
    pub minimum_bayes_risk: bool,
    /// Longest output in symbols, whatever the input; 0 for none but the limit that follows from
    /// the input.
    pub max_length: usize,
    /// Output symbols for each source symbol, at most; 0 to go by the training data: twice the
    /// longest target, and in proportion more where the source is longer than any in training.
    pub max_length_ratio: f64,
    /// Output symbols on top of `max_length_ratio`.
    pub max_length_extra: usize,
    /// Inputs decoded together.
    pub batch_size: usize,
}

impl Default for DecodingSettings {
    fn default() -> Self {
        Self {
            beam: 1,
            length_penalty: 0.0,
            coverage_penalty: 0.0,
            minimum_bayes_risk: false,
            max_length: 0,
            max_length_ratio: 0.0,
            max_length_extra: 10,
            batch_size: 128,
        }
    }
}
