//! LoRA in thirty lines: what is added to a linear layer, and nothing that is optional.
//!
//! It is what the book explains, and the oracle of [`lora`](super::lora), which computes the same with every option at rest.

use adaptune_tensor::{Scalar, matmul};
use ndarray::Array2;

// ANCHOR: plain
/// The two matrices of a LoRA; of the same type are their gradients.
#[derive(Clone, Debug, PartialEq)]
pub struct PlainLora<S> {
    /// `A`, `[R, In]`.
    pub a: Array2<S>,
    /// `B`, `[Out, R]`.
    pub b: Array2<S>,
}

/// What backward needs of forward.
pub struct PlainLoraTrace<S> {
    /// `[T, In]`.
    pub x: Array2<S>,
    /// `[T, R]`.
    pub h: Array2<S>,
}

impl<S: Scalar> PlainLora<S> {
    /// From `x`, `[T, In]`, to `u`, `[T, Out]`, which is added to what the frozen layer gives. `s` is `α/R`.
    #[must_use]
    pub fn forward(&self, x: Array2<S>, s: S) -> (Array2<S>, PlainLoraTrace<S>) {
        let h = matmul(x.view(), self.a.t()); // [T, In] [In, R] = [T, R]
        let u = matmul(h.view(), self.b.t()) * s; // [T, R] [R, Out] = [T, Out]
        (u, PlainLoraTrace { x, h })
    }

    /// From `d_u`, `[T, Out]`, to `d_x`, `[T, In]`, as far as `x` goes through the LoRA, and to the gradients of the matrices.
    #[must_use]
    pub fn backward(&self, trace: &PlainLoraTrace<S>, d_u: &Array2<S>, s: S) -> (Array2<S>, PlainLora<S>) {
        let PlainLoraTrace { x, h } = trace;
        let d_u = d_u * s; // [T, Out]
        let b = matmul(d_u.t(), h.view()); // d_B: [Out, T] [T, R] = [Out, R]
        let d_h = matmul(d_u.view(), self.b.view()); // [T, Out] [Out, R] = [T, R]
        let a = matmul(d_h.t(), x.view()); // d_A: [R, T] [T, In] = [R, In]
        let d_x = matmul(d_h.view(), self.a.view()); // [T, R] [R, In] = [T, In]
        (d_x, PlainLora { a, b })
    }
}
// ANCHOR_END: plain

#[cfg(test)]
mod tests {
    use super::*;
    use crate::methods::lora::{Lora, LoraConfig};
    use adaptune_autograd::check_gradients;
    use adaptune_tensor::{Gradients, Layout, Parameters, Seed, init, linear};
    use adaptune_transformer::{
        Accumulator, Base, Config, Encoder, LinearInput, LinearModule, LinearPoint, Pass, Projection,
    };

    const T: usize = 5;
    const IN: usize = 6;
    const OUT: usize = 7;
    const R: usize = 2;
    const ALPHA: f64 = 3.0;
    const S: f64 = ALPHA / R as f64;

    fn matrix(rows: usize, columns: usize, name: &str) -> Array2<f64> {
        init::normal((rows, columns), 0.7, Seed::new(4).named(name))
    }

    fn plain() -> PlainLora<f64> {
        PlainLora { a: matrix(R, IN, "a"), b: matrix(OUT, R, "b") }
    }

    fn general(plain: &PlainLora<f64>) -> Lora<f64> {
        let config = LoraConfig { r: R, alpha: ALPHA, dropout: 0.0, ..LoraConfig::lora() };
        let mut general = Lora::of(plain.a.clone(), plain.b.clone(), &config);
        general.train_from(0);
        general
    }

    #[test]
    fn the_general_lora_computes_the_same() {
        let (plain, x, d_y) = (plain(), matrix(T, IN, "x"), matrix(T, OUT, "d_y"));
        let (u, trace) = plain.forward(x.clone(), S);
        let (d_x, d) = plain.backward(&trace, &d_y, S);

        let encoder =
            Encoder::random(Config { vocabulary: 9, positions: 9, ..Config::bert(IN, 1, 2, OUT) }, 0.4, Seed::new(3));
        let (base, point) = (Base::from(&encoder), LinearPoint { layer: 0, projection: Projection::FeedForwardIn });
        let layer = base.linear(point).expect("BERT has it");
        let (general, layout) = (general(&plain), Layout::from_lengths(&[2, T - 2]));
        let (pass, below) = (Pass::differentiate(), Vec::new());
        let input = LinearInput {
            point,
            x: x.clone().into_shared(),
            base: layer,
            below,
            shared: None,
            layout,
            pass,
            wants_input: true,
        };
        let (y, backward) = general.forward(input);
        let (mut gradients, mut other_d_x) = (Gradients::new(), Accumulator::new());
        backward.expect("it was asked for")(d_y.view(), &mut gradients, &mut other_d_x);

        let expected_y = linear(x.view(), layer.weight(), layer.bias()) + u;
        let expected_d_x = d_x + matmul(d_y.view(), layer.weight());
        assert_close(&expected_y, &y);
        assert_close(&expected_d_x, &other_d_x.into_sum().expect("it was asked for"));
        for (expected, (name, parameter)) in [&d.a, &d.b].into_iter().zip(general.parameters()) {
            let found = gradients.get(parameter.slot().expect("it trains")).expect("it has a gradient");
            assert!(expected.iter().zip(found).all(|(one, other)| (one - other).abs() < 1e-12), "{name}");
        }
    }

    fn assert_close(one: &Array2<f64>, other: &Array2<f64>) {
        assert_eq!(one.dim(), other.dim());
        assert!((one - other).iter().all(|difference| difference.abs() < 1e-12));
    }

    #[test]
    fn gradients_are_those_of_finite_differences() {
        let (plain, x, d_u) = (plain(), matrix(T, IN, "x"), matrix(T, OUT, "d_u"));
        let (_, trace) = plain.forward(x.clone(), S);
        let (d_x, d) = plain.backward(&trace, &d_u, S);
        let all =
            |p: &PlainLora<f64>, x: &Array2<f64>| -> Vec<f64> { p.a.iter().chain(&p.b).chain(x).copied().collect() };
        let loss = |values: &[f64]| {
            let (mut p, mut x) = (plain.clone(), x.clone());
            p.a.iter_mut().chain(&mut p.b).chain(&mut x).zip(values).for_each(|(place, value)| *place = *value);
            (p.forward(x, S).0 * &d_u).sum()
        };
        check_gradients(loss, &all(&plain, &x), &all(&d, &d_x)).expect("backward belongs to forward");
    }
}
