//! Answers a second of several models, measured in turn: `speed INPUTS ROUNDS MODEL...`, where INPUTS has an
//! input on each line. Each round gives every model the same inputs greedily one at a time, greedily 128 at a
//! time, and 128 at a time with a beam of 5. The best round counts, since a disturbed one is slower.

use std::error::Error;
use std::time::Instant;

use seq2seq_runtime::decoding::{Method, SearchOptions};
use seq2seq_runtime::{Model, PredictOptions};

/// Name, hypotheses, inputs of a call, and inputs of a round.
const WORKS: [(&str, usize, usize, usize); 3] = [
    ("greedy, one at a time", 1, 1, 256),
    ("greedy, 128 at a time", 1, 128, 1024),
    ("beam of 5, 128 at a time", 5, 128, 512),
];

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [inputs, rounds, names @ ..] = &arguments[..] else {
        return Err("speed INPUTS ROUNDS MODEL...".into());
    };
    let (inputs, rounds) = (std::fs::read_to_string(inputs)?, rounds.parse::<usize>()?);
    let inputs: Vec<&str> = inputs.lines().collect();
    let models = names.iter().map(|name| Model::load(name.as_ref()));
    let models: Vec<Model> = models.collect::<Result<_, _>>()?;
    for (work, beam, batch, count) in WORKS {
        let inputs = &inputs[..count.min(inputs.len())];
        let predictors = models.iter().map(|model| {
            let mut options = PredictOptions::of(model);
            options.search = SearchOptions {
                method: Method::Beam { size: beam },
                ..SearchOptions::default()
            };
            options.beam_if_cut = 0;
            model.predictor(options)
        });
        let predictors = predictors.collect::<Result<Vec<_>, _>>()?;
        let mut best = vec![0.0_f64; predictors.len()];
        for _ in 0..=rounds {
            for (predictor, best) in predictors.iter().zip(&mut best) {
                let begun = Instant::now();
                for inputs in inputs.chunks(batch) {
                    predictor.predict(inputs);
                }
                *best = best.max(inputs.len() as f64 / begun.elapsed().as_secs_f64());
            }
        }
        for (name, speed) in names.iter().zip(&best) {
            let ratio = speed / best[0];
            println!("{work}: {speed:.0} inputs/s with {name}, {ratio:.2} of the first");
        }
    }
    Ok(())
}
