//! The gradient of a batch: forward, loss and backward of each of its parts, added up.

use burn::module::Module;
use burn::optim::{GradientsAccumulator, GradientsParams};
use burn::tensor::Device;
use rand_chacha::ChaCha8Rng;

use super::batch::TrainingBatch;
use super::distillation::Teacher;
use super::hidden_symbols::Unknown;
use super::loss::{Figures, Losses};
use super::scheduled_sampling::mix_in_predictions;
use crate::config::TrainingSettings;
use crate::encoding::Example;
use crate::layers::Noise;
use crate::layers::dropout::part_rng;
use crate::networks::Network;
use crate::parallel;
use seq2seq_runtime::networks;

/// Sets the random numbers of hidden symbols and own predictions apart from others of the same seed.
const SALT: u64 = 0x5eed_5a3b;

/// What goes into the gradient of a batch, besides network and pairs.
pub struct Pass<'a> {
    /// How the network is trained.
    pub settings: &'a TrainingSettings,
    /// What it learns from besides the pairs.
    pub teacher: Option<&'a Teacher>,
    /// What stands for unseen symbols, if the network shall learn to copy them.
    pub unknown: Option<Unknown>,
    /// What the decoder reads first; none if the first target symbol is given.
    pub begin: Option<u32>,
    /// Weight updates so far.
    pub step: usize,
    /// The network as it runs, if it shall read some of its own predictions.
    pub running: Option<&'a networks::Network>,
}

/// A gradient, and how well each part of the batch was foretold.
pub struct BatchGradient {
    /// Of the mean loss of the batch's symbols.
    pub gradient: GradientsParams,
    /// Of each part, with its number of symbols.
    pub figures: Vec<(Figures, usize)>,
}

/// A part of a batch on its way to a gradient.
struct Part {
    index: usize,
    batch: TrainingBatch,
    /// Chose the hidden symbols, and chooses what the decoder reads of its own.
    rng: ChaCha8Rng,
}

impl Pass<'_> {
    /// The gradient of a batch that is cut into so many parts.
    pub fn gradient(
        &self,
        network: &Network,
        examples: &[&Example],
        parts: usize,
    ) -> BatchGradient {
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

    /// The share of a part in the gradient of the mean over all `symbols` of the batch.
    fn of_part(
        &self,
        part: Part,
        network: &Network,
        symbols: usize,
    ) -> (GradientsParams, (Figures, usize)) {
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
        let scores = network.forward(&batch.source, &batch.decoder_input, Some(&mut noise));
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
}
