//! A pronunciation model inside a program: `cargo run --release -p seq2seq-runtime --example embed -- seashell`

use seq2seq_runtime::{Model, PredictOptions};

static MODEL: &[u8] = include_bytes!("g2p.safetensors");

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let model = Model::from_bytes(MODEL, "g2p.safetensors")?;
    let predictor = model.predictor(PredictOptions::of(&model))?;
    let words = std::env::args().skip(1);
    for answer in predictor.predict_iter(words) {
        println!("{}", answer.best().text);
    }
    Ok(())
}
