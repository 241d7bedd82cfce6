//! What an update rule is.

use std::fmt::Debug;

/// The update rule of one parameter with what it remembers of it.
pub(super) trait Rule<S>: Debug + Send {
    /// Changes the values by their gradient, which is as long.
    fn update(&mut self, values: &mut [S], gradient: &[S], learning_rate: f64, decays: bool);
    /// What it remembers, by name: buffers as long as the values, and perhaps the [`STEP`].
    fn buffers(&self) -> Vec<(&'static str, &[S])>;
    /// The same buffers in the same order, to be restored.
    fn buffers_mut(&mut self) -> Vec<&mut [S]>;
}

/// The name of the one number that counts the steps a parameter took part in.
pub(super) const STEP: &str = "step";
/// The name of a running mean of squares, which is never below 0.
pub(super) const SECOND_MOMENT: &str = "exp_avg_sq";
