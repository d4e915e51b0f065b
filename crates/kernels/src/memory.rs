//! Scratch memory that is kept across calls, results that are written before they are read, and
//! pointers that threads share.

use std::cell::RefCell;

/// A cache line, so that buffers start at one.
#[repr(C, align(64))]
#[derive(Clone, Copy)]
struct Line([f32; 16]);

thread_local! {
    /// Buffers of this thread that nobody uses at present.
    static IDLE: RefCell<Vec<Vec<Line>>> = const { RefCell::new(Vec::new()) };
}

/// A buffer whose contents are arbitrary numbers until they are written. It goes back to the
/// thread that drops it, so that calls one after the other touch the same pages.
pub(crate) struct Scratch {
    lines: Vec<Line>,
    len: usize,
}

impl Scratch {
    /// Takes the smallest idle buffer that holds `len` numbers, or makes one in place of the largest
    /// that does not: batches of growing lengths leave nothing behind. One of no numbers takes none.
    pub fn new(len: usize) -> Self {
        let needed = len.div_ceil(16);
        if needed == 0 {
            return Self { lines: vec![], len };
        }
        let found = IDLE.with_borrow_mut(|idle| {
            let fits = idle
                .iter()
                .enumerate()
                .filter(|(_, lines)| lines.len() >= needed);
            if let Some((best, _)) = fits.min_by_key(|(_, lines)| lines.len()) {
                return Some(idle.swap_remove(best));
            }
            let largest = (0..idle.len()).max_by_key(|&index| idle[index].len())?;
            drop(idle.swap_remove(largest));
            None
        });
        let lines = found.unwrap_or_else(|| vec![Line([0.0; 16]); needed]);
        Self { lines, len }
    }

    /// A buffer of zeros.
    pub fn zeros(len: usize) -> Self {
        let mut scratch = Self::new(len);
        scratch.values().fill(0.0);
        scratch
    }

    pub fn values(&mut self) -> &mut [f32] {
        // SAFETY: the buffer holds at least `len` numbers, all of them initialised, and a line is
        // an array of them without padding.
        unsafe { std::slice::from_raw_parts_mut(self.lines.as_mut_ptr().cast(), self.len) }
    }

    pub fn values_ref(&self) -> &[f32] {
        // SAFETY: as for `values`.
        unsafe { std::slice::from_raw_parts(self.lines.as_ptr().cast(), self.len) }
    }

    pub fn pointer(&mut self) -> *mut f32 {
        self.lines.as_mut_ptr().cast()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        /// Buffers that a thread keeps; the smallest goes when there are more.
        const KEPT: usize = 16;
        let lines = std::mem::take(&mut self.lines);
        if lines.is_empty() {
            return;
        }
        // The thread may be past the destruction of its buffers: then this one is freed too.
        let _ = IDLE.try_with(|idle| {
            let mut idle = idle.borrow_mut();
            idle.push(lines);
            if idle.len() > KEPT
                && let Some(smallest) = (0..idle.len()).min_by_key(|&index| idle[index].len())
            {
                idle.swap_remove(smallest);
            }
        });
    }
}

/// A vector under construction, which is not zeroed first.
pub(crate) struct Fresh {
    values: Vec<f32>,
    len: usize,
}

impl Fresh {
    pub fn new(len: usize) -> Self {
        Self {
            values: Vec::with_capacity(len),
            len,
        }
    }

    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    pub fn pointer(&mut self) -> Shared {
        Shared(self.values.as_mut_ptr())
    }

    /// The finished vector.
    ///
    /// # Safety
    /// Every number has been written.
    pub unsafe fn finish(mut self) -> Vec<f32> {
        // SAFETY: the capacity is `len`, and the caller promises that all of it is initialised.
        unsafe { self.values.set_len(self.len) };
        self.values
    }
}

/// A pointer for several threads, each of which writes places of its own.
#[derive(Clone, Copy)]
pub(crate) struct Shared(pub *mut f32);

// SAFETY: whoever reads or writes through the pointer does so in an `unsafe` block whose argument
// includes the other threads.
unsafe impl Send for Shared {}
// SAFETY: as above.
unsafe impl Sync for Shared {}

impl Shared {
    /// The pointer moved on by `count` numbers.
    ///
    /// # Safety
    /// The result lies in the same buffer or at its end.
    #[inline(always)]
    pub unsafe fn at(self, count: usize) -> *mut f32 {
        // SAFETY: what the caller promises.
        unsafe { self.0.add(count) }
    }
}
