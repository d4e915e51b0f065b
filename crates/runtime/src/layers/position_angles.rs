//! Sinusoids (Vaswani et al. 2017, section 3.5) and the rotations with the same wave lengths (Su et al.
//! 2021), computed in double precision.

/// Longest wave length, over 2 pi.
const BASE: f64 = 10_000.0;

/// Position times the frequency of a pair of numbers.
fn angle(position: usize, pair: usize, pairs: usize) -> f64 {
    position as f64 * BASE.powf(-(pair as f64) / pairs as f64)
}

/// Number `at` of the `size` numbers that stand for a position: sines in the first half, cosines in the
/// second.
pub fn sinusoid(position: usize, at: usize, size: usize) -> f32 {
    let half = size.div_ceil(2);
    let angle = angle(position, at % half, half);
    (if at < half { angle.sin() } else { angle.cos() }) as f32
}

/// Cosines and sines `[positions, size / 2]` of the angles by which heads of `size` numbers are turned.
pub fn rotation_angles(positions: &[usize], size: usize) -> (Vec<f32>, Vec<f32>) {
    let half = size / 2;
    let angles = positions
        .iter()
        .flat_map(|&position| (0..half).map(move |pair| angle(position, pair, half)));
    angles
        .map(|angle| (angle.cos() as f32, angle.sin() as f32))
        .unzip()
}
