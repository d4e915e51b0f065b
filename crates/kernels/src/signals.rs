//! A signal of Unix that programs do not expect.

/// Lets writes beyond the limit of a file's size (`ulimit -f`) fail with an error, which can be told,
/// instead of ending the program without a word. On systems where the signal may have another number,
/// nothing is done.
pub fn ignore_file_size_signal() {
    #[cfg(all(unix, any(target_arch = "x86_64", target_arch = "aarch64")))]
    {
        /// `SIGXFSZ` of Linux, the BSDs and Apple's systems.
        const FILE_SIZE: std::ffi::c_int = 25;
        /// `SIG_IGN`.
        const IGNORE: usize = 1;
        unsafe extern "C" {
            fn signal(number: std::ffi::c_int, handler: usize) -> usize;
        }
        // SAFETY: `signal` takes a signal and what to do about it. To ignore it is always allowed, and no
        // code of ours runs in a handler. The standard library ignores `SIGPIPE` in the same way.
        unsafe { signal(FILE_SIZE, IGNORE) };
    }
}
