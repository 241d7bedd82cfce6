//! The bottleneck in forty lines: two linear layers with a ReLU between them, and nothing that is optional.
//!
//! It is what the book explains, and the oracle of [`layer`](super::layer), which computes the same with every option at rest.
//! Formulas and shapes are there, and derived in the book's chapter on gradients.

use adaptune_tensor::{Scalar, matmul};
use ndarray::{Array1, Array2, Axis};

// ANCHOR: plain
/// A bottleneck's parameters; of the same type are their gradients.
#[derive(Clone, Debug, PartialEq)]
pub struct PlainBottleneck<S> {
    /// `[M, D]`.
    pub w_down: Array2<S>,
    /// `[M]`.
    pub b_down: Array1<S>,
    /// `[D, M]`.
    pub w_up: Array2<S>,
    /// `[D]`.
    pub b_up: Array1<S>,
}

/// What backward needs of forward.
pub struct PlainTrace<S> {
    /// `[T, D]`.
    pub x: Array2<S>,
    /// `[T, M]`.
    pub h: Array2<S>,
    /// `[T, M]`.
    pub a: Array2<S>,
}

impl<S: Scalar> PlainBottleneck<S> {
    /// From `x`, `[T, D]`, to `u`, `[T, D]`.
    #[must_use]
    pub fn forward(&self, x: Array2<S>) -> (Array2<S>, PlainTrace<S>) {
        let h = matmul(x.view(), self.w_down.t()) + &self.b_down; // [T, D] [D, M] = [T, M]
        let a = h.mapv(|h| if h > S::zero() { h } else { S::zero() }); // [T, M]
        let u = matmul(a.view(), self.w_up.t()) + &self.b_up; // [T, M] [M, D] = [T, D]
        (u, PlainTrace { x, h, a })
    }

    // ANCHOR: backward
    /// From `d_u`, `[T, D]`, to `d_x`, `[T, D]`, and to the gradients of the parameters.
    #[must_use]
    pub fn backward(&self, trace: &PlainTrace<S>, d_u: &Array2<S>) -> (Array2<S>, PlainBottleneck<S>) {
        let PlainTrace { x, h, a } = trace;
        let w_up = matmul(d_u.t(), a.view()); // d_W_up: [D, T] [T, M] = [D, M]
        let b_up = d_u.sum_axis(Axis(0)); // d_b_up: [D]
        let d_a = matmul(d_u.view(), self.w_up.view()); // [T, D] [D, M] = [T, M]
        let d_h = d_a * h.mapv(|h| if h > S::zero() { S::one() } else { S::zero() }); // [T, M]
        let w_down = matmul(d_h.t(), x.view()); // d_W_down: [M, T] [T, D] = [M, D]
        let b_down = d_h.sum_axis(Axis(0)); // d_b_down: [M]
        let d_x = matmul(d_h.view(), self.w_down.view()); // [T, M] [M, D] = [T, D]
        (d_x, PlainBottleneck { w_down, b_down, w_up, b_up })
    }
    // ANCHOR_END: backward
}
// ANCHOR_END: plain

#[cfg(test)]
mod tests {
    use adaptune_autograd::check_gradients;
    use adaptune_tensor::{Activation, Gradients, Layout, Parameters, Seed, init};
    use adaptune_transformer::Pass;

    use super::*;
    use crate::core::init::InitWeights;
    use crate::methods::bottleneck::layer::{Bottleneck, BottleneckShape, Scaling};

    const T: usize = 5;
    const D: usize = 7;
    const M: usize = 3;

    fn matrix(rows: usize, columns: usize, name: &str) -> Array2<f64> {
        init::normal((rows, columns), 0.7, Seed::new(4).named(name))
    }

    fn vector(length: usize, name: &str) -> Array1<f64> {
        matrix(1, length, name).remove_axis(Axis(0))
    }

    fn plain() -> PlainBottleneck<f64> {
        PlainBottleneck {
            w_down: matrix(M, D, "w_down"),
            b_down: vector(M, "b_down"),
            w_up: matrix(D, M, "w_up"),
            b_up: vector(D, "b_up"),
        }
    }

    /// The general bottleneck with the plain one's parameters, and nothing else switched on.
    fn general(plain: &PlainBottleneck<f64>) -> Bottleneck<f64> {
        let shape = BottleneckShape {
            hidden: D,
            bottleneck: M,
            activation: Activation::Relu,
            scaling: Scaling::Fixed(1.0),
            norm_before: false,
            dropout: 0.0,
            drop_path: 0.0,
            gated: false,
            phm: None,
        };
        let mut general = Bottleneck::new(shape, InitWeights::Bert, Seed::new(1));
        for (name, parameter) in general.parameters_mut() {
            let values = match name.as_str() {
                "down.weight" => plain.w_down.as_slice(),
                "down.bias" => plain.b_down.as_slice(),
                "up.weight" => plain.w_up.as_slice(),
                "up.bias" => plain.b_up.as_slice(),
                other => panic!("{other} is no parameter of a plain bottleneck"),
            };
            parameter.values_mut().copy_from_slice(values.expect("it lies in one piece"));
        }
        general.train_from(0);
        general
    }

    #[test]
    fn the_general_bottleneck_computes_the_same() {
        let (plain, x, d_u) = (plain(), matrix(T, D, "x"), matrix(T, D, "d_u"));
        let (u, trace) = plain.forward(x.clone());
        let (d_x, d) = plain.backward(&trace, &d_u);
        assert!(trace.h.iter().any(|h| *h < 0.0) && trace.h.iter().any(|h| *h > 0.0));

        let general = general(&plain);
        let layout = Layout::from_lengths(&[2, T - 2]);
        let (other_u, other) = general.forward(x.into_shared(), None, &layout, Pass::differentiate(), true);
        let mut gradients = Gradients::new();
        let other = other.expect("it was asked for");
        let other_d_x = general.backward(other, None, d_u, true, &mut gradients).expect("it was asked for");

        assert!((u - other_u).iter().chain(&(d_x - other_d_x)).all(|difference| difference.abs() < 1e-12));
        let plainly = d.w_down.iter().chain(&d.b_down).chain(&d.w_up).chain(&d.b_up);
        let slots = general.parameters().into_iter().map(|(_, parameter)| parameter.slot().expect("it trains"));
        let generally = slots.flat_map(|slot| gradients.get(slot).expect("it has a gradient").into_iter());
        assert_eq!(plainly.clone().count(), generally.clone().count());
        assert!(plainly.zip(generally).all(|(one, other)| (one - other).abs() < 1e-12));
    }

    #[test]
    fn gradients_are_those_of_finite_differences() {
        let (plain, x, d_u) = (plain(), matrix(T, D, "x"), matrix(T, D, "d_u"));
        let (_, trace) = plain.forward(x.clone());
        let (d_x, d) = plain.backward(&trace, &d_u);
        let all = |p: &PlainBottleneck<f64>, x: &Array2<f64>| -> Vec<f64> {
            p.w_down.iter().chain(&p.b_down).chain(&p.w_up).chain(&p.b_up).chain(x).copied().collect()
        };
        let loss = |values: &[f64]| {
            let mut values = values.iter().copied();
            let (mut p, mut x) = (plain.clone(), x.clone());
            let places = p.w_down.iter_mut().chain(&mut p.b_down).chain(&mut p.w_up).chain(&mut p.b_up).chain(&mut x);
            places.zip(&mut values).for_each(|(place, value)| *place = value);
            (p.forward(x).0 * &d_u).sum()
        };
        check_gradients(loss, &all(&plain, &x), &all(&d, &d_x)).expect("backward belongs to forward");
    }
}
