//! How much memory this process has needed.

/// The most memory that was in use at once, in bytes; unknown where the system does not tell.
#[cfg(unix)]
pub fn peak() -> Option<u64> {
    use nix::sys::resource::{UsageWho, getrusage};
    let peak = u64::try_from(getrusage(UsageWho::RUSAGE_SELF).ok()?.max_rss()).ok()?;
    // Apple's systems count bytes, the others kibibytes.
    Some(if cfg!(target_vendor = "apple") {
        peak
    } else {
        peak * 1024
    })
}

/// The most memory that was in use at once, in bytes; unknown where the system does not tell.
#[cfg(not(unix))]
pub fn peak() -> Option<u64> {
    None
}
