//! The network and its layers, in the order in which a pair meets them:
//! embedding and [`recurrent`] encoder, [`bridge`], recurrent decoder, [`dense`] output layer.

pub mod bridge;
pub mod dense;
pub mod parameters;
pub mod recurrent;
mod seq2seq;

pub use seq2seq::{DecoderState, Seq2Seq};
