//! The networks and their layers.
//!
//! [`network`] is the interface of all of them. The recurrent network
//! ([`recurrent_network`]) is put together, in the order in which a pair meets them, from
//! [`embedding`], [`encoder`], [`bridge`], [`decoder`] with its [`attention`], [`output_layer`] and
//! [`pointer_generator`]; encoder and decoder are stacks of [`recurrent`] layers with [`dropout`]
//! and [`layer_norm`].

pub mod attention;
pub mod bridge;
pub mod decoder;
pub mod dense;
pub mod dropout;
pub mod embedding;
pub mod encoder;
pub mod ensemble;
pub mod layer_norm;
pub mod monotonic;
pub mod network;
pub mod output_layer;
pub mod parameters;
pub mod pointer_generator;
pub mod recurrent;
pub mod recurrent_network;
mod tensors;
pub mod transformer;

pub use dropout::Noise;
pub use network::Network;
