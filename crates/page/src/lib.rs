//! What pages show of a trained model, as JSON.
//!
//! The service, the lesson and the lesson's pages without a program answer by these functions. For the
//! last, this crate is a WebAssembly module (`wasm`).
//!
//! Modules in the order in which they use each other: [`answer`] (answers and their steps), [`symbols`] (a text
//! as symbols, ids and vectors), [`weights`] (names and shapes), [`question`] (what pages ask of a model) and
//! `wasm`.

#![warn(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::panic
)] // what strangers send is read here

pub mod answer;
pub mod question;
pub mod symbols;
#[cfg(target_arch = "wasm32")]
mod wasm;
pub mod weights;

/// Name and version of this crate: a module that is built from it contains these bytes.
pub const MODULE_MARK: &str = concat!("seq2seq-page ", env!("CARGO_PKG_VERSION"));
