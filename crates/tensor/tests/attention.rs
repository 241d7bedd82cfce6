//! Attention with every combination of heads, masks, prefixes, biases and selected queries, against its plain reference.

use adaptune_tensor::*;
use adaptune_test_support::{largest_difference, random};
use ndarray::Array2;
use proptest::prelude::*;

#[derive(Clone, Debug)]
struct Case {
    lengths: Vec<usize>,
    prefix: usize,
    group: usize,
    key_value_heads: usize,
    head_size: usize,
    scale: Option<f64>,
    mask: AttentionMask,
    reach: Option<usize>,
    /// The reach of terms of positions: shared by all sequences or not, and which of the two there are.
    terms: Option<(usize, bool, [bool; 2])>,
    /// Of so many tokens one is a query.
    every: Option<usize>,
    seed: u64,
}

fn mask() -> impl Strategy<Value = AttentionMask> {
    prop_oneof![
        Just(AttentionMask::Full),
        Just(AttentionMask::Causal),
        (0usize..100).prop_map(AttentionMask::Window),
        (1usize..100).prop_map(AttentionMask::CausalWindow),
    ]
}

fn case() -> impl Strategy<Value = Case> {
    let length = prop_oneof![Just(1usize), 1usize..9, 60usize..140];
    let heads = (1usize..4, 1usize..3, 1usize..6, proptest::option::of(0.05f64..1.0));
    let positions = (mask(), proptest::option::of(0usize..70), proptest::option::of(2usize..6));
    let terms = proptest::option::of((0usize..70, any::<bool>(), [any::<bool>(), any::<bool>()]));
    let lengths = (proptest::collection::vec(length, 1..4), 0usize..4);
    (lengths, heads, positions, terms, any::<u64>()).prop_map(
        |((lengths, prefix), (group, key_value_heads, head_size, scale), (mask, reach, every), terms, seed)| Case {
            lengths,
            prefix,
            group,
            key_value_heads,
            head_size,
            scale,
            mask,
            reach,
            terms,
            every,
            seed,
        },
    )
}

impl Case {
    fn describe<S: Scalar>(&self) -> Attention<S> {
        let tokens = Layout::from_lengths(&self.lengths);
        let heads = self.group * self.key_value_heads;
        let rows: Vec<Vec<u32>> = tokens.ranges().map(|range| self.rows(range)).collect();
        let queries = Layout::from_lengths(&rows.iter().map(Vec::len).collect::<Vec<_>>());
        let mut description = Attention::new(heads, self.head_size, queries, tokens.prepend(self.prefix))
            .with_key_value_heads(self.key_value_heads)
            .with_mask(self.mask);
        if self.every.is_some() {
            description = description.with_query_rows(&rows.concat(), &tokens);
        }
        if let Some(scale) = self.scale {
            description = description.with_scale(scale);
        }
        if let Some(reach) = self.reach {
            let bias = random(self.seed ^ 5, (heads, 2 * reach + 1));
            description = description.with_relative_bias(bias.into_shared());
        }
        match self.position_terms(&description) {
            Some(terms) => description.with_position_terms(terms),
            None => description,
        }
    }

    /// Several distances share a row, the more the further they are.
    fn position_terms<S: Scalar>(&self, of: &Attention<S>) -> Option<PositionTerms<S>> {
        let (reach, shared, [to_position, to_content]) = self.terms?;
        let row = |distance: usize| distance.min(3) + distance.saturating_sub(3) / 2;
        let most = row(reach);
        let before = (0..reach).map(|i| most + row(reach - i));
        let rows: Vec<usize> = before.chain((0..=reach).map(|d| most - row(d))).collect();
        let sequences = if shared { 1 } else { self.lengths.len() };
        let count = sequences * (2 * most + 2);
        let projected =
            |there: bool, seed: u64, width| there.then(|| random(self.seed ^ seed, (count, width)).into_shared());
        Some(PositionTerms {
            keys: projected(to_position, 6, of.key_value_width()),
            queries: projected(to_content, 7, of.width()),
            rows: rows.into(),
            sequences,
        })
    }

    /// The rows of a sequence that are queries; selected ones from the last to the first.
    fn rows(&self, range: std::ops::Range<usize>) -> Vec<u32> {
        match self.every {
            None => range.map(|row| row as u32).collect(),
            Some(every) => range.rev().step_by(every).map(|row| row as u32).collect(),
        }
    }

