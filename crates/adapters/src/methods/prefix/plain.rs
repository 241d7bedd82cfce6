//! A prefix in thirty lines: keys and values in front of those of one sequence, and nothing that is optional.
//!
//! It is what the book explains, and the oracle of [`layer`](super::layer), which computes the same with every option at rest.

use adaptune_tensor::Scalar;
use ndarray::{Array2, Axis, concatenate};

// ANCHOR: plain
/// The prefix of one block; of the same type are its gradients.
#[derive(Clone, Debug, PartialEq)]
pub struct PlainPrefix<S> {
    /// `[P, D]`.
    pub keys: Array2<S>,
    /// `[P, D]`.
    pub values: Array2<S>,
}

impl<S: Scalar> PlainPrefix<S> {
    /// From the keys and values of a sequence, each `[T, D]`, to those that its queries see, each `[P + T, D]`.
    #[must_use]
    pub fn forward(&self, k: &Array2<S>, v: &Array2<S>) -> (Array2<S>, Array2<S>) {
        let in_front = |prefix: &Array2<S>, rows: &Array2<S>| {
            concatenate(Axis(0), &[prefix.view(), rows.view()]).expect("both are D wide") // [P + T, D]
        };
        (in_front(&self.keys, k), in_front(&self.values, v))
    }

    /// From the gradients of those, each `[P + T, D]`, to `d_k` and `d_v`, each `[T, D]`, and to the prefix's own.
    #[must_use]
    pub fn backward(&self, d_k: &Array2<S>, d_v: &Array2<S>) -> ([Array2<S>; 2], PlainPrefix<S>) {
        let length = self.keys.nrows(); // P
        let (keys, d_k) = d_k.view().split_at(Axis(0), length); // [P, D], [T, D]
        let (values, d_v) = d_v.view().split_at(Axis(0), length);
        ([d_k.to_owned(), d_v.to_owned()], PlainPrefix { keys: keys.to_owned(), values: values.to_owned() })
    }
}
// ANCHOR_END: plain

#[cfg(test)]
mod tests {
    use super::*;
    use crate::methods::prefix::{PrefixConfig, PrefixTuning};
    use adaptune_tensor::{Gradients, Layout, Parameters, Seed, init};
    use adaptune_transformer::{Accumulator, AttentionInput, AttentionModule, Config, KeyValueGradient, Pass};
    use ndarray::s;

    const D: usize = 6;
    const P: usize = 2;
    const LENGTHS: [usize; 3] = [3, 1, 4];

    fn matrix(rows: usize, columns: usize, name: &str) -> Array2<f64> {
        init::normal((rows, columns), 0.7, Seed::new(4).named(name))
    }

    /// The prefix of the second of two blocks.
    fn general(plain: &PlainPrefix<f64>) -> PrefixTuning<f64> {
        let config = PrefixConfig { prefix_length: P, ..PrefixConfig::prefix_tuning_flat() };
        let model = Config { vocabulary: 9, positions: 9, ..Config::bert(D, 2, 2, 5) };
        let mut general = PrefixTuning::new(&config, vec![0, 1], &model, Seed::new(1));
        let mut all = matrix(P, 4 * D, "of both blocks");
        all.slice_mut(s![.., 2 * D..3 * D]).assign(&plain.keys);
        all.slice_mut(s![.., 3 * D..]).assign(&plain.values);
        for (_, parameter) in general.parameters_mut() {
            parameter.values_mut().copy_from_slice(all.as_slice().expect("it lies in one piece"));
        }
        general.train_from(0);
        general
    }

    /// The general one handles a batch; the plain one each of its sequences, and what they say of the prefix is summed.
    #[test]
    fn the_general_prefix_computes_the_same() {
        let plain = PlainPrefix { keys: matrix(P, D, "keys"), values: matrix(P, D, "values") };
        let (layout, tokens) = (Layout::from_lengths(&LENGTHS), LENGTHS.iter().sum());
        let (k, v) = (matrix(tokens, D, "k"), matrix(tokens, D, "v"));
        let after = layout.prepend(P);
        let (d_keys, d_values) = (matrix(after.tokens(), D, "d_k"), matrix(after.tokens(), D, "d_v"));

        let general = general(&plain);
        let output = general.forward(AttentionInput {
            layer: 1,
            keys: k.clone(),
            values: v.clone(),
            hidden: k.clone().into_shared(),
            layout: layout.clone(),
            hidden_layout: layout.clone(),
            pass: Pass::differentiate(),
            wants_keys: true,
            wants_values: true,
            wants_hidden: true,
        });
        let (mut gradients, mut d_hidden) = (Gradients::new(), Accumulator::new());
        let d = KeyValueGradient { d_keys: Some(d_keys.clone()), d_values: Some(d_values.clone()) };
        let d = output.backward.expect("it was asked for")(d, &mut gradients, &mut d_hidden);
        let (d_k, d_v) = (d.d_keys.expect("it was asked for"), d.d_values.expect("it was asked for"));

        let (mut of_keys, mut of_values) = (Array2::zeros((P, D)), Array2::zeros((P, D)));
        for (rows, longer) in layout.ranges().zip(after.ranges()) {
            let part = |all: &Array2<f64>, rows: std::ops::Range<usize>| all.slice(s![rows, ..]).to_owned();
            let (keys, values) = plain.forward(&part(&k, rows.clone()), &part(&v, rows.clone()));
            assert_eq!((keys, values), (part(&output.keys, longer.clone()), part(&output.values, longer.clone())));
            let (rest, own) = plain.backward(&part(&d_keys, longer.clone()), &part(&d_values, longer));
            assert_eq!(rest, [part(&d_k, rows.clone()), part(&d_v, rows)]);
            of_keys += &own.keys;
            of_values += &own.values;
        }
        let slot = general.parameters()[0].1.slot().expect("it trains");
        let found = gradients.get(slot).expect("it has a gradient").to_owned();
        let found = Array2::from_shape_vec((P, 4 * D), found.iter().copied().collect()).expect("a row for each token");
        assert!(found.slice(s![.., ..2 * D]).iter().all(|d| *d == 0.0), "the other block was not computed");
        let difference = |columns: std::ops::Range<usize>, own: &Array2<f64>| &found.slice(s![.., columns]) - own;
        let differences = [difference(2 * D..3 * D, &of_keys), difference(3 * D..4 * D, &of_values)];
        assert!(differences.iter().flatten().all(|difference| difference.abs() < 1e-12));
    }
}
