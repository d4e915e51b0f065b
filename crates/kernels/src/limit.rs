//! The gemm crate's matrix product, the yardstick that benchmarks hold the kernels against.

use gemm::Parallelism;

use crate::check::{equal, product};

/// `out = left right` by the gemm crate on one thread: `left` is `[rows, inner]`, `right` is
/// `[inner, columns]`, `out` is `[rows, columns]`.
///
/// # Panics
/// If a slice has another length.
pub fn gemm_product(
    out: &mut [f32],
    left: &[f32],
    right: &[f32],
    [rows, inner, columns]: [usize; 3],
) {
    equal("the left matrix", left.len(), product(&[rows, inner]));
    equal("the right matrix", right.len(), product(&[inner, columns]));
    equal("the result", out.len(), product(&[rows, columns]));
    let (n, k) = (columns as isize, inner as isize);
    // SAFETY: the checks keep every element that the strides reach within its slice, and `out`
    // is borrowed mutably, so it overlaps neither operand.
    unsafe {
        gemm::gemm(
            rows,
            columns,
            inner,
            out.as_mut_ptr(),
            1,
            n,
            false,
            left.as_ptr(),
            1,
            k,
            right.as_ptr(),
            1,
            n,
            0.0,
            1.0,
            false,
            false,
            false,
            Parallelism::None,
        );
    }
}
