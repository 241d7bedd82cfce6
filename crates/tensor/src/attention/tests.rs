//! Full attention against its earlier order, to the bit; tiles, threads, prefixes and selected queries.

use super::tile::tiles;
use super::*;
use crate::matmul::{matmul_alone, product_alone};
use crate::softmax::{softmax_backward, softmax_rows};
use crate::testing::random;
use crate::{Dropout, Layout, Precision, Scalar, Seed};
use adaptune_test_support::on_threads;
use ndarray::{Array2, ArrayView2, s};

/// Result and gradients of random inputs.
fn run<S: Scalar>(description: &Attention<S>, precision: Precision, dropout: Option<Dropout>) -> Vec<Array2<S>> {
    let [q, k, v, d_y] = inputs(description);
    let (y, trace) = attention(q, k, v, description.clone(), precision, dropout, true);
    let d = attention_backward(trace.expect("kept"), d_y.view(), AttentionNeeds::ALL);
    let by_distance = [d.d_relative_bias, d.d_position_keys, d.d_position_queries];
    [Some(y), d.d_queries, d.d_keys, d.d_values].into_iter().chain(by_distance).flatten().collect()
}

fn inputs<S: Scalar>(description: &Attention<S>) -> [Array2<S>; 4] {
    let (t, t_k) = (description.queries.tokens(), description.keys.tokens());
    let (width, key_width) = (description.width(), description.key_value_width());
    [random(1, (t, width)), random(2, (t_k, key_width)), random(3, (t_k, key_width)), random(4, (t, width))]
}

/// To the sign of a zero.
fn bits<S: Scalar>(arrays: &[Array2<S>]) -> Vec<Vec<u64>> {
    arrays.iter().map(|array| array.iter().map(|x| x.to_f64().to_bits()).collect()).collect()
}

/// Full attention with as many key-value heads as query heads, in the order in which it was computed before there were masks: one
/// product for each matrix of a sequence and head.
fn in_whole_matrices<S: Scalar>(
    description: &Attention<S>,
    precision: Precision,
    dropout: Option<Dropout>,
) -> Vec<Array2<S>> {
    let [q, k, v, d_y] = inputs(description);
    let [mut y, mut d_q, mut d_k, mut d_v] = [&q, &q, &k, &v].map(|x| Array2::zeros(x.dim()));
    let (size, longest) = (description.head_size, description.keys.longest());
    for (queries, keys) in description.queries.ranges().zip(description.keys.ranges()) {
        let precision = if keys.len().min(size) >= 64 { precision } else { Precision::Full };
        for head in 0..description.heads {
            let columns = head * size..(head + 1) * size;
            let [of_queries, of_keys] = [s![queries.clone(), columns.clone()], s![keys.clone(), columns]];
            let (q, k, v, d_y) = (q.slice(of_queries), k.slice(of_keys), v.slice(of_keys), d_y.slice(of_queries));
            let dropped = |mut p: Array2<S>| {
                for (t, mut row) in queries.clone().zip(p.rows_mut()) {
                    if let Some(dropout) = dropout.map(|dropout| dropout.at(head as u64)) {
                        dropout.apply_to_row(row.as_slice_mut().expect("standard layout"), (t * longest) as u64);
                    }
                }
                p
            };
            let (scale, mut normalisers) = (S::from_f64(1.0 / (size as f64).sqrt()), Vec::new());
            let scores = product_alone(precision, scale, q, k.t());
            let mut p = scores.clone();
            softmax_rows(&mut p, |_, normaliser| normalisers.push(normaliser));
            let one = S::one();
            matmul_alone(precision, one, dropped(p).view(), v, &mut y.slice_mut(of_queries));
            let mut p = scores;
            for (mut row, normaliser) in p.rows_mut().into_iter().zip(normalisers) {
                S::exp_minus(row.as_slice_mut().expect("standard layout"), normaliser);
            }
            let d_scores = softmax_backward(p.view(), dropped(product_alone(precision, one, d_y, v.t())));
            matmul_alone(precision, one, dropped(p).t(), d_y, &mut d_v.slice_mut(of_keys));
            matmul_alone(precision, scale, d_scores.view(), k, &mut d_q.slice_mut(of_queries));
            matmul_alone(precision, scale, d_scores.t(), q, &mut d_k.slice_mut(of_keys));
        }
    }
    vec![y, d_q, d_k, d_v]
}

fn dropout() -> Dropout {
    Dropout::new(0.3, Seed::new(5).named("test"))
}

/// Ragged, with a sequence of one token, longer than a tile, wide enough for lower precision; with and without a prefix.
fn descriptions<S: Scalar>() -> impl Iterator<Item = Attention<S>> {
    [0, 3].into_iter().flat_map(|prefix| {
        [(3, 5), (2, 64)].map(|(heads, size)| {
            let queries = Layout::from_lengths(&[1, 130, 17, 400]);
            Attention::new(heads, size, queries.clone(), queries.prepend(prefix))
        })
    })
}

