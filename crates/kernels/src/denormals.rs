//! Numbers too small to matter.

/// Flushes denormal numbers to zero on the calling thread, so that values too small to matter do
/// not slow the arithmetic down. Does nothing on processors other than x86-64 and AArch64.
pub fn flush_denormals() {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: sets the flush-to-zero (15) and denormals-are-zero (6) bits of this thread's MXCSR,
    // which every x86-64 processor has; rounding and exception masks stay as they are.
    unsafe {
        let mut control = 0u32;
        std::arch::asm!("stmxcsr [{0}]", in(reg) &mut control, options(nostack));
        control |= (1 << 15) | (1 << 6);
        std::arch::asm!("ldmxcsr [{0}]", in(reg) &control, options(nostack, readonly));
    }
    #[cfg(target_arch = "aarch64")]
    // SAFETY: sets the flush-to-zero bit (24) of this thread's FPCR and nothing else.
    unsafe {
        let mut control: u64;
        std::arch::asm!("mrs {0}, fpcr", out(reg) control, options(nomem, nostack));
        control |= 1 << 24;
        std::arch::asm!("msr fpcr, {0}", in(reg) control, options(nomem, nostack));
    }
}
