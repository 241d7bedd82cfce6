//! Values and gradients of PyTorch, reproduced by every operation in both precisions.
//!
//! `fixtures/make.py` wrote the numbers; it has the same cases with the same settings.

use adaptune_autograd::tensor::{Activation, Attention, Dropout, Layout, Seed};
use adaptune_autograd::{Scalar, Tape, Var, attention, concatenate, stack};
use adaptune_test_support::largest_difference;
use ndarray::{ArrayD, ArrayViewD, Axis, Dimension, Ix1, Ix2, IxDyn};
use serde::Deserialize;

const CLASSES: [Option<usize>; 5] = [Some(2), None, Some(0), Some(3), Some(1)];
const TARGETS: [f64; 4] = [0.5, -1.25, 2.0, 0.75];
const TOKEN_IDS: [u32; 6] = [3, 0, 3, 4, 1, 3];
const QUERY_LENGTHS: [usize; 3] = [3, 1, 2];
const HEADS: usize = 2;
const PREFIX: usize = 2;

#[test]
fn double_precision() {
    check::<f64>(1e-12);
}

#[test]
fn single_precision() {
    check::<f32>(4e-6);
}

type V<S> = Var<S, IxDyn>;
type Operation<S> = fn(&[V<S>]) -> V<S>;

/// The operation of each case, in the order of the file.
fn operations<S: Scalar>() -> Vec<(&'static str, Operation<S>)> {
    [arithmetic(), elementwise(), reductions_and_shapes(), layers()].concat()
}

fn arithmetic<S: Scalar>() -> Vec<(&'static str, Operation<S>)> {
    vec![
        ("add_row", |x| &x[0] + &x[1]),
        ("add_block", |x| &x[0] + &x[1]),
        ("subtract_column", |x| &x[0] - &x[1]),
        ("subtract_from_row", |x| &x[0] - &x[1]),
        ("multiply_both_ways", |x| &x[0] * &x[1]),
        ("multiply_equal", |x| &x[0] * &x[1]),
        ("divide_by_number", |x| &x[0] / &x[1]),
        ("divide_row", |x| &x[0] / &x[1]),
        ("used_twice", |x| &x[0] * &x[0] + &x[0] / (&x[0] * &x[0] + S::from_f64(1.5))),
        ("negate", |x| -&x[0]),
        ("number_on_the_right", |x| {
            ((&x[0] + S::from_f64(0.7)) * S::from_f64(1.3) - S::from_f64(0.2)) / S::from_f64(1.9)
        }),
        ("number_on_the_left", number_on_the_left),
    ]
}

fn elementwise<S: Scalar>() -> Vec<(&'static str, Operation<S>)> {
    vec![
        ("exp", |x| x[0].exp()),
        ("ln", |x| x[0].ln()),
        ("sqrt", |x| x[0].sqrt()),
        ("abs", |x| x[0].abs()),
        ("erf", |x| x[0].erf()),
        ("square", |x| x[0].square()),
        ("powi_5", |x| x[0].powi(5)),
        ("powi_minus_2", |x| x[0].powi(-2)),
        ("tanh", |x| x[0].tanh()),
        ("sigmoid", |x| x[0].sigmoid()),
        ("relu", |x| x[0].activate(Activation::Relu)),
        ("gelu", |x| x[0].activate(Activation::Gelu)),
        ("gelu_tanh", |x| x[0].activate(Activation::GeluTanh)),
        ("silu", |x| x[0].activate(Activation::Silu)),
        ("leaky_relu", |x| x[0].activate(Activation::LeakyRelu)),
        ("dropout", |x| x[0].dropout(dropout())),
    ]
}

fn reductions_and_shapes<S: Scalar>() -> Vec<(&'static str, Operation<S>)> {
    vec![
        ("sum", |x| x[0].sum().into_dyn()),
        ("mean", |x| x[0].mean().into_dyn()),
        ("sum_axis", |x| x[0].sum_axis(Axis(1))),
        ("mean_axis", |x| x[0].mean_axis(Axis(2))),
        ("max_axis", |x| x[0].max_axis(Axis(1))),
        ("reshape", |x| x[0].reshape((4, 6)).into_dyn()),
        ("t", |x| x[0].t()),
        ("swap_axes", |x| x[0].swap_axes(Axis(0), Axis(2)).swap_axes(Axis(0), Axis(1))),
        ("insert_axis", |x| x[0].insert_axis(Axis(1))),
        ("remove_axis", |x| x[0].remove_axis(Axis(1))),
        ("broadcast", |x| x[0].broadcast((2, 3, 4)).into_dyn()),
        ("slice_axis", |x| x[0].slice_axis(Axis(2), 1..3)),
        ("index_axis", |x| x[0].index_axis(Axis(1), 2)),
        ("index_select", |x| x[0].index_select(Axis(1), &[2, 0, 2])),
        ("gather", |x| two(&x[0]).gather(&TOKEN_IDS).into_dyn()),
        ("concatenate", |x| concatenate(Axis(1), &x.iter().collect::<Vec<_>>())),
        ("stack", |x| stack(Axis(1), &x.iter().collect::<Vec<_>>())),
    ]
}

