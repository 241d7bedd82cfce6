//! Matrix products, layers and losses.

use crate::{V, check, random, rank};
use adaptune_autograd::tensor::{Attention, Dropout, Layout, Seed, attention_reference};
use adaptune_autograd::{Tape, Var, attention};
use ndarray::{Ix1, Ix2};
use proptest::prelude::*;

fn two(x: &V) -> Var<f64, Ix2> {
    rank(x)
}

fn one(x: &V) -> Var<f64, Ix1> {
    rank(x)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn products(m in 1usize..5, k in 1usize..6, n in 1usize..5, seed: u64) {
        check(&[random(seed, &[m, k]), random(seed ^ 1, &[k, n])], |x| two(&x[0]).matmul(&two(&x[1])));
        check(&[random(seed, &[k, m]), random(seed ^ 1, &[k, n])], |x| two(&x[0]).t().matmul(&two(&x[1])));
        check(&[random(seed, &[m, k]), random(seed ^ 1, &[n, k])], |x| two(&x[0]).matmul(&two(&x[1]).t()));
        check(&[random(seed, &[m, k])], |x| two(&x[0]).matmul(&two(&x[0]).t()));
    }

    #[test]
    fn linear_layers(t in 1usize..5, i in 1usize..6, o in 1usize..6, seed: u64) {
        let inputs = [random(seed, &[t, i]), random(seed ^ 1, &[o, i]), random(seed ^ 2, &[o])];
        check(&inputs, |x| two(&x[0]).linear(&two(&x[1]), Some(&one(&x[2]))));
        check(&inputs[..2], |x| two(&x[0]).linear(&two(&x[1]), None));
    }

    #[test]
    fn layer_norms(t in 1usize..5, d in 2usize..8, seed: u64) {
        let inputs = [random(seed, &[t, d]), random(seed ^ 1, &[d]), random(seed ^ 2, &[d])];
        check(&inputs, |x| two(&x[0]).layer_norm(&one(&x[1]), &one(&x[2]), 1e-2));
    }

    #[test]
    fn softmax(n in 1usize..5, k in 1usize..7, seed: u64) {
        check(&[random(seed, &[n, k])], |x| two(&x[0]).softmax());
        check(&[random(seed, &[n, k])], |x| two(&x[0]).t().softmax().t());
    }

    #[test]
    fn losses(n in 1usize..5, k in 2usize..6, seed: u64) {
        let classes: Vec<_> = (0..n).map(|i| (i % 3 != 1).then_some((seed as usize).wrapping_add(i) % k)).collect();
        check(&[random(seed, &[n, k])], |x| two(&x[0]).cross_entropy(&classes, 0.3));
        let targets: Vec<f64> = random(seed ^ 2, &[n]).into_iter().collect();
        check(&[random(seed, &[n, 1])], |x| two(&x[0]).squared_error(&targets, 0.3));
    }

    #[test]
    fn ragged_attention(lengths in proptest::collection::vec(1usize..5, 1..4), extra in 0usize..3, heads in 1usize..4,
                        head_size in 1usize..4, rate in proptest::option::of(0.1f64..0.6), seed: u64) {
        let queries = Layout::from_lengths(&lengths);
        let keys = queries.prepend(extra);
        let (t, t_k, d) = (queries.tokens(), keys.tokens(), heads * head_size);
        let shape = Attention::new(heads, head_size, queries, keys);
        let dropout = rate.map(|rate| Dropout::new(rate, Seed::new(seed)));
        let inputs = [random(seed, &[t, d]), random(seed ^ 1, &[t_k, d]), random(seed ^ 2, &[t_k, d])];
        check(&inputs, |x| attention(&two(&x[0]), &two(&x[1]), &two(&x[2]), &shape, dropout));
        // Arrays in another memory order, as transposes give them.
        let transposed = inputs.each_ref().map(|x| x.t().as_standard_layout().into_owned());
        check(&transposed, |x| attention(&two(&x[0]).t(), &two(&x[1]).t(), &two(&x[2]).t(), &shape, dropout).t());
        if dropout.is_none() {
            let [q, k, v] = inputs.map(|x| Var::constant(x).into_dimensionality::<Ix2>().expect("two axes"));
            let plain = attention_reference(q.value(), k.value(), v.value(), &shape);
            prop_assert!((&attention(&q, &k, &v, &shape, None).value() - &plain).iter().all(|e| e.abs() < 1e-13));
        }
    }
}

/// Each subset of the inputs of a layer gets the same gradients as when all are wanted, and no more.
#[test]
fn any_inputs_may_be_frozen() {
    let arrays = [random(1, &[4, 6]), random(2, &[3, 6]), random(3, &[3])];
    subsets(&arrays, |x| two(&x[0]).linear(&two(&x[1]), Some(&one(&x[2]))).into_dyn());
    let arrays = [random(1, &[4, 5]), random(2, &[5]), random(3, &[5])];
    subsets(&arrays, |x| two(&x[0]).layer_norm(&one(&x[1]), &one(&x[2]), 1e-3).into_dyn());
    let layout = Layout::from_lengths(&[2, 1, 3]);
    let shape = Attention::new(2, 2, layout.clone(), layout);
    let arrays = [random(1, &[6, 4]), random(2, &[6, 4]), random(3, &[6, 4])];
    subsets(&arrays, |x| attention(&two(&x[0]), &two(&x[1]), &two(&x[2]), &shape, None).into_dyn());
    let arrays = [random(1, &[4, 5]), random(2, &[5, 3])];
    subsets(&arrays, |x| two(&x[0]).matmul(&two(&x[1])).into_dyn());
}

fn subsets(arrays: &[ndarray::ArrayD<f64>], f: impl Fn(&[V]) -> V) {
    let gradients = |subset: usize| -> Vec<_> {
        let tape = Tape::new();
        let place = |(i, x): (usize, &ndarray::ArrayD<f64>)| {
            if subset >> i & 1 == 1 { tape.variable(x.clone()) } else { tape.constant(x.clone()) }
        };
        let x: Vec<V> = arrays.iter().enumerate().map(place).collect();
        let y = f(&x);
        let mut gradients = y.backward_from(random(9, y.shape())).expect("something needs a gradient");
        x.iter().map(|x| gradients.take(x)).collect()
    };
    let whole = (1 << arrays.len()) - 1;
    let all = gradients(whole);
    for subset in 1..whole {
        for (i, gradient) in gradients(subset).into_iter().enumerate() {
            assert_eq!(gradient, all[i].clone().filter(|_| subset >> i & 1 == 1), "input {i} of subset {subset:b}");
        }
    }
}
