//! What is kept, and until when: seen through tokens that backward functions hold.

use adaptune_autograd::{Tape, Var, checkpoint, record};
use ndarray::{Array1, Axis, Ix1, Ix2, arr1, arr2};
use std::sync::{Arc, Mutex, Weak};

/// Tokens that were handed out. One is alive as long as something keeps it.
#[derive(Clone, Default)]
struct Tokens(Arc<Mutex<Vec<Weak<()>>>>);

impl Tokens {
    fn hand_out(&self) -> Arc<()> {
        let token = Arc::new(());
        self.0.lock().expect("no test panics with it").push(Arc::downgrade(&token));
        token
    }

    /// For each token in order whether it is alive.
    fn alive(&self) -> Vec<bool> {
        self.0.lock().expect("no test panics with it").iter().map(|token| token.strong_count() > 0).collect()
    }

    fn count(&self) -> usize {
        self.alive().into_iter().filter(|alive| *alive).count()
    }
}

/// `y = 2x`, whose backward function holds a token and calls `when_run`.
fn double(x: &Var<f64, Ix1>, tokens: &Tokens, when_run: impl FnOnce() + Send + 'static) -> Var<f64, Ix1> {
    let token = tokens.hand_out();
    record(x, |_| {
        let backward = move |d_y: Array1<f64>| {
            when_run();
            drop(token);
            d_y * 2.0
        };
        (&x.value() * 2.0, backward)
    })
}

#[test]
fn memory_is_freed_as_backward_walks() {
    let (tape, tokens, seen) = (Tape::new(), Tokens::default(), Arc::new(Mutex::new(Vec::new())));
    let x = tape.variable(arr1(&[1.0, 3.0]));
    let y = (0..4).fold(x.clone(), |y, _| {
        let (all, seen) = (tokens.clone(), Arc::clone(&seen));
        double(&y, &tokens, move || seen.lock().expect("no test panics with it").push(all.alive()))
    });
    let side = double(&x, &tokens, || panic!("nothing depends on this"));
    assert_eq!(tokens.count(), 5);

    let d_x = y.sum().backward().expect("y depends on x").take(&x);
    assert_eq!(d_x, Some(arr1(&[16.0, 16.0])));
    assert_eq!(tokens.count(), 0);
    // When an operation runs, those after it are gone, and those before it still there.
    let walk = seen.lock().expect("no test panics with it").clone();
    let expected = (1..5).rev().map(|left| (0..5).map(|i| i < left).collect::<Vec<_>>());
    assert!(walk.into_iter().eq(expected));
    assert_eq!(side.value(), arr1(&[2.0, 6.0]));
}

#[test]
fn nothing_is_kept_for_constants() {
    let (tape, tokens) = (Tape::new(), Tokens::default());
    let (x, c) = (tape.variable(arr1(&[1.0])), tape.constant(arr1(&[1.0])));
    let results =
        [double(&c, &tokens, || {}), double(&x.detach(), &tokens, || {}), tape.no_grad(|| double(&x, &tokens, || {}))];
    assert_eq!((tokens.count(), tape.records()), (0, 1));
    assert!(results.iter().all(|y| y.value()[0] == 2.0));
}

#[test]
fn a_tape_that_is_dropped_frees_everything() {
    let tokens = Tokens::default();
    let x = Tape::new().variable(arr1(&[1.0]));
    let y = double(&x.exp(), &tokens, || {});
    drop(x);
    assert_eq!(tokens.count(), 1);
    drop(y);
    assert_eq!(tokens.count(), 0);
}

/// An array that nothing else shares is moved out of its variable, so the place of its elements tells.
fn is_kept<D: ndarray::Dimension>(x: Var<f64, D>) -> bool {
    let place = x.value().as_ptr();
    x.into_array().as_ptr() != place
}

/// What backward of an operation on two matrices keeps: of the first, of the second.
fn kept<D: ndarray::Dimension>(frozen: usize, f: impl Fn(&Var<f64, Ix2>, &Var<f64, Ix2>) -> Var<f64, D>) -> [bool; 2] {
    let tape = Tape::new();
    let make = |i: usize, x| if i == frozen { tape.constant(x) } else { tape.variable(x) };
    let (a, b) = (make(0, arr2(&[[1.5, 2.0], [0.5, 3.0]])), make(1, arr2(&[[2.5, 1.0], [4.0, -1.0]])));
    let y = f(&a, &b);
    assert!(y.needs_gradient());
    [is_kept(a), is_kept(b)]
}

const NONE: usize = 2;

#[test]
fn a_product_keeps_only_the_factors_that_are_needed() {
    assert_eq!(kept(1, |a, b| a * b), [false, true]);
    assert_eq!(kept(0, |a, b| a * b), [true, false]);
    assert_eq!(kept(NONE, |a, b| a * b), [true, true]);
    assert_eq!(kept(1, |a, b| a / b), [false, true]);
    assert_eq!(kept(0, |a, b| a / b), [true, true]);
    assert_eq!(kept(1, Var::matmul), [false, true]);
    assert_eq!(kept(0, Var::matmul), [true, false]);
    assert_eq!(kept(1, |x, w| x.linear(w, None)), [false, true]);
    assert_eq!(kept(0, |x, w| x.linear(w, None)), [true, false]);
}

