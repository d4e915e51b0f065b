//! The gradient of a batch: forward, loss and backward of each of its parts, added up.

use burn::module::Module;
use burn::optim::{GradientsAccumulator, GradientsParams};
use burn::tensor::Device;

use super::batch::TrainingBatch;
use super::distillation::Teacher;
use super::hidden_symbols::Unknown;
use super::loss::{Figures, Losses};
use super::parts::PartThreads;
use super::scheduled_sampling::{mix_in_predictions, part_rng};
use crate::config::TrainingSettings;
use crate::data::Example;
use crate::model::{Network, Noise};

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
    network: Network,
    /// Its symbols, as a share of the batch's.
    share: f64,
}

impl Pass<'_> {
    /// The gradient of a batch that is cut into so many parts.
    pub fn gradient(
        &self,
        network: &Network,
        examples: &[&Example],
        parts: usize,
        threads: &PartThreads,
    ) -> BatchGradient {
        let parts = parts.clamp(1, examples.len().max(1));
        let bound = |part: usize| examples.len() * part / parts;
        let batches: Vec<TrainingBatch> = (0..parts)
            .map(|part| self.batch(&examples[bound(part)..bound(part + 1)], part))
            .collect();
        let symbols: Vec<usize> = batches.iter().map(|batch| batch.expected.symbols).collect();
        let all = symbols.iter().sum::<usize>().max(1) as f64;
        let prepared = batches.into_iter().zip(&symbols).enumerate();
        let prepared = prepared.map(|(index, (batch, &symbols))| Part {
            index,
            batch,
            // Graphs that share weights are gone back through one after the other.
            network: match parts {
                1 => network.clone(),
                _ => network.clone().fork(&Device::flex().autodiff()),
            },
            share: symbols as f64 / all,
        });
        let computed = threads.run(prepared.collect(), |part| self.of_part(part));
        let mut sum = GradientsAccumulator::new();
        let mut figures = Vec::with_capacity(parts);
        for ((gradient, found), symbols) in computed.into_iter().zip(symbols) {
            sum.accumulate(network, gradient);
            figures.push((found, symbols));
        }
        BatchGradient {
            gradient: sum.grads(),
            figures,
        }
    }

    /// A part of the batch, with symbols hidden in some pairs of a network that copies.
    fn batch(&self, examples: &[&Example], part: usize) -> TrainingBatch {
        let share = self.settings.hidden_symbols;
        let Some(unknown) = self.unknown.filter(|_| share > 0.0) else {
            return TrainingBatch::new(examples, self.begin);
        };
        let mut rng = part_rng(self.settings.seed, self.step, part);
        let hidden = unknown.hide(examples, share, &mut rng);
        let shown = examples.iter().zip(&hidden);
        let shown: Vec<&Example> = shown
            .map(|(example, hidden)| hidden.as_ref().unwrap_or(example))
            .collect();
        TrainingBatch::new(&shown, self.begin)
    }

    fn of_part(&self, part: Part) -> (GradientsParams, Figures) {
        let (settings, step) = (self.settings, self.step);
        let Part {
            index,
            mut batch,
            network,
            share,
        } = part;
        if settings.teacher_forcing < 1.0 {
            mix_in_predictions(
                &network.valid(),
                &mut batch,
                settings.teacher_forcing,
                &mut part_rng(settings.seed, step, index),
            );
        }
        let mut noise = Noise::of_part(settings.seed, step, index);
        let scores = network.forward(&batch.source, &batch.decoder_input, Some(&mut noise));
        let taught = self.teacher.map(|_| scores.clone());
        let losses = Losses::new(scores, &batch.expected, settings.label_smoothing);
        let mut objective = match self.teacher.zip(taught) {
            Some((teacher, scores)) => teacher.guide(losses.objective, scores, &batch),
            None => losses.objective,
        };
        if share < 1.0 {
            objective = objective * share;
        }
        let gradients = GradientsParams::from_grads(objective.backward(), &network);
        (gradients, losses.figures)
    }
}
