//! A model in WebAssembly, behind functions of numbers alone: `wasm.mjs` beside this file calls them.
//!
//! Bytes go in and out one at a time, so that nothing reads memory by address.

use std::cell::RefCell;

use seq2seq_runtime::{Model, PredictOptions, Predictor};

thread_local! {
    static STATE: RefCell<State> = const { RefCell::new(State { input: Vec::new(), output: Vec::new(), predictor: None }) };
}

struct State {
    /// Bytes that were put in since the last call that took them.
    input: Vec<u8>,
    /// What the last call gave, or why it failed.
    output: Vec<u8>,
    predictor: Option<Predictor>,
}

/// Puts a byte in.
#[unsafe(no_mangle)]
pub extern "C" fn put(byte: u8) {
    STATE.with_borrow_mut(|state| state.input.push(byte));
}

/// Takes the bytes as a model file; 1 if it can be used.
#[unsafe(no_mangle)]
pub extern "C" fn load() -> u32 {
    STATE.with_borrow_mut(|state| {
        let bytes = std::mem::take(&mut state.input);
        let loaded = loaded(&bytes).map(|predictor| state.predictor = Some(predictor));
        state.keep(loaded.map(|()| String::new()))
    })
}

fn loaded(bytes: &[u8]) -> Result<Predictor, String> {
    let model = Model::from_bytes(bytes, "the model").map_err(|error| error.to_string())?;
    let options = PredictOptions::of(&model);
    model.predictor(options).map_err(|error| error.to_string())
}

/// Takes the bytes as a line of input and answers it; 1 if there is an answer.
#[unsafe(no_mangle)]
pub extern "C" fn answer() -> u32 {
    STATE.with_borrow_mut(|state| {
        let line = String::from_utf8_lossy(&std::mem::take(&mut state.input)).into_owned();
        let answer = state
            .predictor
            .as_ref()
            .ok_or_else(|| "no model is loaded".to_owned());
        let answer = answer.map(|predictor| {
            let line = predictor.model().line(&line);
            predictor
                .predict(&[line])
                .swap_remove(0)
                .best()
                .text
                .clone()
        });
        state.keep(answer)
    })
}

/// Bytes of the last result.
#[unsafe(no_mangle)]
pub extern "C" fn length() -> u32 {
    STATE.with_borrow(|state| state.output.len() as u32)
}

/// One of them.
#[unsafe(no_mangle)]
pub extern "C" fn get(place: u32) -> u8 {
    STATE.with_borrow(|state| state.output.get(place as usize).copied().unwrap_or(0))
}

impl State {
    fn keep(&mut self, result: Result<String, String>) -> u32 {
        let worked = u32::from(result.is_ok());
        self.output = result.unwrap_or_else(|error| error).into_bytes();
        worked
    }
}
