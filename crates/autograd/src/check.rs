//! Gradients against finite differences, in double precision.

use crate::BackwardError;
use thiserror::Error;

/// How a gradient is checked.
#[derive(Clone, Copy, Debug)]
pub struct CheckOptions {
    /// `h`, the step of the differences, relative to elements larger than 1.
    pub step: f64,
    /// The largest error that passes, relative to derivatives larger than `scale`.
    pub tolerance: f64,
    /// Derivatives below this are compared absolutely, to `tolerance · scale`.
    pub scale: f64,
}

impl Default for CheckOptions {
    fn default() -> Self {
        Self { step: 1e-3, tolerance: 1e-7, scale: 1.0 }
    }
}

/// The element where a gradient and the finite differences are furthest apart.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Worst {
    /// Its index.
    pub index: usize,
    /// What the gradient says.
    pub gradient: f64,
    /// What the differences say.
    pub differences: f64,
    /// The error, relative as [`CheckOptions`] says; NaN counts as infinite.
    pub error: f64,
}

/// A gradient that does not follow its function.
#[derive(Debug, Error)]
pub enum GradientMismatch {
    /// An element differs by more than the tolerance.
    #[error(
        "gradient of element {} is {}, but finite differences give {} (error {:.2e}, at most {tolerance:.0e} allowed): \
         the backward function does not belong to this forward function",
        worst.index, worst.gradient, worst.differences, worst.error
    )]
    Element {
        /// The worst element.
        worst: Worst,
        /// What was allowed.
        tolerance: f64,
    },
    /// The gradient has another length than the point.
    #[error(
        "the gradient has {gradient} elements, but the function takes {point}: pass one derivative for each element"
    )]
    Length {
        /// Elements of the gradient.
        gradient: usize,
        /// Elements of the point.
        point: usize,
    },
    /// One of several inputs has a gradient that is off.
    #[error("input {input}, place {place:?}: {mismatch}")]
    Input {
        /// Its number.
        input: usize,
        /// Where in it the worst element stands: an index for each axis.
        place: Vec<usize>,
        /// How far off it is.
        #[source]
        mismatch: Box<GradientMismatch>,
    },
    /// The tape had no gradients to check.
    #[error("there are no gradients to check: {0}")]
    Backward(#[from] BackwardError),
}

impl GradientMismatch {
    /// Says which input, of which shape, this is about.
    pub(crate) fn of_input(self, input: usize, shape: &[usize]) -> Self {
        let index = if let Self::Element { worst, .. } = &self { worst.index } else { 0 };
        Self::Input { input, place: place(index, shape), mismatch: Box::new(self) }
    }
}

/// Element `index` in row-major order as an index for each axis.
fn place(index: usize, shape: &[usize]) -> Vec<usize> {
    let mut rest = index;
    let mut place: Vec<usize> = shape
        .iter()
        .rev()
        .map(|length| {
            let along = rest % length;
            rest /= length;
            along
        })
        .collect();
    place.reverse();
    place
}

/// Checks that `gradient` is the derivative of `f` at `point`, with the default [`CheckOptions`].
///
/// ```
/// use adaptune_autograd::check_gradients;
/// let f = |x: &[f64]| x[0] * x[1].sin();
/// let (a, b) = (2.0_f64, 0.7_f64);
/// let worst = check_gradients(f, &[a, b], &[b.sin(), a * b.cos()])?;
/// assert!(worst.error < 1e-9);
/// assert!(check_gradients(f, &[a, b], &[b.sin(), a * b.sin()]).is_err());
/// # Ok::<(), adaptune_autograd::GradientMismatch>(())
/// ```
///
/// # Errors
/// If a derivative is off by more than the tolerance; the worst element is reported.
pub fn check_gradients(
    f: impl FnMut(&[f64]) -> f64,
    point: &[f64],
    gradient: &[f64],
) -> Result<Worst, GradientMismatch> {
    check_gradients_with(CheckOptions::default(), f, point, gradient)
}

/// Checks a gradient with the given options.
///
/// The differences are central and of fourth order,
/// `f' ≈ (8 (f(x+h) − f(x−h)) − (f(x+2h) − f(x−2h))) / 12h`, so that a step as large as 1e-3 leaves
/// an error near 1e-12 and rounding stays small beside it. Functions with a kink (ReLU) must not be
/// checked within `2h` of it.
///
/// # Errors
/// As [`check_gradients`].
pub fn check_gradients_with(
    options: CheckOptions,
    mut f: impl FnMut(&[f64]) -> f64,
    point: &[f64],
    gradient: &[f64],
) -> Result<Worst, GradientMismatch> {
    if gradient.len() != point.len() {
        return Err(GradientMismatch::Length { gradient: gradient.len(), point: point.len() });
    }
    let mut x = point.to_vec();
    let mut worst = Worst { index: 0, gradient: 0.0, differences: 0.0, error: 0.0 };
    for (index, &gradient) in gradient.iter().enumerate() {
        let differences = central_difference(&mut f, &mut x, index, options.step);
        let error = relative_error(gradient, differences, options.scale);
        if error > worst.error {
            worst = Worst { index, gradient, differences, error };
        }
    }
    if worst.error <= options.tolerance {
        Ok(worst)
    } else {
        Err(GradientMismatch::Element { worst, tolerance: options.tolerance })
    }
}

fn central_difference(f: &mut impl FnMut(&[f64]) -> f64, x: &mut [f64], index: usize, step: f64) -> f64 {
    let centre = x[index];
    let h = step * centre.abs().max(1.0);
    let mut at = |offset: f64| {
        x[index] = centre + offset * h;
        f(x)
    };
    let (near, far) = (at(1.0) - at(-1.0), at(2.0) - at(-2.0));
    x[index] = centre;
    (8.0 * near - far) / (12.0 * h)
}

fn relative_error(gradient: f64, differences: f64, scale: f64) -> f64 {
    let error = (gradient - differences).abs() / gradient.abs().max(differences.abs()).max(scale);
    if error.is_nan() { f64::INFINITY } else { error }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_right_gradient_passes_and_a_wrong_one_is_found(
            x in proptest::collection::vec(-3.0f64..3.0, 1..6), wrong in 0usize..6, by in 1e-4f64..1.0
        ) {
            let f = |x: &[f64]| x.iter().enumerate().map(|(i, v)| (v * (i + 1) as f64 * 0.3).exp()).sum::<f64>();
            let mut gradient: Vec<f64> =
                x.iter().enumerate().map(|(i, v)| { let c = (i + 1) as f64 * 0.3; c * (v * c).exp() }).collect();
            prop_assert!(check_gradients(f, &x, &gradient).is_ok());
            let wrong = wrong % x.len();
            gradient[wrong] += by * gradient[wrong].abs().max(1.0);
            match check_gradients(f, &x, &gradient) {
                Err(GradientMismatch::Element { worst, .. }) => prop_assert_eq!(worst.index, wrong),
                other => prop_assert!(false, "passed: {other:?}"),
            }
        }
    }

    #[test]
    fn nan_and_a_wrong_length_fail() {
        assert!(check_gradients(|x| x[0], &[1.0], &[f64::NAN]).is_err());
        assert!(check_gradients(|_| f64::NAN, &[1.0], &[1.0]).is_err());
        assert!(matches!(check_gradients(|x| x[0], &[1.0], &[]), Err(GradientMismatch::Length { .. })));
    }
}
