//! From a text to ids and back, as the runtime does it, and the notebook's one-hot functions.

mod one_hot;

pub use one_hot::{OneHot, OneHotError, argmax, one_hot, one_hot_matrix};
pub use seq2seq_runtime::text::*;
