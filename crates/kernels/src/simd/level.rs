//! Which vectors the processor has.

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
    /// NEON: four lanes.
    Neon,
}

impl Level {
    /// The name that `RNN_KERNELS_SIMD` knows it by.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Portable => "portable",
            Self::Avx2 => "avx2",
            Self::Avx512 => "avx512",
            Self::Neon => "neon",
        }
    }

    /// The best that the processor has, or what the environment variable `RNN_KERNELS_SIMD` names,
    /// if the processor has that. It is looked up once a process.
    pub fn detected() -> Self {
        level()
    }

    /// Levels that the processor has, the best first.
    pub fn available() -> Vec<Self> {
        let mut levels = Vec::new();
        #[cfg(target_arch = "x86_64")]
        {
            let avx2 = is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma");
            if avx2 && is_x86_feature_detected!("avx512f") {
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

/// [`Level::detected`], for the kernels.
#[inline]
pub(crate) fn level() -> Level {
    static LEVEL: OnceLock<Level> = OnceLock::new();
    *LEVEL.get_or_init(|| {
        let asked = std::env::var("RNN_KERNELS_SIMD").unwrap_or_default();
        let available = Level::available();
        let named = available.iter().find(|level| level.name() == asked);
        *named.unwrap_or(&available[0])
    })
}