    /// Queries, keys, values and the gradient of the result.
    fn inputs<S: Scalar>(&self, description: &Attention<S>) -> [Array2<S>; 4] {
        let (t, t_k) = (description.queries.tokens(), description.keys.tokens());
        let (width, key_width) = (description.width(), description.key_value_width());
        let shapes = [(t, width), (t_k, key_width), (t_k, key_width), (t, width)];
        std::array::from_fn(|i| random(self.seed ^ i as u64, shapes[i]))
    }

    /// The largest difference of result and gradients from those of the reference.
    fn difference<S: Scalar>(&self) -> f64 {
        let description = self.describe::<S>();
        let [q, k, v, d_y] = self.inputs(&description);
        let expected = attention_reference(q.view(), k.view(), v.view(), &description);
        let d_expected = attention_reference_backward(q.view(), k.view(), v.view(), d_y.view(), &description);
        let (y, trace) = attention(q, k, v, description, Precision::Full, None, true);
        let d = attention_backward(trace.expect("kept"), d_y.view(), AttentionNeeds::ALL);
        assert_eq!(d.d_relative_bias.is_some(), self.reach.is_some());
        let pairs = [
            (Some(y), Some(expected)),
            (d.d_queries, d_expected.d_queries),
            (d.d_keys, d_expected.d_keys),
            (d.d_values, d_expected.d_values),
            (d.d_relative_bias, d_expected.d_relative_bias),
            (d.d_position_keys, d_expected.d_position_keys),
            (d.d_position_queries, d_expected.d_position_queries),
        ];
        let largest = |(a, b): (Option<Array2<S>>, Option<Array2<S>>)| {
            let (a, b) = (a.unwrap_or_default(), b.unwrap_or_default());
            assert_eq!(a.dim(), b.dim());
            largest_difference(a.mapv(S::to_f64), b.mapv(S::to_f64))
        };
        pairs.into_iter().map(largest).fold(0.0, f64::max)
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn every_description_gives_what_the_reference_gives(case in case()) {
        let difference = case.difference::<f64>();
        prop_assert!(difference < 1e-11, "{difference:e}");
        let difference = case.difference::<f32>();
        prop_assert!(difference < 1e-3, "{difference:e}");
    }

    /// The draws of a forward pass are those of every other, and hide nothing that a mask has not hidden.
    #[test]
    fn dropout_repeats_its_draws(case in case(), rate in 0.1f64..0.7) {
        let description = case.describe::<f32>();
        let [q, k, _, d_y] = case.inputs(&description);
        let v = Array2::ones(k.dim());
        let dropout = Dropout::new(rate, Seed::new(case.seed));
        let run = || {
            let (y, trace) = attention(q.clone(), k.clone(), v.clone(), description.clone(), Precision::Full, Some(dropout), true);
            (y, attention_backward(trace.expect("kept"), d_y.view(), AttentionNeeds::ALL).d_values.expect("needed"))
        };
        let (y, d_v) = run();
        prop_assert!(run() == (y.clone(), d_v.clone()));
        // Forward and backward see the same mask: the derivative with respect to values that are all moved together.
        let (forward, backward): (f32, f32) = ((&y * &d_y).sum(), d_v.sum());
        prop_assert!((forward - backward).abs() < 1e-3 * (1.0 + d_y.mapv(f32::abs).sum()), "{forward} {backward}");
    }
}

/// Queries of one group read one head: the same as copies of that head for each of them.
#[test]
fn grouped_heads_are_repeated_heads() {
    let tokens = Layout::from_lengths(&[5, 70, 1]);
    let grouped = Attention::<f64>::new(4, 3, tokens.clone(), tokens.clone())
        .with_key_value_heads(2)
        .with_mask(AttentionMask::Causal);
    let plain = Attention::new(4, 3, tokens.clone(), tokens).with_mask(AttentionMask::Causal);
    let (q, k, v) = (random(1, (76, 12)), random::<f64, _>(2, (76, 6)), random::<f64, _>(3, (76, 6)));
    let repeated = |x: &Array2<f64>| x.select(ndarray::Axis(1), &[0, 1, 2, 0, 1, 2, 3, 4, 5, 3, 4, 5]);
    let (expected, _) = attention(q.clone(), repeated(&k), repeated(&v), plain, Precision::Full, None, false);
    assert_eq!(attention(q, k, v, grouped, Precision::Full, None, false).0, expected);
}
