//! Every backward function against finite differences of its forward function.

use adaptune_autograd::check_gradients;
use adaptune_tensor::*;
use ndarray::{Array1, Array2, ArrayView2, Axis};
use proptest::prelude::*;

fn random(seed: u64, shape: (usize, usize)) -> Array2<f64> {
    let seed = Seed::new(seed);
    Array2::from_shape_fn(shape, |(i, j)| 3.0 * seed.unit((i * shape.1 + j) as u64) - 1.5)
}

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
        let norm = |x: &Array2<f64>, w: &Array2<f64>, b: &Array2<f64>, keep| layer_norm(x.clone(), w.row(0), b.row(0), 1e-2, keep);
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
        let (x, c) = (random(seed, (n, k)), random(seed ^ 1, (n, k)));
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
        let (x, t) = (random(seed ^ 1, (n, 1)), vector(seed ^ 2, n).to_vec());
        check(&x, squared_error_backward(x.view(), &t, 0.3).view(), |x| squared_error(x.view(), &t, 0.3));
    }

    #[test]
    fn ragged_attention(lengths in proptest::collection::vec(1usize..5, 1..4), extra in 0usize..3, heads in 1usize..4,
                        head_size in 1usize..4, with_dropout: bool, seed: u64) {
        let queries = Layout::from_lengths(&lengths);
        let keys = queries.prepend(extra);
        let (t, t_k, d) = (queries.tokens(), keys.tokens(), heads * head_size);
        let shape = AttentionShape { heads, head_size, queries, keys };
        let (q, k, v, c) = (random(seed, (t, d)), random(seed ^ 1, (t_k, d)), random(seed ^ 2, (t_k, d)), random(seed ^ 3, (t, d)));
        let dropout = with_dropout.then(|| Dropout::new(0.4, Seed::new(seed)));
        let run = |q: &Array2<f64>, k: &Array2<f64>, v: &Array2<f64>, keep| attention(q.clone(), k.clone(), v.clone(), shape.clone(), Precision::Full, dropout, keep);
        let (y, trace) = run(&q, &k, &v, true);
        if !with_dropout {
            let plain = attention_reference(q.view(), k.view(), v.view(), &shape);
            prop_assert!((&y - &plain).iter().all(|e| e.abs() < 1e-13));
        }
        let all = AttentionNeeds { queries: true, keys: true, values: true };
        let g = attention_backward(trace.expect("asked for"), c.view(), all);
        check(&q, g.d_queries.expect("asked for").view(), |q| weigh(&run(q, &k, &v, false).0, &c));
        check(&k, g.d_keys.expect("asked for").view(), |k| weigh(&run(&q, k, &v, false).0, &c));
        check(&v, g.d_values.expect("asked for").view(), |v| weigh(&run(&q, &k, v, false).0, &c));
    }
}

/// What is not asked for is not computed, and what is does not change by it.
#[test]
fn attention_computes_only_what_is_needed() {
    let layout = Layout::from_lengths(&[3, 1, 4]);
    let shape = AttentionShape { heads: 2, head_size: 3, queries: layout.clone(), keys: layout };
    let (q, k, v, c) = (random(1, (8, 6)), random(2, (8, 6)), random(3, (8, 6)), random(4, (8, 6)));
    let run = |queries, keys, values| {
        let (_, trace) = attention(q.clone(), k.clone(), v.clone(), shape.clone(), Precision::Full, None, true);
        attention_backward(trace.expect("asked for"), c.view(), AttentionNeeds { queries, keys, values })
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
        let rows =
            |seed| random(seed, (40, 6)).slice(ndarray::s![first..first + layout.tokens(), ..]).mapv(|v| v as f32);
        let (q, k, v) = (rows(1), rows(2), rows(3));
        let shape = AttentionShape { heads: 3, head_size: 2, queries: layout.clone(), keys: layout };
        attention(q, k, v, shape, Precision::Full, None, false).0
    };
    let (together, alone) = (run(&[7, 12, 1, 20], 0), run(&[12], 7));
    assert_eq!(alone, together.slice(ndarray::s![7..19, ..]));
}
