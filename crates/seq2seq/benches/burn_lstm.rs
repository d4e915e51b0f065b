//! Work A of `seq2seq bench`, the notebook's addition, trained with Burn's own LSTM layers:
//!
//!     cargo bench -p seq2seq --bench burn_lstm
//!     cargo run --release -- bench --work A --phase train
//!
//! Both learn 13 symbols, 8 of a question and 4 of an answer, with 128 units, batches of 128 and Adam.

use std::time::{Duration, Instant};

use burn::module::Module;
use burn::nn::loss::CrossEntropyLossConfig;
use burn::nn::{Embedding, EmbeddingConfig, Linear, LinearConfig, Lstm, LstmConfig};
use burn::optim::{AdamConfig, GradientsParams};
use burn::tensor::{Device, Int, Tensor, TensorData};

const SYMBOLS: usize = 13;
const UNITS: usize = 128;
const BATCH: usize = 128;
const SOURCE: usize = 8;
const TARGET: usize = 4;
const REPETITIONS: usize = 5;
const TIME: Duration = Duration::from_secs(1);

/// The notebook's model of Burn's layers.
#[derive(Module, Debug)]
struct Model {
    vectors: [Embedding; 2],
    encoder: Lstm,
    decoder: Lstm,
    output: Linear,
}

impl Model {
    fn new(device: &Device) -> Self {
        let vectors = || EmbeddingConfig::new(SYMBOLS, SYMBOLS).init(device);
        let lstm = || LstmConfig::new(SYMBOLS, UNITS, true).init(device);
        Self {
            vectors: [vectors(), vectors()],
            encoder: lstm(),
            decoder: lstm(),
            output: LinearConfig::new(UNITS, SYMBOLS).init(device),
        }
    }

    /// Sources `[batch, time]` and shifted targets `[batch, time]` to scores
    /// `[batch * time, symbols]`.
    fn forward(&self, source: Tensor<2, Int>, target: Tensor<2, Int>) -> Tensor<2> {
        let (_, state) = (self.encoder).forward(self.vectors[0].forward(source), None);
        let (states, _) = (self.decoder).forward(self.vectors[1].forward(target), Some(state));
        let scores = self.output.forward(states);
        scores.reshape([BATCH * TARGET, SYMBOLS])
    }
}

/// Symbols `[batch, time]`; which ones they are does not matter for the time.
fn symbols(time: usize, device: &Device) -> Tensor<2, Int> {
    let ids = (0..BATCH * time).map(|at| (at * 7 % SYMBOLS) as i32);
    Tensor::from_data(TensorData::new(ids.collect(), [BATCH, time]), device)
}

/// Pairs a second.
fn train() -> f64 {
    let device = Device::flex().autodiff();
    let mut model = Model::new(&device);
    let mut adam = AdamConfig::new().init();
    let loss = CrossEntropyLossConfig::new().init(&device);
    let (source, target) = (symbols(SOURCE, &device), symbols(TARGET, &device));
    let mut step = || {
        let scores = model.forward(source.clone(), target.clone());
        let loss = loss.forward(scores, target.clone().reshape([BATCH * TARGET]));
        let gradients = GradientsParams::from_grads(loss.backward(), &model);
        model = adam.step(1e-3, model.clone(), gradients);
    };
    step();
    let (begun, mut pairs) = (Instant::now(), 0);
    while begun.elapsed() < TIME {
        step();
        pairs += BATCH;
    }
    pairs as f64 / begun.elapsed().as_secs_f64()
}

fn main() {
    let mut speeds: Vec<f64> = (0..REPETITIONS).map(|_| train()).collect();
    speeds.sort_by(f64::total_cmp);
    let [min, .., max] = speeds[..] else { return };
    let median = speeds[speeds.len() / 2];
    println!("Burn's LSTM: {median:.0} pairs a second ({min:.0} - {max:.0})");
}
