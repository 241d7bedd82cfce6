//! ReFT in thirty lines: tokens are moved along few directions, and nothing is optional.
//!
//! It is what the book explains, and the oracle of [`layer`](super::layer), which computes the same with every option at rest. The rows
//! of `Q` may be any, as NoReFT has them; LoReFT keeps them orthonormal besides.

use adaptune_tensor::{Scalar, matmul};
use ndarray::{Array1, Array2, Axis};

// ANCHOR: plain
/// The parameters of a ReFT; of the same type are their gradients.
#[derive(Clone, Debug, PartialEq)]
pub struct PlainReft<S> {
    /// `[R, D]`.
    pub w: Array2<S>,
    /// `[R]`.
    pub b: Array1<S>,
    /// `[R, D]`: the directions.
    pub q: Array2<S>,
}

/// What backward needs of forward.
pub struct PlainReftTrace<S> {
    /// `[N, D]`.
    pub h: Array2<S>,
    /// `[N, R]`.
    pub e: Array2<S>,
}

impl<S: Scalar> PlainReft<S> {
    /// From the chosen tokens `h`, `[N, D]`, to where they are moved, `[N, D]`.
    #[must_use]
    pub fn forward(&self, h: Array2<S>) -> (Array2<S>, PlainReftTrace<S>) {
        let wanted = matmul(h.view(), self.w.t()) + &self.b; // [N, D] [D, R] = [N, R]
        let e = wanted - matmul(h.view(), self.q.t()); // [N, R]
        let moved = &h + &matmul(e.view(), self.q.view()); // [N, R] [R, D] = [N, D]
        (moved, PlainReftTrace { h, e })
    }

    /// From `d_moved`, `[N, D]`, to `d_h`, `[N, D]`, and to the gradients of the parameters.
    #[must_use]
    pub fn backward(&self, trace: &PlainReftTrace<S>, d_moved: &Array2<S>) -> (Array2<S>, PlainReft<S>) {
        let PlainReftTrace { h, e } = trace;
        let d_e = matmul(d_moved.view(), self.q.t()); // [N, D] [D, R] = [N, R]
        let w = matmul(d_e.t(), h.view()); // d_W: [R, N] [N, D] = [R, D]
        let b = d_e.sum_axis(Axis(0)); // d_b: [R]
        let q = matmul(e.t(), d_moved.view()) - &w; // d_Q: [R, N] [N, D] = [R, D], used twice
        let d_h = d_moved + &matmul(d_e.view(), (&self.w - &self.q).view()); // [N, R] [R, D] = [N, D]
        (d_h, PlainReft { w, b, q })
    }
}
// ANCHOR_END: plain

#[cfg(test)]
mod tests {
    use super::*;
    use crate::methods::reft::{Reft, ReftConfig};
    use adaptune_autograd::check_gradients;
    use adaptune_tensor::{Gradients, Layout, Parameters, Seed, init};
    use adaptune_transformer::{Base, Config, Encoder, Pass, SequenceInput, SequenceModule, SequencePoint};

    const N: usize = 5;
    const D: usize = 6;
    const R: usize = 2;

    fn matrix(rows: usize, columns: usize, name: &str) -> Array2<f64> {
        init::normal((rows, columns), 0.7, Seed::new(4).named(name))
    }

    fn plain() -> PlainReft<f64> {
        PlainReft { w: matrix(R, D, "w"), b: matrix(1, R, "b").remove_axis(Axis(0)), q: matrix(R, D, "q") }
    }

    /// A ReFT that moves every token of short sequences.
    fn general(plain: &PlainReft<f64>) -> Reft<f64> {
        let config = ReftConfig { r: R, dropout: 0.0, prefix_positions: N, tied_weights: true, ..ReftConfig::noreft() };
        let mut general = Reft::new(&config, D, Seed::new(1));
        for (name, parameter) in general.parameters_mut() {
            let values = match name.as_str() {
                "units.0.source.weight" => plain.w.as_slice(),
                "units.0.source.bias" => plain.b.as_slice(),
                "units.0.projection.weight" => plain.q.as_slice(),
                other => panic!("{other} is no parameter of a plain ReFT"),
            };
            parameter.values_mut().copy_from_slice(values.expect("it lies in one piece"));
        }
        general.train_from(0);
        general
    }

    #[test]
    fn the_general_reft_computes_the_same() {
        let (plain, h, d_moved) = (plain(), matrix(N, D, "h"), matrix(N, D, "d"));
        let (moved, trace) = plain.forward(h.clone());
        let (d_h, d) = plain.backward(&trace, &d_moved);

        let encoder =
            Encoder::random(Config { vocabulary: 9, positions: 9, ..Config::bert(D, 1, 2, 5) }, 0.4, Seed::new(3));
        let (general, layout) = (general(&plain), Layout::from_lengths(&[2, N - 2]));
        let (point, base, pass) = (SequencePoint::Block(0), Base::from(&encoder), Pass::differentiate());
        let output = general.forward(SequenceInput { point, base, tokens: h, layout, pass, wants_tokens: true });
        let mut gradients = Gradients::new();
        let other_d_h = output.backward.expect("it was asked for")(d_moved, &mut gradients).expect("it was asked for");

        assert!((moved - output.tokens).iter().chain(&(d_h - other_d_h)).all(|difference| difference.abs() < 1e-12));
        for (name, parameter) in general.parameters() {
            let expected = match name.as_str() {
                "units.0.source.weight" => d.w.as_slice(),
                "units.0.source.bias" => d.b.as_slice(),
                _ => d.q.as_slice(),
            };
            let found = gradients.get(parameter.slot().expect("it trains")).expect("it has a gradient");
            let mut pairs = expected.expect("it lies in one piece").iter().zip(found);
            assert!(pairs.all(|(one, other)| (one - other).abs() < 1e-12), "{name}");
        }
    }

    #[test]
    fn gradients_are_those_of_finite_differences() {
        let (plain, h, d_moved) = (plain(), matrix(N, D, "h"), matrix(N, D, "d"));
        let (_, trace) = plain.forward(h.clone());
        let (d_h, d) = plain.backward(&trace, &d_moved);
        let all = |p: &PlainReft<f64>, h: &Array2<f64>| -> Vec<f64> {
            p.w.iter().chain(&p.b).chain(&p.q).chain(h).copied().collect()
        };
        let loss = |values: &[f64]| {
            let (mut p, mut h) = (plain.clone(), h.clone());
            let places = p.w.iter_mut().chain(&mut p.b).chain(&mut p.q).chain(&mut h);
            places.zip(values).for_each(|(place, value)| *place = *value);
            (p.forward(h).0 * &d_moved).sum()
        };
        check_gradients(loss, &all(&plain, &h), &all(&d, &d_h)).expect("backward belongs to forward");
    }
}
