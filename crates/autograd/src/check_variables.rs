//! Gradients of the tape against finite differences.

use crate::check::check_gradients_with;
use crate::{CheckOptions, GradientMismatch, Tape, Var, Worst};
use adaptune_tensor::Seed;
use ndarray::{Array, ArrayD, Dimension, IxDyn};

/// Checks the gradients of `f` with respect to every input, with the default [`CheckOptions`].
///
/// `f` may give an array `y` of any shape: what is checked is `Σ c ∘ y` with fixed random weights `c`.
/// For each input the element that is furthest off is given, by its place in row-major order.
///
/// ```
/// use adaptune_autograd::{check_variables, ndarray::{arr1, arr2}};
/// let inputs = [arr2(&[[0.3, -1.2], [2.0, 0.7]]).into_dyn(), arr1(&[1.5, 0.4]).into_dyn()];
/// let worst = check_variables(&inputs, |x| (&x[0] * &x[1]).exp())?;
/// assert!(worst.iter().all(|worst| worst.error < 1e-9));
///
/// // What is detached does change the result, which its missing gradient denies.
/// let message = check_variables(&inputs, |x| &x[0] * x[1].detach()).unwrap_err().to_string();
/// assert!(message.starts_with("input 1, place [0]: gradient of element 0 is 0, but"), "{message}");
/// # Ok::<(), adaptune_autograd::GradientMismatch>(())
/// ```
///
/// # Errors
/// If a derivative is off by more than the tolerance; the first such input is reported, with its
/// worst element. If the result depends on no input.
pub fn check_variables<D: Dimension>(
    inputs: &[ArrayD<f64>],
    f: impl Fn(&[Var<f64, IxDyn>]) -> Var<f64, D>,
) -> Result<Vec<Worst>, GradientMismatch> {
    check_variables_with(CheckOptions::default(), inputs, f)
}

/// [`check_variables`] with the given options.
///
/// # Errors
/// As [`check_variables`].
pub fn check_variables_with<D: Dimension>(
    options: CheckOptions,
    inputs: &[ArrayD<f64>],
    f: impl Fn(&[Var<f64, IxDyn>]) -> Var<f64, D>,
) -> Result<Vec<Worst>, GradientMismatch> {
    let gradients = gradients(inputs, &f)?;
    let check = |(input, gradient): (usize, &ArrayD<f64>)| {
        let along = |point: &[f64]| {
            let y = f(&with_input(inputs, input, point));
            (&y.value() * &weights(y.raw_dim())).sum()
        };
        let (point, gradient) = (elements(&inputs[input]), elements(gradient));
        let result = check_gradients_with(options, along, &point, &gradient);
        result.map_err(|mismatch| mismatch.of_input(input, inputs[input].shape()))
    };
    gradients.iter().enumerate().map(check).collect()
}

/// What the tape says. An input that it finds no way to has derivatives of 0, which the differences may deny.
fn gradients<D: Dimension>(
    inputs: &[ArrayD<f64>],
    f: impl Fn(&[Var<f64, IxDyn>]) -> Var<f64, D>,
) -> Result<Vec<ArrayD<f64>>, GradientMismatch> {
    let tape = Tape::new();
    let variables: Vec<_> = inputs.iter().map(|input| tape.variable(input.clone())).collect();
    let y = f(&variables);
    let mut gradients = y.backward_from(weights(y.raw_dim()))?;
    let gradient =
        |variable: &Var<f64, IxDyn>| gradients.take(variable).unwrap_or_else(|| ArrayD::zeros(variable.shape()));
    Ok(variables.iter().map(gradient).collect())
}

/// The inputs as constants, one of them moved to another point.
fn with_input(inputs: &[ArrayD<f64>], input: usize, point: &[f64]) -> Vec<Var<f64, IxDyn>> {
    let mut inputs = inputs.to_vec();
    inputs[input].iter_mut().zip(point).for_each(|(x, p)| *x = *p);
    inputs.into_iter().map(Var::constant).collect()
}

/// Numbers of both signs, none of them near 0.
fn weights<D: Dimension>(shape: D) -> Array<f64, D> {
    let seed = Seed::new(1).named("weights");
    let weight = |i| if seed.at(i).bits(0) & 1 == 0 { 0.5 + seed.unit(i) } else { -0.5 - seed.unit(i) };
    let weights = (0..shape.size() as u64).map(weight).collect();
    Array::from_shape_vec(shape, weights).expect("as many as the shape has")
}

fn elements(array: &ArrayD<f64>) -> Vec<f64> {
    array.iter().copied().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{BackwardError, record};
    use ndarray::{arr1, arr2};

    /// `y = 3x`, with a gradient that is off by 0.5 at one place.
    fn wrong_at(x: &Var<f64, IxDyn>, place: [usize; 2]) -> Var<f64, IxDyn> {
        record(x, |_| {
            let backward = move |d_y: ArrayD<f64>| {
                let mut d_x = d_y * 3.0;
                d_x[place.as_slice()] += 0.5;
                d_x
            };
            (&x.value() * 3.0, backward)
        })
    }

    #[test]
    fn a_wrong_gradient_is_found_where_it_is() {
        let inputs = [arr1(&[0.2, -1.0, 0.7]).into_dyn(), arr2(&[[0.3, -1.2, 0.4], [2.0, 0.7, -0.6]]).into_dyn()];
        match check_variables(&inputs, |x| &x[0] * wrong_at(&x[1], [1, 2])) {
            Err(GradientMismatch::Input { input, place, mismatch }) => {
                assert_eq!((input, place), (1, vec![1, 2]));
                let GradientMismatch::Element { worst, .. } = *mismatch else { panic!("{mismatch}") };
                assert!((worst.gradient - worst.differences - 0.5).abs() < 1e-9, "{worst:?}");
            }
            other => panic!("it passed: {other:?}"),
        }
        let worst = check_variables(&inputs, |x| &x[0] * &x[1]).expect("this gradient is right");
        assert_eq!(worst.len(), 2);
    }

    #[test]
    fn a_result_without_gradients_is_no_success() {
        let result = check_variables(&[arr1(&[1.0]).into_dyn()], |x| x[0].detach());
        assert!(matches!(result, Err(GradientMismatch::Backward(BackwardError::Constant))));
    }
}
