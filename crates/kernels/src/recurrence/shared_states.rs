//! Sequences that continue from the same state, as the continuations of one hypothesis do in a beam
//! search. Their next recurrent product is the same, so it is computed once per state. The result is the
//! same to the last bit as computing it for each sequence.

use std::collections::HashMap;

use super::shared_prefixes::Groups;
use crate::columns::Packed;
use crate::memory::{Scratch, Shared};
use crate::simd::{Simd, dispatch};
use crate::tile::{Epilogue, RowsProduct};

/// Rows of a batch, grouped by h.
pub(crate) struct SharedStates(pub Groups);

impl SharedStates {
    /// Those among `rows` of a state `[batch, hidden]`; none if all are different.
    pub fn new(rows: &[u32], state: &[f32], hidden: usize) -> Option<Self> {
        let h = |row: u32| &state[row as usize * hidden..][..hidden];
        let key = |row: u32| h(row).iter().take(4).fold(0, mix);
        let mut groups = Groups {
            first: Vec::new(),
            group: vec![0; state.len() / hidden],
        };
        // A row that resembles another and is not the same counts as one of a new group.
        let mut known = HashMap::with_capacity(rows.len());
        for &row in rows {
            let new = groups.first.len() as u32;
            let group = *known.entry(key(row)).or_insert(new);
            let same = groups.first.get(group as usize).copied().map(h) == Some(h(row));
            groups.group[row as usize] = if same { group } else { new };
            if !same {
                groups.first.push(row);
            }
        }
        (groups.first.len() < rows.len()).then_some(Self(groups))
    }

    /// The product for all rows.
    pub fn multiply<E: Epilogue<NV> + Sync, const NV: usize>(
        &self,
        rows: &[u32],
        depth: usize,
        right: &Packed,
        epilogue: &E,
    ) {
        let width = right.row_sums();
        let mut sums = Scratch::new(self.0.first.len() * width);
        let sums = GroupSums {
            shared_states: self,
            values: Shared(sums.pointer()),
            width,
            epilogue,
        };
        dispatch(RowsProduct {
            rows: &self.0.first,
            depth,
            left_step: 1,
            right,
            epilogue: Keep(&sums),
        });
        dispatch(RowsProduct {
            rows,
            depth: 0,
            left_step: 1,
            right,
            epilogue: Take(&sums),
        });
    }
}

/// A hash of numbers, one after the other.
fn mix(hash: u64, value: &f32) -> u64 {
    (hash ^ u64::from(value.to_bits())).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

/// The sums of each group, panel after panel, on their way to the epilogue.
struct GroupSums<'a, E> {
    shared_states: &'a SharedStates,
    values: Shared,
    /// Sums of a group.
    width: usize,
    epilogue: &'a E,
}

impl<E> GroupSums<'_, E> {
    /// Those of a row at a panel of `panel_width` sums.
    ///
    /// # Safety
    /// Row and panel are those of the product.
    #[inline(always)]
    unsafe fn at(&self, row: usize, panel: usize, panel_width: usize) -> *mut f32 {
        let group = self.shared_states.0.group[row] as usize;
        // SAFETY: there are `width` sums of each group, which all panels share.
        unsafe { self.values.at(group * self.width + panel * panel_width) }
    }
}

/// Writes the sums of each group down.
struct Keep<'a, E>(&'a GroupSums<'a, E>);

/// Takes up the sums of each row's group, in place of a product.
struct Take<'a, E>(&'a GroupSums<'a, E>);

impl<E: Epilogue<NV>, const NV: usize> Epilogue<NV> for Keep<'_, E> {
    #[inline(always)]
    unsafe fn left(&self, row: usize) -> *const f32 {
        // SAFETY: what the caller promises.
        unsafe { self.0.epilogue.left(row) }
    }

    #[inline(always)]
    unsafe fn start<S: Simd>(&self, simd: S, row: usize, panel: usize) -> [S::Vector; NV] {
        // SAFETY: what the caller promises.
        unsafe { self.0.epilogue.start(simd, row, panel) }
    }

    #[inline(always)]
    unsafe fn finish<S: Simd>(&self, simd: S, row: usize, panel: usize, sums: [S::Vector; NV]) {
        // SAFETY: a panel has `NV` vectors of sums; each group belongs to one thread.
        unsafe {
            let to = self.0.at(row, panel, NV * S::LANES);
            for (vector, &sum) in sums.iter().enumerate() {
                simd.store(to.add(vector * S::LANES), sum);
            }
        }
    }
}

impl<E: Epilogue<NV>, const NV: usize> Epilogue<NV> for Take<'_, E> {
    #[inline(always)]
    unsafe fn left(&self, row: usize) -> *const f32 {
        // SAFETY: what the caller promises.
        unsafe { self.0.epilogue.left(row) }
    }

    #[inline(always)]
    unsafe fn start<S: Simd>(&self, simd: S, row: usize, panel: usize) -> [S::Vector; NV] {
        let mut sums = [simd.splat(0.0); NV];
        // SAFETY: as in `Keep`, which has written them.
        unsafe {
            let from = self.0.at(row, panel, NV * S::LANES);
            for (vector, sum) in sums.iter_mut().enumerate() {
                *sum = simd.load(from.add(vector * S::LANES));
            }
        }
        sums
    }

    #[inline(always)]
    unsafe fn finish<S: Simd>(&self, simd: S, row: usize, panel: usize, sums: [S::Vector; NV]) {
        // SAFETY: what the caller promises.
        unsafe { self.0.epilogue.finish(simd, row, panel, sums) }
    }
}
