//! Numbers too small to matter.

/// Runs `work` with denormal numbers flushed to zero, so that values too small to matter do not slow
/// the arithmetic down; worker threads flush them, too, while they do a part of it. The thread is then put
/// back as it was, after a panic as well. Does nothing on processors other than x86-64 and AArch64.
///
/// # Safety
/// Rust expects the default floating-point environment, and may compute at compile time what the
/// processor computes otherwise. So with every operation on floating-point numbers that `work` leads to
/// on this thread, whether in this crate or not, a denormal operand or result may count as zero or not. The
/// caller promises that no memory safety depends on which, and that the thread is its own: whoever
/// started it expects nothing of its floating-point environment before `work` is over.
pub unsafe fn with_denormals_flushed<R>(work: impl FnOnce() -> R) -> R {
    with_flushing(true, work)
}

/// Runs `work` on a thread that flushes them, or does not, and puts it back as it was.
pub(crate) fn with_flushing<R>(flush: bool, work: impl FnOnce() -> R) -> R {
    struct Restore(bool);
    impl Drop for Restore {
        fn drop(&mut self) {
            set_flushing(self.0);
        }
    }
    let _restore = Restore(flushes_denormals());
    set_flushing(flush);
    work()
}

/// Whether the calling thread flushes them.
pub(crate) fn flushes_denormals() -> bool {
    control() & FLUSH == FLUSH
}

/// Lets this thread flush them, or not.
fn set_flushing(flush: bool) {
    let control = control();
    set_control(if flush {
        control | FLUSH
    } else {
        control & !FLUSH
    });
}

// Miri knows no assembly: there nothing is flushed.

/// Flush-to-zero (15) and denormals-are-zero (6) of MXCSR.
#[cfg(all(target_arch = "x86_64", not(miri)))]
const FLUSH: u64 = (1 << 15) | (1 << 6);
/// Flush-to-zero of FPCR.
#[cfg(all(target_arch = "aarch64", not(miri)))]
const FLUSH: u64 = 1 << 24;
#[cfg(any(miri, not(any(target_arch = "x86_64", target_arch = "aarch64"))))]
const FLUSH: u64 = 1;

fn control() -> u64 {
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    {
        let mut control = 0u32;
        // SAFETY: stores this thread's MXCSR, which every x86-64 processor has.
        unsafe { std::arch::asm!("stmxcsr [{0}]", in(reg) &mut control, options(nostack)) };
        u64::from(control)
    }
    #[cfg(all(target_arch = "aarch64", not(miri)))]
    {
        let control: u64;
        // SAFETY: reads this thread's FPCR.
        unsafe { std::arch::asm!("mrs {0}, fpcr", out(reg) control, options(nomem, nostack)) };
        control
    }
    #[cfg(any(miri, not(any(target_arch = "x86_64", target_arch = "aarch64"))))]
    0
}

#[allow(unused_variables)]
fn set_control(control: u64) {
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    {
        let control = control as u32;
        // SAFETY: sets this thread's MXCSR to what it was, but for the bits of `FLUSH`: rounding and
        // exception masks stay as they are.
        unsafe { std::arch::asm!("ldmxcsr [{0}]", in(reg) &control, options(nostack, readonly)) };
    }
    #[cfg(all(target_arch = "aarch64", not(miri)))]
    // SAFETY: sets this thread's FPCR to what it was, but for the bit of `FLUSH`.
    unsafe {
        std::arch::asm!("msr fpcr, {0}", in(reg) control, options(nomem, nostack));
    }
}

#[cfg(all(test, any(target_arch = "x86_64", target_arch = "aarch64"), not(miri)))]
mod tests {
    use std::hint::black_box;
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use super::*;
    use crate::threads::{for_each, with_threads};

    /// Whether arithmetic on this thread flushes a denormal number.
    fn flushes() -> bool {
        black_box(f32::MIN_POSITIVE) * black_box(0.5) == 0.0
    }

    fn flushed<R>(work: impl FnOnce() -> R) -> R {
        // SAFETY: the tests compare numbers, and no memory safety depends on them.
        unsafe { with_denormals_flushed(work) }
    }

    #[test]
    fn a_thread_is_put_back_as_it_was() {
        assert!(!flushes());
        flushed(|| {
            assert!(flushes());
            flushed(|| assert!(flushes()));
            assert!(flushes(), "what was flushed around it is flushed after it");
        });
        assert!(!flushes());
        let panic = || flushed(|| panic!("on purpose"));
        assert!(catch_unwind(AssertUnwindSafe(panic)).is_err());
        assert!(!flushes());
    }

    #[test]
    fn worker_threads_flush_what_their_work_asks_for() {
        with_threads(4, || {
            for _ in 0..20 {
                flushed(|| for_each(8, |_| assert!(flushes())));
                for_each(8, |_| assert!(!flushes()));
            }
        });
    }
}
