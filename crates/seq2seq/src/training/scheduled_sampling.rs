//! Mixing teacher forcing with the model's own predictions (Bengio et al. 2015).

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::batch::TrainingBatch;
use crate::text::argmax;
use seq2seq_runtime::networks::Network;

/// Replaces decoder inputs by what the network predicts at that place, each with probability
/// `1 - teacher_forcing`.
///
/// The choice of a symbol has no gradient, so the mixture can be written out first, step by step
/// and without a graph, and then trained on in one pass like any other input. `network` is the one in
/// training as it runs, with its weights of the moment.
pub fn mix_in_predictions(
    network: &Network,
    batch: &mut TrainingBatch,
    teacher_forcing: f64,
    rng: &mut ChaCha8Rng,
) {
    let rows = batch.decoder_input.batch();
    let mut state = network.encode_batch(&batch.source);
    for step in 1..batch.decoder_input.time {
        let (read, next) = batch.decoder_input.ids.split_at_mut(step * rows);
        let last: Vec<u32> = read[(step - 1) * rows..]
            .iter()
            .map(|&id| id as u32)
            .collect();
        let logits = network.step(&mut state, &last).scores;
        for (id, row) in next.iter_mut().zip(logits.iter()) {
            if rng.random::<f64>() >= teacher_forcing {
                *id = argmax(row).unwrap_or(0) as i32;
            }
        }
    }
}
