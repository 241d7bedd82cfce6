//! Every backward function against finite differences of its forward function.

use adaptune_autograd::check_gradients;
use adaptune_tensor::*;
use adaptune_test_support::random;
use ndarray::{Array1, Array2, ArrayBase, ArrayView2, Axis};
use proptest::prelude::*;

fn vector(seed: u64, n: usize) -> Array1<f64> {
    random(seed, (1, n)).row(0).to_owned()
}

fn row(v: &Array1<f64>) -> Array2<f64> {
    v.clone().insert_axis(Axis(0))
}

/// A loss whose gradient with respect to `y` is `c`: `Σ c ∘ y`.
fn weigh(y: &Array2<f64>, c: &Array2<f64>) -> f64 {
    (y * c).sum()
}

/// Checks `d_x` of `f(x)` for an array `x`.
fn check(x: &Array2<f64>, d_x: ArrayView2<'_, f64>, f: impl Fn(&Array2<f64>) -> f64) {
    let gradient: Vec<f64> = d_x.iter().copied().collect();
    let point: Vec<f64> = x.iter().copied().collect();
    let at = |p: &[f64]| Array2::from_shape_vec(x.dim(), p.to_vec()).expect("the same shape");
    if let Err(e) = check_gradients(|p| f(&at(p)), &point, &gradient) {
        panic!("{e}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn linear_layer(t in 1usize..5, i in 1usize..6, o in 1usize..6, seed: u64) {
        let (x, w, b, c) = (random(seed, (t, i)), random(seed ^ 1, (o, i)), vector(seed ^ 2, o), random(seed ^ 3, (t, o)));
        let f = |x: &Array2<f64>, w: &Array2<f64>, b: ArrayView2<'_, f64>| weigh(&linear(x.view(), w.view(), Some(b.row(0))), &c);
        check(&x, linear_input_backward(c.view(), w.view()).view(), |x| f(x, &w, row(&b).view()));
        check(&w, linear_weight_backward(x.view(), c.view()).view(), |w| f(&x, w, row(&b).view()));
        check(&row(&b), row(&linear_bias_backward(c.view())).view(), |b| f(&x, &w, b.view()));
    }

    #[test]
    fn layer_normalisation(t in 1usize..5, d in 2usize..8, seed: u64) {
        let (x, w, b, c) = (random(seed, (t, d)), vector(seed ^ 1, d), vector(seed ^ 2, d), random(seed ^ 3, (t, d)));
        let norm = |x: &Array2<f64>, w: &Array2<f64>, b: &Array2<f64>, keep| layer_norm(x.clone(), w.row(0), Some(b.row(0)), 1e-2, keep);
        let (y, trace) = norm(&x, &row(&w), &row(&b), true);
        let (plain, nothing) = norm(&x, &row(&w), &row(&b), false);
        prop_assert!(nothing.is_none() && plain == y);
        let trace = trace.expect("asked for");
        check(&x, layer_norm_input_backward(&trace, w.view(), c.clone()).view(), |x| weigh(&norm(x, &row(&w), &row(&b), false).0, &c));
        let (d_w, d_b) = layer_norm_parameters_backward(&trace, c.view());
        check(&row(&w), row(&d_w).view(), |w| weigh(&norm(&x, w, &row(&b), false).0, &c));
        check(&row(&b), row(&d_b).view(), |b| weigh(&norm(&x, &row(&w), b, false).0, &c));
    }

    #[test]
    fn softmax_rows(n in 1usize..5, k in 1usize..7, seed: u64) {
        let (x, c) = (random::<f64, _>(seed, (n, k)), random(seed ^ 1, (n, k)));
        let p = softmax(x.clone());
        prop_assert!(p.rows().into_iter().all(|row| (row.sum() - 1.0).abs() < 1e-14));
        check(&x, softmax_backward(p.view(), c.clone()).view(), |x| weigh(&softmax(x.clone()), &c));
    }

    #[test]
    fn activations(t in 1usize..4, d in 1usize..6, seed: u64) {
        // Away from 0, where ReLU has its kink.
        let x = random(seed, (t, d)).mapv(|v: f64| v + 0.05 * v.signum());
        let c = random(seed ^ 1, (t, d));
        for name in Activation::names() {
            let a = Activation::from_name(name).expect("a name of the list");
            check(&x, a.backward(x.view(), c.clone()).view(), |x| weigh(&a.forward(x.clone()), &c));
        }
    }

    #[test]
    fn embedding(v in 1usize..6, d in 1usize..4, ids in proptest::collection::vec(0u32..6, 1..8), seed: u64) {
        let ids: Vec<u32> = ids.into_iter().map(|id| id % v as u32).collect();
        let (table, c) = (random(seed, (v, d)), random(seed ^ 1, (ids.len(), d)));
        check(&table, gather_backward(&ids, c.view(), v).view(), |e| weigh(&gather(e.view(), &ids), &c));
    }

    #[test]
    fn dropout_repeats_its_mask(t in 1usize..6, d in 1usize..6, rate in 0.1f64..0.9, seed: u64) {
        let (x, c) = (random(seed, (t, d)), random(seed ^ 1, (t, d)));
        let dropout = Dropout::new(rate, Seed::new(seed).named("test"));
        let apply = |x: &Array2<f64>| { let mut y = x.clone(); dropout.apply(&mut y); y };
        check(&x, apply(&c).view(), |x| weigh(&apply(x), &c));
    }

    #[test]
    fn losses(n in 1usize..5, k in 2usize..6, seed: u64) {
        let x = random(seed, (n, k));
        let targets: Vec<_> = (0..n).map(|i| (i % 3 != 1).then_some((seed as usize).wrapping_add(i) % k)).collect();
        check(&x, cross_entropy_backward(x.clone(), &targets, 0.3).view(), |x| cross_entropy(x.view(), &targets, 0.3));
        let truths = random(seed ^ 3, (n, k)).mapv(|draw: f64| draw > 0.0);
        let gradient = binary_cross_entropy_backward(x.clone(), truths.view(), 0.3);
        check(&x, gradient.view(), |x| binary_cross_entropy(x.view(), truths.view(), 0.3));
        let (x, t) = (random(seed ^ 1, (n, 1)), vector(seed ^ 2, n).to_vec());
        check(&x, squared_error_backward(x.view(), &t, 0.3).view(), |x| squared_error(x.view(), &t, 0.3));
    }

    #[test]
    fn losses_through_an_output_layer(n in 1usize..5, v in 1usize..7, d in 1usize..5, seed: u64) {
        let (h, table) = (random(seed, (n, d)), random(seed ^ 1, (v, d)));
        let targets: Vec<u32> = (0..n).map(|i| ((seed as usize).wrapping_add(3 * i) % v) as u32).collect();
        let loss = |h: &Array2<f64>, table: &Array2<f64>| linear_cross_entropy(h.view(), table.view(), &targets, 0.3);
        let (same, d_h) = linear_cross_entropy_backward(h.view(), table.view(), &targets, 0.3);
        prop_assert_eq!(same, loss(&h, &table));
        check(&h, d_h.view(), |h| loss(h, &table));
        let d_table = linear_cross_entropy_weight_backward(h.view(), table.view(), &targets, 0.3);
        check(&table, d_table.view(), |table| loss(&h, table));
    }

    #[test]
    fn ragged_attention(lengths in proptest::collection::vec(1usize..5, 1..4), extra in 0usize..3, heads in (1usize..3, 1usize..3),
                        head_size in 1usize..4, mask in 0usize..4, reach in proptest::option::of(0usize..3), last: bool,
                        with_dropout: bool, seed: u64) {
        let case = attention_case(&lengths, extra, heads, head_size, mask, last);
        let (t, t_k) = (case.queries.tokens(), case.keys.tokens());
        let bias = reach.map(|reach| random(seed ^ 4, (case.heads, 2 * reach + 1)));
        let (q, c) = (random(seed, (t, case.width())), random(seed ^ 3, (t, case.width())));
        let [k, v] = [1, 2].map(|i| random(seed ^ i, (t_k, case.key_value_width())));
        let dropout = with_dropout.then(|| Dropout::new(0.4, Seed::new(seed)));
        let run = |q: &Array2<f64>, k: &Array2<f64>, v: &Array2<f64>, bias: Option<&Array2<f64>>, keep| {
            let mut description = case.clone();
            description.relative_bias = bias.map(ArrayBase::to_shared);
            attention(q.clone(), k.clone(), v.clone(), description, Precision::Full, dropout, keep)
        };
        let loss = |q: &Array2<f64>, k: &Array2<f64>, v: &Array2<f64>, b: Option<&Array2<f64>>| weigh(&run(q, k, v, b, false).0, &c);
        let all = AttentionNeeds::ALL;
        let g = attention_backward(run(&q, &k, &v, bias.as_ref(), true).1.expect("kept"), c.view(), all);
        check(&q, g.d_queries.expect("needed").view(), |q| loss(q, &k, &v, bias.as_ref()));
        check(&k, g.d_keys.expect("needed").view(), |k| loss(&q, k, &v, bias.as_ref()));
        check(&v, g.d_values.expect("needed").view(), |v| loss(&q, &k, v, bias.as_ref()));
        prop_assert_eq!(g.d_relative_bias.is_some(), bias.is_some());
        if let (Some(bias), Some(d)) = (&bias, g.d_relative_bias) {
            check(bias, d.view(), |bias| loss(&q, &k, &v, Some(bias)));
        }
    }

    #[test]
    fn attention_with_positions(lengths in proptest::collection::vec(1usize..6, 1..4), extra in 0usize..3, heads in (1usize..3, 1usize..3),
                                head_size in 1usize..4, mask in 0usize..4, reach in 0usize..4, last: bool, own: bool, seed: u64) {
        let case = attention_case(&lengths, extra, heads, head_size, mask, last);
        let (t, t_k) = (case.queries.tokens(), case.keys.tokens());
        let sequences = if own { lengths.len() } else { 1 };
        let (q, c) = (random(seed, (t, case.width())), random(seed ^ 3, (t, case.width())));
        let [k, v] = [1, 2].map(|i| random(seed ^ i, (t_k, case.key_value_width())));
        let (keys, queries) = (random(seed ^ 4, (5 * sequences, case.key_value_width())), random(seed ^ 5, (5 * sequences, case.width())));
        // Distances beyond the second share a row.
        let rows: Vec<usize> = (0..=2 * reach).map(|i| (2 + reach as isize - i as isize).clamp(0, 4) as usize).collect();
        let run = |q: &Array2<f64>, k: &Array2<f64>, keys: &Array2<f64>, queries: &Array2<f64>| {
            let terms = PositionTerms { keys: Some(keys.to_shared()), queries: Some(queries.to_shared()), rows: rows.clone().into(), sequences };
            attention(q.clone(), k.clone(), v.clone(), case.clone().with_position_terms(terms), Precision::Full, None, true)
        };
        let loss = |q: &Array2<f64>, k: &Array2<f64>, keys: &Array2<f64>, queries: &Array2<f64>| weigh(&run(q, k, keys, queries).0, &c);
        let g = attention_backward(run(&q, &k, &keys, &queries).1.expect("kept"), c.view(), AttentionNeeds::ALL);
        check(&q, g.d_queries.expect("needed").view(), |q| loss(q, &k, &keys, &queries));
        check(&k, g.d_keys.expect("needed").view(), |k| loss(&q, k, &keys, &queries));
        check(&keys, g.d_position_keys.expect("needed").view(), |keys| loss(&q, &k, keys, &queries));
        check(&queries, g.d_position_queries.expect("needed").view(), |queries| loss(&q, &k, &keys, queries));
    }

    #[test]
    fn rms_normalisation(t in 1usize..5, d in 1usize..8, one_plus: bool, seed: u64) {
        let (x, w, c) = (random(seed, (t, d)), vector(seed ^ 1, d), random(seed ^ 3, (t, d)));
        let weight = if one_plus { RmsWeight::OnePlus } else { RmsWeight::Plain };
        let norm = |x: &Array2<f64>, w: &Array2<f64>, keep| rms_norm(x.clone(), w.row(0), weight, 1e-2, keep);
        let (y, trace) = norm(&x, &row(&w), true);
        let trace = trace.expect("kept");
        let plain = Array2::from_shape_fn((t, d), |(t, i)| {
            let mean = x.row(t).iter().map(|x| x * x).sum::<f64>() / d as f64;
            x[[t, i]] / (mean + 1e-2).sqrt() * (w[i] + f64::from(u8::from(one_plus)))
        });
        prop_assert!((&y - &plain).iter().all(|e| e.abs() < 1e-14) && norm(&x, &row(&w), false).1.is_none());
        check(&x, rms_norm_input_backward(&trace, w.view(), weight, c.clone()).view(), |x| weigh(&norm(x, &row(&w), false).0, &c));
        check(&row(&w), row(&rms_norm_weight_backward(&trace, c.view())).view(), |w| weigh(&norm(&x, w, false).0, &c));
    }

    #[test]
    fn layer_normalisation_without_bias(t in 1usize..5, d in 2usize..8, seed: u64) {
        let (x, w, c) = (random(seed, (t, d)), vector(seed ^ 1, d), random(seed ^ 3, (t, d)));
        let norm = |x: &Array2<f64>, w: &Array2<f64>, keep| layer_norm(x.clone(), w.row(0), None, 1e-2, keep);
        let (y, trace) = norm(&x, &row(&w), true);
        let zero = Array1::zeros(d);
        prop_assert_eq!(&y, &layer_norm(x.clone(), w.view(), Some(zero.view()), 1e-2, false).0);
        let trace = trace.expect("kept");
        check(&x, layer_norm_input_backward(&trace, w.view(), c.clone()).view(), |x| weigh(&norm(x, &row(&w), false).0, &c));
        let (d_w, _) = layer_norm_parameters_backward(&trace, c.view());
        check(&row(&w), row(&d_w).view(), |w| weigh(&norm(&x, w, false).0, &c));
    }

    #[test]
    fn rotary_positions(t in 1usize..5, heads in 1usize..3, pairs in 0usize..4, rest in 0usize..3, seed: u64) {
        let size = (2 * pairs + rest).max(1);
        let (x, c) = (random(seed, (t, heads * size)), random(seed ^ 1, (t, heads * size)));
        let positions: Vec<usize> = (0..t).map(|i| (seed as usize % 50 + 7 * i) % 60).collect();
        let rotary = Rotary::new(&rotary_frequencies(100.0, 2 * pairs), 60);
        check(&x, rotary.rotate_backward(c.clone(), size, &positions).view(), |x| weigh(&rotary.rotate(x.clone(), size, &positions), &c));
    }

    #[test]
    fn gated_activations(t in 1usize..4, d in 1usize..6, seed: u64) {
        let gate = random(seed, (t, d)).mapv(|v: f64| v + 0.05 * v.signum());
        let (up, c) = (random(seed ^ 1, (t, d)), random(seed ^ 2, (t, d)));
        for activation in Activation::names().filter_map(Activation::from_name) {
            let y = gated(activation, gate.view(), up.view());
            prop_assert!((&y - &(activation.forward(gate.clone()) * &up)).iter().all(|e| e.abs() < 1e-15));
            let (d_gate, d_up) = gated_backward(activation, gate.view(), up.view(), c.clone());
            check(&gate, d_gate.view(), |gate| weigh(&gated(activation, gate.view(), up.view()), &c));
            check(&up, d_up.view(), |up| weigh(&gated(activation, gate.view(), up.view()), &c));
        }
    }
}

/// Grouped heads, one of the masks, and either all tokens or the first and the last of each sequence as queries.
fn attention_case(
    lengths: &[usize],
    prefix: usize,
    (group, key_value_heads): (usize, usize),
    head_size: usize,
    mask: usize,
    ends: bool,
) -> Attention<f64> {
    let tokens = Layout::from_lengths(lengths);
    let masks = [AttentionMask::Full, AttentionMask::Causal, AttentionMask::Window(1), AttentionMask::CausalWindow(2)];
    let of = |queries: Layout| {
        let attention = Attention::new(group * key_value_heads, head_size, queries, tokens.prepend(prefix));
        attention.with_key_value_heads(key_value_heads).with_mask(masks[mask])
    };
    if !ends {
        return of(tokens.clone());
    }
    let rows: Vec<u32> = tokens.ranges().flat_map(|range| [range.start as u32, range.end as u32 - 1]).collect();
    of(Layout::from_lengths(&vec![2; lengths.len()])).with_query_rows(&rows, &tokens)
}

/// Gradients that are not wanted are not computed, and the others do not change by it.
#[test]
fn attention_computes_only_what_is_needed() {
    let layout = Layout::from_lengths(&[3, 1, 4]);
    let shape = Attention::<f64>::new(2, 3, layout.clone(), layout);
    let (q, k, v, c) = (random(1, (8, 6)), random(2, (8, 6)), random(3, (8, 6)), random(4, (8, 6)));
    let run = |queries, keys, values| {
        let (_, trace) = attention(q.clone(), k.clone(), v.clone(), shape.clone(), Precision::Full, None, true);
        attention_backward(
            trace.expect("asked for"),
            c.view(),
            AttentionNeeds { queries, keys, values, ..AttentionNeeds::default() },
        )
    };
    let (all, only_q) = (run(true, true, true), run(true, false, false));
    let (only_k, only_v) = (run(false, true, false), run(false, false, true));
    assert!(only_q.d_keys.is_none() && only_q.d_values.is_none() && only_v.d_queries.is_none());
    assert_eq!((only_q.d_queries, only_k.d_keys, only_v.d_values), (all.d_queries, all.d_keys, all.d_values));
}

/// A sequence gives the same bits whatever shares its batch.
#[test]
fn attention_does_not_mix_sequences() {
    let run = |lengths: &[usize], first: usize| {
        let layout = Layout::from_lengths(lengths);
        let rows = |seed| {
            random::<f64, _>(seed, (40, 6)).slice(ndarray::s![first..first + layout.tokens(), ..]).mapv(|v| v as f32)
        };
        let (q, k, v) = (rows(1), rows(2), rows(3));
        let shape = Attention::new(3, 2, layout.clone(), layout);
        attention(q, k, v, shape, Precision::Full, None, false).0
    };
    let (together, alone) = (run(&[7, 12, 1, 20], 0), run(&[12], 7));
    assert_eq!(alone, together.slice(ndarray::s![7..19, ..]));
}