#[test]
fn full_attention_is_computed_in_whole_matrices() {
    fn check<S: Scalar>() {
        for description in descriptions::<S>() {
            for (precision, dropout) in
                [(Precision::Full, None), (Precision::Full, Some(dropout())), (Precision::Bf16, None)]
            {
                let expected = bits(&in_whole_matrices(&description, precision, dropout));
                assert!(bits(&run(&description, precision, dropout)) == expected, "{precision:?} {dropout:?}");
            }
        }
    }
    check::<f32>();
    check::<f64>();
}

/// Fewer queries than keys without a mask, as where only some tokens are read, in no order and with none in one sequence.
#[test]
fn full_attention_looks_at_no_position() {
    let description = Attention::<f32>::new(2, 3, Layout::from_lengths(&[4, 0, 2]), Layout::from_lengths(&[3, 2, 5]));
    let expected = bits(&in_whole_matrices(&description, Precision::Full, None));
    assert_eq!(bits(&run(&description, Precision::Full, None)), expected);
}

/// The same numbers whether a mask hides nothing or there is none: softmax, sums over keys and draws do not depend on tiles.
/// Sums over queries do, so that gradients of keys and values differ by rounding.
#[test]
fn a_mask_that_hides_nothing_changes_no_bit_of_the_result() {
    for description in descriptions::<f32>() {
        for (precision, dropout) in [(Precision::Full, Some(dropout())), (Precision::Bf16, None)] {
            let full = run(&description, precision, dropout);
            let masked = run(&description.clone().with_mask(AttentionMask::Window(1000)), precision, dropout);
            assert!(bits(&full[..2]) == bits(&masked[..2]), "{precision:?}");
            for (full, masked) in full.iter().zip(&masked) {
                assert!((full - masked).iter().all(|d| d.abs() < 1e-4), "{precision:?}");
            }
        }
    }
}

/// Terms of 12 positions for six query heads and two key-value heads of 8.
fn terms(sequences: usize) -> PositionTerms<f32> {
    let rows = (0..11).rev().collect::<Vec<_>>().into();
    let (keys, queries) = (random(8, (12 * sequences, 16)), random(9, (12 * sequences, 48)));
    PositionTerms { keys: Some(keys.into_shared()), queries: Some(queries.into_shared()), rows, sequences }
}

/// Rows of its own are for each sequence what shared ones are, if they are the same; and a sequence is to the bit what it is alone.
#[test]
fn positions_are_shared_or_each_sequence_s_own() {
    let lengths = [150, 1, 70];
    let of = |lengths: &[usize], terms: PositionTerms<f32>| {
        let queries = Layout::from_lengths(lengths);
        let keys = queries.prepend(2);
        Attention::new(6, 8, queries, keys).with_key_value_heads(2).with_position_terms(terms)
    };
    let one = terms(1);
    let repeated = |rows: &Option<ndarray::ArcArray2<f32>>| {
        let rows = rows.as_ref()?;
        Some(ndarray::concatenate(ndarray::Axis(0), &[rows.view(), rows.view(), rows.view()]).ok()?.into_shared())
    };
    let own = PositionTerms { keys: repeated(&one.keys), queries: repeated(&one.queries), sequences: 3, ..one.clone() };
    let (shared, own) = (of(&lengths, one.clone()), of(&lengths, own));
    assert!(bits(&run(&shared, Precision::Full, None)[..4]) == bits(&run(&own, Precision::Full, None)[..4]));
    let [q, k, v, _] = inputs(&shared);
    let (all, _) = attention(q.clone(), k.clone(), v.clone(), shared, Precision::Full, None, false);
    let [q, k, v] = [(q, 151), (k, 155), (v, 155)].map(|(x, first)| x.slice(s![first.., ..]).to_owned());
    let (alone, _) = attention(q, k, v, of(&lengths[2..], one), Precision::Full, None, false);
    assert_eq!(alone, all.slice(s![151.., ..]));
}

fn masks() -> [AttentionMask; 4] {
    use AttentionMask::*;
    [Full, Causal, Window(9), CausalWindow(70)]
}

#[test]
fn the_number_of_threads_changes_no_bit() {
    let queries = Layout::from_lengths(&[150, 1, 70]);
    for mask in masks() {
        let description = Attention::<f32>::new(6, 8, queries.clone(), queries.prepend(2))
            .with_key_value_heads(2)
            .with_mask(mask)
            .with_relative_bias(random(7, (6, 11)).into_shared())
            .with_position_terms(terms(1));
        let on = |threads| on_threads(threads, || bits(&run(&description, Precision::Full, Some(dropout()))));
        let one = on(1);
        assert!(one.len() == 7 && on(2) == one && on(3) == one, "{mask:?}");
    }
}

