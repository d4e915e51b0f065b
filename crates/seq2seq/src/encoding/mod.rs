//! From pairs of texts to ids: the codec that training pairs ask for, encoded examples, and batches of
//! them.

mod codec;
mod example;

pub use codec::PairCodec;
pub use example::{EpochOrder, Example};
pub use seq2seq_runtime::layers::{Padded, SourceBatch};
pub use seq2seq_runtime::text::{NOT_COPIED, SourceIds};