#[test]
fn sums_and_shapes_keep_nothing() {
    assert_eq!(kept(NONE, |a, b| a + b), [false, false]);
    assert_eq!(kept(NONE, |a, b| a - b), [false, false]);
    assert_eq!(kept(NONE, |a, b| adaptune_autograd::concatenate(Axis(0), &[a, b])), [false, false]);
    assert_eq!(kept(NONE, |a, b| a.sum() + b.mean_axis(Axis(0)) * 3.0 - 1.0), [false, false]);
    // What keeps its result does not keep its input.
    assert_eq!(kept(NONE, |a, b| a.exp() + b.softmax()), [false, false]);
    assert_eq!(kept(NONE, |a, b| a.square() + b.exp()), [true, false]);
}

#[test]
fn views_share_the_array_of_their_input() {
    let x = Var::constant(arr2(&[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]));
    let place = x.value().as_ptr();
    assert_eq!(x.t().value().as_ptr(), place);
    assert_eq!(x.reshape(6).insert_axis(Axis(1)).value().as_ptr(), place);
    assert_eq!(x.slice_axis(Axis(1), 0..2).value().as_ptr(), place);
    assert_eq!(x.index_axis(Axis(0), 0).value().as_ptr(), place);
    assert_eq!(x.detach().into_dyn().value().as_ptr(), place);
}

/// `2 · 2 · exp(2 · 2 · x w)`, holding four tokens.
fn segment(x: &Var<f64, Ix1>, w: &Var<f64, Ix1>, tokens: &Tokens) -> Var<f64, Ix1> {
    let twice = |y: &Var<f64, Ix1>| double(&double(y, tokens, || {}), tokens, || {});
    twice(&twice(&(x * w)).exp())
}

#[test]
fn a_checkpoint_keeps_less_and_gives_the_same_bits() {
    let run = |with_checkpoint: bool, frozen: bool| {
        let (tape, tokens) = (Tape::new(), Tokens::default());
        let x = tape.variable(arr1(&[0.3, -0.7, 0.11]));
        let w = arr1(&[1.7, 0.4, -0.9]);
        let w = if frozen { tape.constant(w) } else { tape.variable(w) };
        let held = tokens.clone();
        let y = if with_checkpoint {
            checkpoint((&x, &w), move |(x, w)| segment(&x, &w, &held))
        } else {
            segment(&x, &w, &tokens)
        };
        assert_eq!(tokens.count(), if with_checkpoint { 0 } else { 4 });
        let mut gradients = (&y * &x).sum().backward().expect("it depends on x");
        assert_eq!(tokens.count(), 0);
        (y.to_array(), gradients.take(&x), gradients.take(&w))
    };
    for frozen in [false, true] {
        let (plain, again) = (run(false, frozen), run(true, frozen));
        assert_eq!(plain, again);
        assert!(again.1.is_some() && again.2.is_none() == frozen);
    }
}

#[test]
fn checkpoints_nest_and_take_inputs_of_every_kind() {
    let tape = Tape::new();
    let parts = [tape.variable(arr1(&[0.5, 1.5])), tape.variable(arr1(&[-1.0, 2.0]))];
    let bias = tape.variable(arr1(&[0.25, 4.0]));
    let inner = |x: Vec<Var<f64, Ix1>>| checkpoint(&x[..], |x| &x[0] * &x[1]).exp();
    let y = checkpoint(&parts[..], inner);
    let y = checkpoint((&y, Some(&bias), None::<&Var<f64, Ix2>>), |(y, bias, nothing)| {
        assert!(nothing.is_none());
        y + bias.expect("it was given")
    });
    assert_eq!(tape.records(), 5);
    let mut gradients = checkpoint(&y, |y| y.square()).sum().backward().expect("it depends on all");
    let product = (&parts[0].value() * &parts[1].value()).mapv(f64::exp);
    let d_y = (&product + &bias.value()) * 2.0;
    assert_eq!(gradients.take(&bias), Some(d_y.clone()));
    assert_eq!(gradients.take(&parts[0]), Some(d_y * product * parts[1].value()));
}

#[test]
fn a_checkpoint_that_ignores_an_input_gives_it_no_gradient() {
    let tape = Tape::new();
    let (x, ignored) = (tape.variable(arr1(&[3.0])), tape.variable(arr1(&[5.0])));
    let y = checkpoint((&x, &ignored), |(x, _)| x.square());
    let mut gradients = y.sum().backward().expect("it depends on x");
    assert_eq!((gradients.take(&x), gradients.take(&ignored)), (Some(arr1(&[6.0])), None));

    let tape = Tape::new();
    let x = tape.variable(arr1(&[3.0]));
    let y = checkpoint(&x, |x| Var::constant(x.to_array()));
    assert_eq!((y.sum() + x.sum()).backward().expect("it depends on x").take(&x), Some(arr1(&[1.0])));
}

#[test]
#[should_panic(expected = "uses a variable that is not among its inputs")]
fn a_checkpoint_cannot_lose_a_variable() {
    let tape = Tape::new();
    let (x, w) = (tape.variable(arr1(&[3.0])), tape.variable(arr1(&[5.0])));
    let _ = checkpoint(&x, move |x| x * &w);
}

#[test]
fn a_place_keeps_no_array() {
    let tape = Tape::new();
    let x = tape.variable(arr1(&[3.0, -1.0]));
    let y = &x - 2.0;
    let (at_x, at_y) = (x.place(), y.place());
    assert!(!is_kept(x) && !is_kept(y));
    let mut gradients = tape.backward([at_y.with_gradient(arr1(&[0.5, 4.0]))]).expect("y is on the tape");
    assert_eq!((gradients.take_at(&at_x), gradients.take_at(&at_x)), (Some(arr1(&[0.5, 4.0])), None));

    let constant = Var::constant(arr1(&[1.0])).place();
    assert!(!constant.needs_gradient() && constant.tape().is_none() && at_x.tape().is_some());
}
