//! One training step: batch, forward, loss, backward, clipping, update.
//!
//! A batch is cut into parts, whose gradients threads compute side by side. Their number does not depend on the machine,
//! so neither does the sum.

use burn::module::Module;
use burn::optim::{GradientsAccumulator, GradientsParams};
use burn::tensor::Device;
use rand_chacha::ChaCha8Rng;
use seq2seq_runtime::networks;

use super::Trainer;
use crate::config::TrainingSettings;
use crate::encoding::Example;
use crate::layers::Noise;
use crate::layers::dropout::part_rng;
use crate::layers::parameters::weights_of;
use crate::networks::Network;
use crate::ops::precision::with_precision;
use crate::parallel;
use crate::training::TrainingError;
use crate::training::batch::TrainingBatch;
use crate::training::distillation::Teacher;
use crate::training::hidden_symbols::Unknown;
use crate::training::loss::{Losses, SymbolMetrics};
use crate::training::optimizer::clip_global_norm;
use crate::training::scheduled_sampling::mix_in_predictions;

/// Sets the random numbers of hidden symbols and own predictions apart from others of the same seed.
const SALT: u64 = 0x5eed_5a3b;

impl Trainer {
    /// One training step on the pairs with these numbers.
    ///
    /// # Errors
    /// If the loss becomes NaN or infinite.
    pub(super) fn step(&mut self, members: &[usize]) -> Result<(), TrainingError> {
        let settings = self.task.recipe.training.clone();
        let examples: Vec<&Example> = members
            .iter()
            .map(|&index| &self.task.train[index])
            .collect();
        let running = (settings.teacher_forcing < 1.0)
            .then(|| self.running())
            .transpose()?;
        let context = GradientContext {
            settings: &settings,
            teacher: self.teacher.as_ref(),
            unknown: Unknown::of(&self.task.codec),
            begin: self.begin(),
            step: self.position.step,
            running: running.as_ref(),
        };
        let parts = self.task.recipe.batch_parts();
        let found = context.gradient(&self.network, &examples, parts);
        for (figures, symbols) in found.figures {
            self.count(figures, symbols)?;
        }

        let mut gradients = found.gradient;
        if settings.clip_norm > 0.0 {
            gradients = clip_global_norm(gradients, &self.network, settings.clip_norm);
        }
        let rate = match self.budget.used() {
            Some(used) => self.schedule.rate_within_budget(used),
            None => self.schedule.next_rate(self.position.plateaus),
        };
        // Weights that nothing else holds are updated in place.
        let network = std::mem::replace(&mut self.network, Network::none());
        self.network = self.optimizer.step(rate, network, gradients);
        self.position.learning_rate = rate;
        self.position.step += 1;
        let network = &self.network;
        let step = self.position.step;
        self.average.after_step(step, || weights_of(network));
        Ok(())
    }
}

/// What goes into the gradient of a batch, besides network and pairs.
struct GradientContext<'a> {
    /// How the network is trained.
    settings: &'a TrainingSettings,
    /// What it learns from besides the pairs.
    teacher: Option<&'a Teacher>,
    /// What stands for unseen symbols, if the network shall learn to copy them.
    unknown: Option<Unknown>,
    /// What the decoder reads first; none if the first target symbol is given.
    begin: Option<u32>,
    /// Weight updates so far.
    step: usize,
    /// The network as it runs, if it shall read some of its own predictions.
    running: Option<&'a networks::Network>,
}

/// A gradient, and how well each part of the batch was foretold.
struct BatchGradient {
    /// Of the mean loss of the batch's symbols.
    gradient: GradientsParams,
    /// Of each part, with its number of symbols.
    figures: Vec<(SymbolMetrics, usize)>,
}

/// A part of a batch on its way to a gradient.
struct Part {
    index: usize,
    batch: TrainingBatch,
    /// Chose the hidden symbols, and chooses what the decoder reads of its own.
    rng: ChaCha8Rng,
}

impl GradientContext<'_> {
    /// The share of a part in the gradient of the mean over all `symbols` of the batch.
    fn of_part(
        &self,
        part: Part,
        network: &Network,
        symbols: usize,
    ) -> (GradientsParams, (SymbolMetrics, usize)) {
        let (settings, step) = (self.settings, self.step);
        let Part {
            index,
            mut batch,
            mut rng,
        } = part;
        if let Some(running) = self.running {
            let forcing = settings.teacher_forcing;
            mix_in_predictions(running, &mut batch, forcing, &mut rng);
        }
        let mut noise = Noise::of_part(settings.seed, step, index);
        let scores = with_precision(settings.precision.into(), || {
            network.forward(&batch.source, &batch.decoder_input, Some(&mut noise))
        });
        let taught = self.teacher.map(|_| scores.clone());
        let losses = Losses::new(scores, &batch.expected, settings.label_smoothing);
        let mut objective = match self.teacher.zip(taught) {
            Some((teacher, scores)) => teacher.guide(losses.objective, scores, &batch),
            None => losses.objective,
        };
        let own = batch.expected.symbols;
        if own < symbols {
            objective = objective * (own as f64 / symbols as f64);
        }
        let gradients = GradientsParams::from_grads(objective.backward(), network);
        (gradients, (losses.figures, own))
    }

    /// The gradient of a batch that is cut into so many parts.
    fn gradient(&self, network: &Network, examples: &[&Example], parts: usize) -> BatchGradient {
        let parts = parts.clamp(1, examples.len().max(1));
        let bound = |part: usize| examples.len() * part / parts;
        let parts: Vec<Part> = (0..parts)
            .map(|part| self.part(part, &examples[bound(part)..bound(part + 1)]))
            .collect();
        let symbols: usize = parts.iter().map(|part| part.batch.expected.symbols).sum();
        let alone = parts.len() == 1;
        let computed = parallel::map(parts, |part| match alone {
            true => self.of_part(part, network, symbols),
            false => {
                // Graphs that share weights are gone back through one after the other.
                let network = network.clone().fork(&Device::flex().autodiff());
                self.of_part(part, &network, symbols)
            }
        });
        let mut sum = GradientsAccumulator::new();
        let mut figures = Vec::with_capacity(computed.len());
        for (gradient, found) in computed {
            sum.accumulate(network, gradient);
            figures.push(found);
        }
        BatchGradient {
            gradient: sum.grads(),
            figures,
        }
    }

    /// A part of the batch, with symbols hidden in some pairs of a network that copies.
    fn part(&self, index: usize, examples: &[&Example]) -> Part {
        let mut rng = part_rng(self.settings.seed ^ SALT, self.step, index);
        let share = self.settings.hidden_symbols;
        let unknown = self.unknown.filter(|_| share > 0.0);
        let hidden = unknown.map(|unknown| unknown.hide(examples, share, &mut rng));
        let mut shown = examples.to_vec();
        for (example, hidden) in shown.iter_mut().zip(hidden.iter().flatten()) {
            *example = hidden.as_ref().unwrap_or(example);
        }
        Part {
            index,
            batch: TrainingBatch::new(&shown, self.begin),
            rng,
        }
    }
}
