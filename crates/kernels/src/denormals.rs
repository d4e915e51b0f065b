//! Numbers too small to matter.

/// Flushes denormal numbers to zero on the calling thread, so that values too small to matter do
/// not slow the arithmetic down. Does nothing on processors other than x86-64 and AArch64.
pub fn flush_denormals() {
    set_flushing(true);
}

/// Whether the calling thread flushes them.
pub fn flushes_denormals() -> bool {
    control() & FLUSH == FLUSH
}

/// Lets this thread flush them, or not.
pub(crate) fn set_flushing(flush: bool) {
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
