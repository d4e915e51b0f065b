#![doc = include_str!("../README.md")]

mod adam;
#[cfg(feature = "mimalloc")]
mod allocator;
mod batched_product;
mod bf16;
mod check;
mod columns;
mod cross_entropy;
mod denormals;
mod float;
mod hard_attention;
mod layer_norm;
#[cfg(feature = "gemm")]
mod limit;
mod memory;
mod outer;
mod plain;
mod precision;
mod problem;
mod product;
mod recurrence;
mod signals;
mod simd;
mod softmax;
mod stored;
mod stream;
mod tanh;
mod threads;
mod tile;

pub use adam::{AdamStep, adam, sum_of_squares};
#[cfg(feature = "mimalloc")]
pub use allocator::keep_freed_memory;
pub use batched_product::{batched_product, batched_product_shared};
pub use bf16::{from_bf16, round_to_bf16, to_bf16, widen_bf16};
pub use cross_entropy::{CrossEntropy, log_softmax, softmax_cross_entropy};
pub use denormals::with_denormals_flushed;
pub use float::{Float, backward, forward, infer};
pub use hard_attention::{HardAttention, HardAttentionGradients, HardAttentionOutput, Jumps};
pub use layer_norm::{NormGradients, Normalized, layer_norm, layer_norm_backward};
#[cfg(feature = "gemm")]
pub use limit::gemm_product;
pub use precision::Precision;
pub use problem::{Cell, Direction, Gradients, Input, Layout, Problem, Saved, SavedRef};
pub use product::{
    Order, PackedMatrix, ProductShape, add_product, product, product_in, stored_product,
};
pub use recurrence::{PackedWeights, infer_packed, infer_stored};
pub use signals::ignore_file_size_signal;
pub use simd::{Level, UnknownLevel};
pub use softmax::{softmax, softmax_backward};
pub use stored::StoredMatrix;
pub use tanh::{tanh, tanh_backward};
pub use threads::{for_each as parallel_for_each, threads, with_threads};
#[cfg(feature = "rayon")]
pub use threads::{pool_of_process, with_thread_pool};
