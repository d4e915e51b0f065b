//! Which vectors the processor has.

use std::fmt;
use std::sync::OnceLock;

/// Instructions that the kernels are compiled for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// Whatever the target of the build has: SSE2 on x86-64.
    Portable,
    /// AVX2 and FMA: eight lanes.
    Avx2,
    /// AVX-512 F: sixteen lanes.
    Avx512,
    /// The same with AVX512-BF16: products of bf16 numbers, two a lane.
    Avx512Bf16,
    /// NEON: four lanes.
    Neon,
}

/// The environment variable that names a level.
const VARIABLE: &str = "RNN_KERNELS_SIMD";

/// `RNN_KERNELS_SIMD` names no level that the processor has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownLevel {
    /// What it says.
    pub asked: String,
}

impl Level {
    /// The name that `RNN_KERNELS_SIMD` knows it by.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Portable => "portable",
            Self::Avx2 => "avx2",
            Self::Avx512 => "avx512",
            Self::Avx512Bf16 => "avx512bf16",
            Self::Neon => "neon",
        }
    }

    /// The level that the kernels run at: what [`from_environment`](Self::from_environment) gave when it
    /// was first asked for.
    ///
    /// # Panics
    /// If the environment names no level that the processor has, as all kernels do then.
    pub fn detected() -> Self {
        level()
    }

    /// The best that the processor has, or what the environment variable `RNN_KERNELS_SIMD` names.
    ///
    /// # Errors
    /// If it names no level that the processor has.
    pub fn from_environment() -> Result<Self, UnknownLevel> {
        match std::env::var_os(VARIABLE) {
            Some(asked) if !asked.is_empty() => Self::named(&asked.to_string_lossy()),
            _ => Ok(Self::available()[0]),
        }
    }

    /// The level of a name, if the processor has it.
    fn named(asked: &str) -> Result<Self, UnknownLevel> {
        let mut levels = Self::available().into_iter();
        let level = levels.find(|level| level.name() == asked);
        level.ok_or_else(|| UnknownLevel {
            asked: asked.to_owned(),
        })
    }

    /// Levels that the processor has, the best first.
    pub fn available() -> Vec<Self> {
        let mut levels = Vec::new();
        #[cfg(target_arch = "x86_64")]
        {
            let avx2 = is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma");
            let avx512 = avx2 && is_x86_feature_detected!("avx512f");
            // Miri knows no instruction that is written as such.
            if avx512 && is_x86_feature_detected!("avx512bf16") && !cfg!(miri) {
                levels.push(Self::Avx512Bf16);
            }
            if avx512 {
                levels.push(Self::Avx512);
            }
            if avx2 {
                levels.push(Self::Avx2);
            }
        }
        #[cfg(target_arch = "aarch64")]
        if std::arch::is_aarch64_feature_detected!("neon") && !cfg!(miri) {
            levels.push(Self::Neon);
        }
        levels.push(Self::Portable);
        levels
    }
}

impl fmt::Display for UnknownLevel {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let levels = Level::available().into_iter().map(Level::name);
        let levels = levels.collect::<Vec<_>>().join(", ");
        write!(
            formatter,
            "{VARIABLE}={:?} is no SIMD level of this processor. It has: {levels}",
            self.asked
        )
    }
}

impl std::error::Error for UnknownLevel {}

/// [`Level::detected`], for the kernels.
#[inline]
pub(crate) fn level() -> Level {
    static LEVEL: OnceLock<Level> = OnceLock::new();
    *LEVEL.get_or_init(|| Level::from_environment().unwrap_or_else(|error| panic!("{error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_level_has_a_name_and_no_other_is_known() {
        for level in Level::available() {
            assert_eq!(Level::named(level.name()), Ok(level));
        }
        for unknown in ["avx3", "AVX2", " portable", "sse2", ""] {
            let error = Level::named(unknown).unwrap_err();
            let message = error.to_string();
            assert!(
                message.contains(&format!("{unknown:?} is no SIMD level")),
                "{message}"
            );
            assert!(message.ends_with("portable"), "{message}");
        }
    }
}
