//! From the gradient of the recurrent product back to that of h.

use crate::columns::Columns;
use crate::memory::Shared;
use crate::precision::LeftRows;
use crate::simd::Simd;
use crate::tile::Epilogue;

/// What happens around the product of the gradient and the transposed recurrent weights.
pub(crate) struct StateGradient {
    pub hidden: usize,
    /// Gradient of the recurrent product, a row a sequence.
    pub d_product: LeftRows,
    /// Gradient of h `[batch, hidden]`: written, or added to.
    pub d_hidden: Shared,
    pub add: bool,
    /// Mask of h, or null.
    pub mask: *const f32,
}

// SAFETY (of the blocks): rows and columns are those of the step, whose pointers are valid for
// them; each row belongs to one thread.
#[allow(clippy::undocumented_unsafe_blocks)]
impl Epilogue<2> for StateGradient {
    #[inline(always)]
    unsafe fn left(&self, row: usize) -> *const f32 {
        unsafe { self.d_product.row(row) }
    }

    #[inline(always)]
    unsafe fn start<S: Simd>(&self, simd: S, _: usize, _: usize) -> [S::Vector; 2] {
        [simd.splat(0.0); 2]
    }

    #[inline(always)]
    unsafe fn finish<S: Simd>(&self, simd: S, row: usize, panel: usize, sums: [S::Vector; 2]) {
        let columns = Columns::Flat { count: self.hidden };
        let at = row * self.hidden;
        for (vector, mut sum) in sums.into_iter().enumerate() {
            let span = columns.span(panel, vector, 2, S::LANES);
            unsafe {
                if !self.mask.is_null() {
                    sum = simd.mul(sum, simd.read(self.mask.add(at), span));
                }
                if self.add {
                    sum = simd.add(sum, simd.read(self.d_hidden.at(at), span));
                }
                simd.write(self.d_hidden.at(at), span, sum);
            }
        }
    }
}