/// A tile's keys are those between the first and the last that one of its queries sees, and the prefix.
#[test]
fn tiles_leave_out_what_no_query_sees() {
    let queries = Layout::from_lengths(&[200]);
    let keys = |mask, prefix| -> Vec<usize> {
        let description = Attention::<f32>::new(1, 1, queries.clone(), queries.prepend(prefix)).with_mask(mask);
        tiles(&description, 0).iter().map(tile::Tile::keys).collect()
    };
    assert_eq!(keys(AttentionMask::Full, 3), [203]);
    assert_eq!(keys(AttentionMask::Causal, 0), [64, 128, 192, 200]);
    assert_eq!(keys(AttentionMask::Causal, 3), [67, 131, 195, 203]);
    assert_eq!(keys(AttentionMask::Window(5), 0), [69, 74, 74, 13]);
    assert_eq!(keys(AttentionMask::CausalWindow(6), 3), [67, 72, 72, 16]);
}

/// Nothing of a key that no query of a tile sees is read, forward or backward: not even as a product with zero.
#[test]
fn what_tiles_leave_out_is_not_read() {
    let queries = Layout::from_lengths(&[130]);
    for (mask, hidden) in [(AttentionMask::Causal, 128..130), (AttentionMask::CausalWindow(5), 0..60)] {
        let description = Attention::<f32>::new(2, 4, queries.clone(), queries.clone()).with_mask(mask);
        let [q, mut k, mut v, d_y] = inputs(&description);
        let (plain, _) = attention(q.clone(), k.clone(), v.clone(), description.clone(), Precision::Full, None, false);
        for array in [&mut k, &mut v] {
            array.slice_mut(s![hidden.clone(), ..]).fill(f32::NAN);
        }
        let (y, trace) = attention(q, k, v, description, Precision::Full, None, true);
        let d_q = attention_backward(trace.expect("kept"), d_y.view(), AttentionNeeds::ALL).d_queries.expect("needed");
        assert_eq!(y.slice(s![64..128, ..]), plain.slice(s![64..128, ..]), "{mask:?}");
        assert!(d_q.slice(s![64..128, ..]).iter().all(|d| d.is_finite()) && d_q.iter().any(|d| d.is_nan()), "{mask:?}");
    }
}

/// What is read of a token does not depend on which others are read; to the bit unless a window's tiles begin elsewhere.
#[test]
fn selected_queries_get_the_results_of_all() {
    let tokens = Layout::from_lengths(&[90, 1, 40]);
    for mask in masks() {
        let whole = Attention::<f32>::new(4, 8, tokens.clone(), tokens.prepend(2))
            .with_key_value_heads(2)
            .with_mask(mask)
            .with_relative_bias(random(7, (4, 9)).into_shared());
        let rows = [89_u32, 3, 90, 91, 130, 100];
        let mut some = whole.clone();
        some.queries = Layout::from_lengths(&[2, 1, 3]);
        let some = some.with_query_rows(&rows, &tokens);
        let [q, k, v, _] = inputs(&whole);
        let selected = crate::gather(q.view(), &rows);
        let result = |q, description| attention(q, k.clone(), v.clone(), description, Precision::Full, None, false).0;
        let (selected, all) = (result(selected, some), crate::gather(result(q.clone(), whole).view(), &rows));
        assert!((&selected - &all).iter().all(|d| d.abs() < 1e-6), "{mask:?}");
        assert!(
            matches!(mask, AttentionMask::Window(_) | AttentionMask::CausalWindow(_)) || selected == all,
            "{mask:?}"
        );
    }
}

/// Each sequence may have a prefix of its own length, or none.
#[test]
fn prefixes_of_several_lengths_are_seen_by_all_queries() {
    let (queries, keys) = (Layout::from_lengths(&[3, 2]), Layout::from_lengths(&[3, 6]));
    let description = Attention::<f64>::new(1, 2, queries, keys).with_mask(AttentionMask::CausalWindow(1));
    let [q, k, v, _] = inputs(&description);
    let y = attention(q.clone(), k.clone(), v.clone(), description.clone(), Precision::Full, None, false).0;
    assert!((&y.slice(s![..3, ..]) - &v.slice(s![..3, ..])).iter().all(|d| d.abs() < 1e-15), "each sees itself alone");
    let second = Attention::new(1, 2, Layout::from_lengths(&[1]), Layout::from_lengths(&[5]));
    let alone = |q: ArrayView2<'_, f64>, rows: [usize; 5]| {
        let [k, v] = [&k, &v].map(|x| x.select(ndarray::Axis(0), &rows));
        attention(q.to_owned(), k, v, second.clone(), Precision::Full, None, false).0
    };
    for (query, own) in [(3, 7), (4, 8)] {
        let expected = alone(q.slice(s![query..=query, ..]), [3, 4, 5, 6, own]);
        assert!((&expected - &y.slice(s![query..=query, ..])).iter().all(|d| d.abs() < 1e-15), "query {query}");
    }
}

#[test]
#[should_panic(expected = "sequence 1 has 2 keys for 3 tokens with positions")]
fn positions_need_a_key_for_each_token() {
    let (queries, keys) = (Layout::from_lengths(&[2, 3]), Layout::from_lengths(&[2, 2]));
    run(&Attention::<f32>::new(1, 2, queries, keys).with_mask(AttentionMask::Causal), Precision::Full, None);
}
