//! The two precisions: `f32` by the fast path, `f64` by the plain one.

use crate::problem::{Gradients, Layout, Problem, Saved, SavedRef};
use crate::{plain, recurrence};

/// `f32`, which is fast, or `f64`, which is for gradient checks. Sealed.
pub trait Float: Number {}

impl Float for f32 {}
impl Float for f64 {}

/// What the recurrences need of a number; not nameable outside, which seals [`Float`].
pub trait Number:
    Copy
    + Send
    + Sync
    + Default
    + PartialEq
    + std::fmt::Debug
    + std::ops::Add<Output = Self>
    + std::ops::Sub<Output = Self>
    + std::ops::Mul<Output = Self>
    + std::ops::AddAssign
    + 'static
{
    /// Zero.
    const ZERO: Self;
    /// One.
    const ONE: Self;
    /// The logistic function.
    fn sigmoid(self) -> Self;
    /// The hyperbolic tangent.
    fn tanh(self) -> Self;
    /// See [`crate::infer`].
    fn infer(problem: &Problem<Self>, layout: Layout) -> Vec<Self>;
    /// See [`crate::forward`].
    fn forward(problem: &Problem<Self>, layout: Layout) -> (Vec<Self>, Saved<Self>);
    /// See [`crate::backward`].
    fn backward(
        problem: &Problem<Self>,
        layout: Layout,
        output: &[Self],
        saved: SavedRef<Self>,
        d_output: &[Self],
    ) -> Gradients<Self>;
}

macro_rules! number {
    ($float:ty, $path:ident) => {
        impl Number for $float {
            const ZERO: Self = 0.0;
            const ONE: Self = 1.0;
            fn sigmoid(self) -> Self {
                1.0 / (1.0 + (-self).exp())
            }
            fn tanh(self) -> Self {
                <$float>::tanh(self)
            }
            fn infer(problem: &Problem<Self>, layout: Layout) -> Vec<Self> {
                $path::infer(problem, layout)
            }
            fn forward(problem: &Problem<Self>, layout: Layout) -> (Vec<Self>, Saved<Self>) {
                $path::forward(problem, layout)
            }
            fn backward(
                problem: &Problem<Self>,
                layout: Layout,
                output: &[Self],
                saved: SavedRef<Self>,
                d_output: &[Self],
            ) -> Gradients<Self> {
                $path::backward(problem, layout, output, saved, d_output)
            }
        }
    };
}

number!(f32, recurrence);
number!(f64, plain);

/// Runs the recurrence and keeps nothing but the output.
///
/// # Panics
/// If a slice is not as long as the sizes ask for, a length exceeds the steps, or an id lies outside
/// the table.
pub fn infer<T: Float>(problem: &Problem<T>, layout: Layout) -> Vec<T> {
    T::infer(problem, layout)
}

/// Runs the recurrence and keeps what [`backward`] needs.
///
/// # Panics
/// As [`infer`].
pub fn forward<T: Float>(problem: &Problem<T>, layout: Layout) -> (Vec<T>, Saved<T>) {
    T::forward(problem, layout)
}

/// Gradients of everything that the recurrence read, given what [`forward`] returned for the same
/// problem and layout, and the gradient of its output.
///
/// # Panics
/// As [`infer`], and if a slice is not as long as that of [`forward`].
pub fn backward<T: Float>(
    problem: &Problem<T>,
    layout: Layout,
    output: &[T],
    saved: SavedRef<T>,
    d_output: &[T],
) -> Gradients<T> {
    T::backward(problem, layout, output, saved, d_output)
}
