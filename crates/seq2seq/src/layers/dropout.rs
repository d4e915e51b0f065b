//! Dropout (Srivastava et al. 2014): while a network is trained, numbers are set to zero at random,
//! so that it cannot rely on any one of them.

use burn::tensor::{DType, Device, Tensor, TensorData};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// The random source of one training step.
///
/// It is made from the run's seed and the number of the step, so a run that is resumed draws the
/// same numbers as one that was never interrupted.
#[derive(Clone, Debug)]
pub struct Noise(ChaCha8Rng);

/// Sets the dropout's numbers apart from others that are drawn with the same seed.
const SALT: u64 = 0xd209_0417;

impl Noise {
    /// The random numbers of a training step.
    pub fn new(seed: u64, step: usize) -> Self {
        Self::of_part(seed, step, 0)
    }

    /// Those of a part of that step's batch.
    pub fn of_part(seed: u64, step: usize, part: usize) -> Self {
        Self(part_rng(seed ^ SALT, step, part))
    }

    /// A mask of zeros with probability `rate` (below 1) and `1 / (1 - rate)` otherwise, so that
    /// the mean of what it is multiplied by stays.
    pub fn mask<const D: usize>(
        &mut self,
        shape: [usize; D],
        rate: f64,
        (device, dtype): (&Device, DType),
    ) -> Tensor<D> {
        let values = self.values(shape.iter().product(), rate);
        Tensor::from_data(
            TensorData::new(values, shape),
            (&device.clone().inner(), dtype),
        )
    }

    /// The numbers of such a mask.
    pub fn values(&mut self, count: usize, rate: f64) -> Vec<f32> {
        // 16 bits a number: fine enough for a rate, and half the random numbers to draw.
        let mut drawn = vec![0u16; count];
        self.0.fill_bytes(bytemuck::cast_slice_mut(&mut drawn));
        let (threshold, keep) = ((rate * 65536.0) as u16, 1.0 / (1.0 - rate as f32));
        let mask = |&drawn: &u16| match u16::from_le(drawn) < threshold {
            true => 0.0,
            false => keep,
        };
        // By reference: this loop is vectorized, one that consumes the numbers is not.
        drawn.iter().map(mask).collect()
    }
}

/// Random numbers of a part of a step's batch, whatever came before it.
pub(crate) fn part_rng(seed: u64, step: usize, part: usize) -> ChaCha8Rng {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(step as u64 ^ (part as u64).rotate_right(16));
    rng
}

/// Applies dropout while training, that is, if there is noise.
pub fn dropout<const D: usize>(
    tensor: Tensor<D>,
    rate: f64,
    noise: Option<&mut Noise>,
) -> Tensor<D> {
    match noise {
        Some(noise) if rate > 0.0 => {
            let mask = noise.mask(tensor.dims(), rate, (&tensor.device(), tensor.dtype()));
            tensor * mask
        }
        _ => tensor,
    }
}

/// A rate of dropout, and the noise for it while training: what is handed through the layers of a
/// network.
#[derive(Debug)]
pub struct Dropout<'a> {
    rate: f64,
    noise: Option<&'a mut Noise>,
}

impl<'a> Dropout<'a> {
    /// Dropout of this rate; without noise nothing is ever dropped.
    pub fn new(rate: f64, noise: Option<&'a mut Noise>) -> Self {
        Self { rate, noise }
    }

    /// The tensor with some of its numbers at zero.
    pub fn apply<const D: usize>(&mut self, tensor: Tensor<D>) -> Tensor<D> {
        dropout(tensor, self.rate, self.noise.as_deref_mut())
    }
}
