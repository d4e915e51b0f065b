//! How a network is trained.

use std::path::PathBuf;

use rnn_kernels::Precision;
use serde::{Deserialize, Serialize};

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

/// How the matrix products of training read their operands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TrainingPrecision {
    /// In single precision.
    #[default]
    F32,
    /// Rounded to bf16. Sums, weights and everything else stay in single precision.
    Bf16,
}

impl From<TrainingPrecision> for Precision {
    fn from(precision: TrainingPrecision) -> Self {
        match precision {
            TrainingPrecision::F32 => Self::Single,
            TrainingPrecision::Bf16 => Self::Bfloat16,
        }
    }
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

/// Whether a network is mixed with a joint n-gram model at the end of training.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MixtureChoice {
    /// The network stays alone.
    #[default]
    Off,
    /// The mixture is kept where it is better on the validation pairs.
    Auto,
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
    /// Parts of a batch that are computed side by side, one a thread: results depend on it, but not on
    /// how many threads there are. 0 for one part for every 32 pairs; in recurrent networks of at most
    /// 128 units for every 64, and only one in those of more than 256, whose layers share their work.
    pub batch_parts: usize,
    /// `f32`, or `bf16` for matrix products that read their operands rounded to bf16. That is faster on
    /// processors with AVX512-BF16. Weights, sums and all else stay in single precision, as does the trained
    /// model.
    pub precision: TrainingPrecision,
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
    /// For a model that copies: share of pairs of which one symbol is hidden while training, as if it
    /// were unseen, so that the model learns to hand on symbols that it does not know.
    pub hidden_symbols: f64,
    /// Epochs between two validations.
    pub validate_every: usize,
    /// Most questions of the validation set that are decoded freely; 0 for all.
    pub validation_questions: usize,
    /// What decides which model is best: `exact-match` (ties: symbol error rate, then loss),
    /// `symbol-error-rate` (ties: exact match, then loss), `loss` or `accuracy`.
    pub monitor: Monitor,
    /// Validations without improvement before training stops; 0 to never stop early.
    pub patience: usize,
    /// `auto` fits a joint n-gram model before the network is trained, and keeps what is best on the
    /// validation pairs in the end: the network, the n-gram model, or both mixed in one model file. `off`
    /// trains the network alone.
    pub mixture: MixtureChoice,
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
            batch_parts: 0,
            precision: TrainingPrecision::F32,
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
            hidden_symbols: 0.05,
            validate_every: 1,
            validation_questions: 0,
            monitor: Monitor::ExactMatch,
            patience: 0,
            mixture: MixtureChoice::Off,
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