fn layers<S: Scalar>() -> Vec<(&'static str, Operation<S>)> {
    vec![
        ("matmul", |x| two(&x[0]).matmul(&two(&x[1])).into_dyn()),
        ("matmul_transposed", |x| two(&x[0]).t().matmul(&two(&x[1]).t()).into_dyn()),
        ("linear", |x| two(&x[0]).linear(&two(&x[1]), Some(&one(&x[2]))).into_dyn()),
        ("linear_without_bias", |x| two(&x[0]).linear(&two(&x[1]), None).into_dyn()),
        ("layer_norm", |x| two(&x[0]).layer_norm(&one(&x[1]), &one(&x[2]), 1e-3).into_dyn()),
        ("softmax", |x| two(&x[0]).softmax().into_dyn()),
        ("attention", |x| attend(x, 0, None)),
        ("attention_with_prefix", |x| attend(x, PREFIX, None)),
        ("attention_with_dropout", |x| attend(x, 0, Some(dropout()))),
        ("cross_entropy", |x| two(&x[0]).cross_entropy(&CLASSES, S::from_f64(0.3)).into_dyn()),
        ("squared_error", |x| two(&x[0]).squared_error(&TARGETS.map(S::from_f64), S::from_f64(0.3)).into_dyn()),
    ]
}

/// `1/2 + 17/10 (2/5 − 21/10 / x)`. A number of generic type has no place on the left, so it comes as a constant.
fn number_on_the_left<S: Scalar>(x: &[V<S>]) -> V<S> {
    let c = |c| Var::constant(ndarray::arr0(S::from_f64(c)).into_dyn());
    c(0.5) + c(1.7) * (c(0.4) - c(2.1) / &x[0])
}

fn attend<S: Scalar>(x: &[V<S>], prefix: usize, dropout: Option<Dropout>) -> V<S> {
    let queries = Layout::from_lengths(&QUERY_LENGTHS);
    let shape = Attention::new(HEADS, 2, queries.clone(), queries.prepend(prefix));
    attention(&two(&x[0]), &two(&x[1]), &two(&x[2]), &shape, dropout).into_dyn()
}

fn dropout() -> Dropout {
    Dropout::new(0.35, Seed::new(77))
}

fn one<S: Scalar>(x: &V<S>) -> Var<S, Ix1> {
    x.clone().into_dimensionality().expect("one axis in the fixture")
}

fn two<S: Scalar>(x: &V<S>) -> Var<S, Ix2> {
    x.clone().into_dimensionality().expect("two axes in the fixture")
}

#[derive(Deserialize)]
struct Case {
    name: String,
    inputs: Vec<Golden>,
    d_y: [Golden; 1],
    y: [Golden; 1],
    gradients: Vec<Golden>,
}

#[derive(Deserialize)]
struct Golden {
    shape: Vec<usize>,
    values: Vec<f64>,
}

impl Golden {
    fn array<S: Scalar>(&self) -> ArrayD<S> {
        let values = self.values.iter().map(|x| S::from_f64(*x)).collect();
        ArrayD::from_shape_vec(self.shape.as_slice(), values).expect("as many values as the shape has")
    }

    /// The largest difference, relative to the largest number or to 1.
    fn difference<S: Scalar, D: Dimension>(&self, found: ndarray::ArrayView<'_, S, D>) -> f64 {
        assert_eq!(found.shape(), self.shape);
        let largest = self.values.iter().fold(1.0f64, |largest, x| largest.max(x.abs()));
        largest_difference(found.iter().map(|x| x.to_f64()), self.values.iter().copied()) / largest
    }
}

fn check<S: Scalar>(tolerance: f64) {
    let cases: Vec<Case> =
        serde_json::from_str(include_str!("fixtures/golden.json")).expect("make.py writes such cases");
    let operations = operations::<S>();
    let names = |names: &mut dyn Iterator<Item = &str>| names.map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(names(&mut cases.iter().map(|c| &*c.name)), names(&mut operations.iter().map(|o| o.0)));
    for (case, (_, operation)) in cases.iter().zip(operations) {
        check_case(case, operation, tolerance);
    }
}

fn check_case<S: Scalar>(case: &Case, operation: Operation<S>, tolerance: f64) {
    let tape = Tape::new();
    let inputs: Vec<V<S>> = case.inputs.iter().map(|input| tape.variable(input.array())).collect();
    let y = operation(&inputs);
    let assert_close = |what: &str, golden: &Golden, found: ArrayViewD<'_, S>| {
        let difference = golden.difference(found);
        assert!(difference <= tolerance, "{}: {what} is off by {difference:.1e}", case.name);
    };
    assert_close("y", &case.y[0], y.value());

    let mut gradients = y.backward_from(case.d_y[0].array()).unwrap_or_else(|e| panic!("{}: {e}", case.name));
    for (i, (input, golden)) in inputs.iter().zip(&case.gradients).enumerate() {
        let gradient = gradients.take(input).expect("each result depends on all of its inputs");
        assert_close(&format!("gradient {i}"), golden, gradient.view());
    }
}
