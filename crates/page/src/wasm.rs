//! The functions of the WebAssembly module, of numbers alone. `recorded.js` of the lesson calls them.
//!
//! Bytes go in and out one at a time, so that nothing reads memory by address.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::hint::black_box;

use seq2seq_runtime::Model;
use serde::{Deserialize, Serialize};

use crate::MODULE_MARK;
use crate::question::{SearchRequest, TraceRequest};
use crate::symbols::Encoded;
use crate::weights::Weights;

thread_local! {
    static STATE: RefCell<State> = const { RefCell::new(State::new()) };
}

struct State {
    /// Bytes that were put in since the last call that took them.
    input: Vec<u8>,
    /// What the last call gave, or why it failed.
    output: Vec<u8>,
    models: BTreeMap<u32, Model>,
}

/// What is asked of a model.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
enum Question {
    /// Symbols of a text.
    Encode(String),
    /// Names and shapes.
    Weights,
    /// One answer, step by step.
    Trace(TraceRequest),
    /// Several answers.
    Search(SearchRequest),
}

/// Puts a byte in.
#[unsafe(no_mangle)]
pub extern "C" fn put(byte: u8) {
    STATE.with_borrow_mut(|state| state.input.push(byte));
}

/// Takes the bytes as a model file, under a number; 1 if it can be used.
#[unsafe(no_mangle)]
pub extern "C" fn load(number: u32) -> u32 {
    STATE.with_borrow_mut(|state| {
        let bytes = std::mem::take(&mut state.input);
        let model = Model::from_bytes(&bytes, "the model").map_err(|error| error.to_string());
        let loaded = model.map(|model| drop(state.models.insert(number, model)));
        state.keep(loaded.map(|()| String::new()))
    })
}

/// Takes the bytes as a question to the model of a number, in JSON; 1 if there is an answer.
#[unsafe(no_mangle)]
pub extern "C" fn ask(number: u32) -> u32 {
    STATE.with_borrow_mut(|state| {
        let bytes = std::mem::take(&mut state.input);
        let answer = state.answer(number, &bytes);
        state.keep(answer)
    })
}

/// Gives name and version of the module.
#[unsafe(no_mangle)]
pub extern "C" fn version() -> u32 {
    STATE.with_borrow_mut(|state| state.keep(Ok(black_box(MODULE_MARK).to_owned())))
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
    const fn new() -> Self {
        Self {
            input: Vec::new(),
            output: Vec::new(),
            models: BTreeMap::new(),
        }
    }

    fn answer(&self, number: u32, question: &[u8]) -> Result<String, String> {
        let model = self.models.get(&number);
        let model = model.ok_or_else(|| format!("there is no model {number}"))?;
        let question = serde_json::from_slice(question).map_err(|error| error.to_string())?;
        match question {
            Question::Encode(text) => json(&Encoded::new(model, &text)),
            Question::Weights => json(&Weights::new(model)),
            Question::Trace(request) => json(&request.answer(model)?),
            Question::Search(request) => json(&request.answer(model)?),
        }
    }

    fn keep(&mut self, result: Result<String, String>) -> u32 {
        let worked = u32::from(result.is_ok());
        self.output = result.unwrap_or_else(|error| error).into_bytes();
        worked
    }
}

fn json(answer: &impl Serialize) -> Result<String, String> {
    serde_json::to_string(answer).map_err(|error| error.to_string())
}
