//! Work A, the notebook's addition, trained with Burn's own LSTM layers and with ours, in turn:
//!
//!     cargo bench -p seq2seq --bench burn_lstm
//!
//! Both learn the same 13 symbols, 8 of a question and 4 of an answer, 128 units, batches of 128, Adam.

use std::error::Error;
use std::time::{Duration, Instant};

use burn::module::Module;
use burn::nn::loss::CrossEntropyLossConfig;
use burn::nn::{Embedding, EmbeddingConfig, Linear, LinearConfig, Lstm, LstmConfig};
use burn::optim::{AdamConfig, GradientsParams};
use burn::tensor::{Device, Int, Tensor, TensorData};
use seq2seq::bench::{Effort, Phase, Spread, Work, measure};

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

/// Pairs a second, so many times.
fn burns() -> f64 {
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

fn ours(threads: usize) -> Result<f64, Box<dyn Error>> {
    let effort = Effort {
        repetitions: 1,
        time: TIME,
    };
    let measured = measure(Work::A, &[Phase::Train], threads, effort)?;
    Ok(measured.first().map_or(0.0, |m| m.per_second.median))
}

fn main() -> Result<(), Box<dyn Error>> {
    let threads = std::thread::available_parallelism()?.get();
    let (mut theirs, mut own) = (Vec::new(), Vec::new());
    for _ in 0..REPETITIONS {
        theirs.push(burns());
        own.push(ours(threads)?);
    }
    let (theirs, own) = (Spread::of(theirs), Spread::of(own));
    for (name, speed) in [("Burn's LSTM", &theirs), ("seq2seq", &own)] {
        let Spread { min, median, max } = speed;
        println!("{name:12} {median:8.0} pairs a second ({min:.0} - {max:.0})");
    }
    println!("ratio        {:8.1}", own.median / theirs.median);
    Ok(())
}
