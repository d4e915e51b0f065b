//! The precision of products, set for all operations of a training step.
//!
//! It is a property of the step, not of any layer. An operation asks for it once, when it is applied, and
//! keeps it for its backward pass.

use std::cell::Cell;

use rnn_kernels::Precision;

thread_local! {
    static PRECISION: Cell<Precision> = const { Cell::new(Precision::Single) };
}

/// Runs `work`, whose operations on this thread multiply in a precision.
pub fn with_precision<R>(precision: Precision, work: impl FnOnce() -> R) -> R {
    /// Puts back what was set before, even after a panic.
    struct Restore(Precision);
    impl Drop for Restore {
        fn drop(&mut self) {
            PRECISION.set(self.0);
        }
    }
    let _restore = Restore(PRECISION.replace(precision));
    work()
}

/// The precision in which operations of this thread multiply: single unless [`with_precision`] says otherwise.
pub(super) fn precision() -> Precision {
    PRECISION.get()
}
