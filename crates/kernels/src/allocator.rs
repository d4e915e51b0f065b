//! An option of mimalloc, for programs that have it as their allocator.

use std::ffi::{c_int, c_long};

// Brings the library in whose functions these are.
use libmimalloc_sys as _;

/// `mi_option_purge_delay` of version 2.
const PURGE_DELAY: c_int = 15;

unsafe extern "C" {
    fn mi_option_set(option: c_int, value: c_long);
    #[cfg(test)]
    fn mi_option_get(option: c_int) -> c_long;
}

/// Lets mimalloc keep freed memory for a second before it goes back to the system, instead of ten
/// milliseconds, which is less than a training step: every batch would ask for its pages anew.
pub fn keep_freed_memory() {
    // SAFETY: sets a number of a table under its own index; the library may be used by other threads,
    // which see the old one or the new.
    unsafe { mi_option_set(PURGE_DELAY, 1000) };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_option_is_the_one_that_is_meant() {
        // SAFETY: as above.
        assert_eq!(unsafe { mi_option_get(PURGE_DELAY) }, 10);
        keep_freed_memory();
        // SAFETY: as above.
        assert_eq!(unsafe { mi_option_get(PURGE_DELAY) }, 1000);
    }
}
