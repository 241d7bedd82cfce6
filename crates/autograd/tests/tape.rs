//! What the tape promises: nothing for constants, no copies, no silent cut, one backward pass.

use adaptune_autograd::tensor::{AnyParameter, Kind, Parameter, Slot};
use adaptune_autograd::{BackwardError, Scalar, Tape, TapeGradients, Var, record};
use ndarray::{Array, Array1, Ix1, Ix2, arr0, arr1, arr2};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;

/// `y = x`, whose backward function gives what `gradient` makes of `d_y`.
fn through<S: Scalar>(x: &Var<S, Ix1>, gradient: impl FnOnce(Array1<S>) -> Array1<S> + Send + 'static) -> Var<S, Ix1> {
    record(x, |_| (x.to_array(), gradient))
}

fn expect<S: Scalar, T>(gradients: Result<T, BackwardError>) -> T {
    gradients.unwrap_or_else(|e| panic!("{}: {e}", S::NAME))
}

#[test]
fn constants_are_never_differentiated() {
    let tape = Tape::new();
    let (x, frozen) = (tape.variable(arr1(&[1.5, -2.0])), tape.constant(arr1(&[0.5, 3.0])));
    let never = |_: Array1<f64>| panic!("a constant was differentiated");
    let weight = through(&through(&frozen, never), never).exp();
    assert!(!weight.needs_gradient() && tape.records() == 1, "only x is on the tape");

    let y = &x * &weight;
    let mut gradients = expect::<f64, _>(y.sum().backward());
    assert_eq!(gradients.take(&x), Some(frozen.value().mapv(f64::exp)));
    assert!(gradients.take(&frozen).is_none() && gradients.is_empty());
}

/// Operations are told which inputs need gradients, before they compute anything.
#[test]
fn needs_follow_the_inputs() {
    let tape = Tape::<f64>::new();
    let (x, c) = (tape.variable(arr1(&[1.0])), Var::constant(arr1(&[2.0])));
    let seen = |inputs: (&Var<f64, Ix1>, Option<&Var<f64, Ix1>>)| {
        let mut seen = None;
        let _ = record(inputs, |needs| {
            seen = Some(needs);
            (arr0(0.0), |_| (None, None))
        });
        seen.expect("forward always runs")
    };
    assert_eq!(seen((&x, Some(&c))), (true, false));
    assert_eq!(seen((&c, Some(&x.exp()))), (false, true));
    assert_eq!(seen((&x, None)), (true, false));
    assert_eq!(tape.no_grad(|| seen((&x, Some(&x)))), (false, false));
}

#[test]
fn a_first_gradient_is_moved() {
    let tape = Tape::new();
    let x = tape.variable(arr1(&[1.0, 2.0, 3.0]));
    let d_y = arr1(&[0.5, -1.0, 2.0]);
    let place = d_y.as_ptr();
    // Six operations that hand on the gradient they get, and not one copy.
    let y = ((through(&x, |d| d) + 1.0) - 2.0).reshape((3, 1)).t().reshape(3);
    let gradient = expect::<f64, _>(y.backward_from(d_y)).take(&x).expect("y depends on x");
    assert_eq!((gradient.as_ptr(), gradient), (place, arr1(&[0.5, -1.0, 2.0])));
}

/// What is broadcast gets a sum, so the other one can have the array itself.
#[test]
fn adding_a_bias_copies_no_gradient() {
    for bias_first in [false, true] {
        let tape = Tape::new();
        let (x, bias) = (tape.variable(arr2(&[[1.0, 2.0], [3.0, 4.0]])), tape.variable(arr1(&[0.5, -0.5])));
        let d_y = arr2(&[[1.0, 10.0], [100.0, 1000.0]]);
        let place = d_y.as_ptr();
        let y = if bias_first { &bias + &x } else { &x - &bias };
        let mut gradients = expect::<f64, _>(y.backward_from(d_y));
        assert_eq!(gradients.take(&x).map(|d_x| d_x.as_ptr()), Some(place));
        let sign = if bias_first { 1.0 } else { -1.0 };
        assert_eq!(gradients.take(&bias), Some(arr1(&[101.0, 1010.0]) * sign));
    }
}

#[test]
fn later_gradients_are_added_in_place() {
    let tape = Tape::new();
    let x = tape.variable(arr1(&[1.0, 2.0]));
    let first = arr1(&[10.0, 20.0]);
    let place = first.as_ptr();
    // Backward walks from the end, so the branch that was recorded last arrives first.
    let (a, b) = (through(&x, |_| arr1(&[1.0, 2.0])), through(&x, move |_| first));
    let gradient = expect::<f64, _>((a + b).sum().backward()).take(&x).expect("it depends on x");
    assert_eq!((gradient.as_ptr(), gradient), (place, arr1(&[11.0, 22.0])));
}

#[test]
fn what_a_result_does_not_depend_on_has_no_gradient() {
    let tape = Tape::new();
    let (x, unused, cut) = (tape.variable(arr1(&[3.0])), tape.variable(arr1(&[4.0])), tape.variable(arr1(&[5.0])));
    let side = through(&unused, |_| panic!("nothing depends on this branch"));
    let mut gradients = expect::<f64, _>((&x * &cut.detach()).sum().backward());
    assert_eq!(gradients.get(&x), Some(arr1(&[5.0]).view()));
    assert_eq!((gradients.take(&x), gradients.take(&x)), (Some(arr1(&[5.0])), None));
    assert_eq!((gradients.take(&unused), gradients.take(&cut)), (None, None));
    assert!(side.needs_gradient());
}

#[test]
fn several_results_start_one_pass() {
    let tape = Tape::new();
    let x = tape.variable(arr2(&[[1.0, -2.0, 0.5]]));
    let y = x.exp();
    let z = y.sum();
    // y is a result, and on the way to another one.
    let outputs = [y.with_gradient(arr2(&[[1.0, 2.0, 3.0]])), z.with_gradient(arr0(10.0))];
    let d_x = expect::<f64, _>(tape.backward(outputs)).take(&x).expect("both depend on it");
    assert_eq!(d_x, y.value().to_owned() * arr2(&[[11.0, 12.0, 13.0]]));
}

#[test]
fn gradients_come_in_standard_layout() {
    let tape = Tape::new();
    let x = tape.variable(arr2(&[[1.0f32, 2.0, 3.0], [4.0, 5.0, 6.0]]));
    let d_y = arr2(&[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]);
    let d_x = expect::<f32, _>(x.t().backward_from(d_y.clone())).take(&x).expect("it depends on x");
    assert!(d_x.is_standard_layout() && d_x == d_y.t());
}

#[test]
fn a_backward_pass_runs_once() {
    let tape = Tape::new();
    let x = tape.variable(arr0(2.0));
    let y = &x * &x;
    assert!(y.backward().is_ok());
    assert_eq!(y.backward().unwrap_err(), BackwardError::Spent);
    assert_eq!(tape.records(), 0);
    let message = panic_message(|| drop(&x + 1.0));
    assert!(message.contains("begin the next step with a new tape"), "{message}");
    assert_eq!((x.detach() + 1.0).item(), 3.0);
}

#[test]
fn a_pass_that_cannot_start_says_why_and_leaves_the_tape() {
    let (tape, other) = (Tape::new(), Tape::new());
    let (x, z) = (tape.variable(arr1(&[1.0, 2.0])), other.variable(arr0(1.0)));
    let y = &x * 3.0;
    assert_eq!(Var::constant(arr0(1.0f32)).backward().unwrap_err(), BackwardError::Constant);
    assert_eq!(tape.backward([]).unwrap_err(), BackwardError::Nothing);
    assert_eq!(tape.backward([z.with_gradient(arr0(1.0))]).unwrap_err(), BackwardError::OtherTape);
    let shape = y.backward_from(arr1(&[1.0])).unwrap_err();
    assert_eq!(shape.to_string(), "the result has shape [2], but the gradient given for it has [1]");
    assert_eq!(expect::<f64, _>(y.sum().backward()).take(&x), Some(arr1(&[3.0, 3.0])));
}

#[test]
fn gradients_are_asked_of_the_right_variables() {
    let (tape, other) = (Tape::new(), Tape::new());
    let (x, z) = (tape.variable(arr0(2.0)), other.variable(arr0(3.0)));
    let y = &x * &x;
    let mut gradients = expect::<f64, _>(y.backward());
    let mut message = |variable: &_| panic_message(|| drop(gradients.take(variable)));
    assert!(message(&z).contains("on another tape"));
    assert!(message(&y).contains("only variables that `Tape::variable` made"));
    assert!(panic_message(|| drop(&x * &z)).contains("variables of two tapes"));
}

#[test]
fn a_backward_function_must_keep_to_the_rules() {
    let x = |tape: &Tape<f64>| tape.variable(arr1(&[1.0, 2.0]));
    let tape = Tape::new();
    let wrong = through(&x(&tape), |_| arr1(&[1.0, 2.0, 3.0]));
    assert!(panic_message(|| drop(wrong.sum().backward())).contains("another shape"));

    let tape = Tape::new();
    let (a, b) = (x(&tape), x(&tape));
    let forgetful: Var<f64, Ix1> = record((&a, &b), |_| (a.to_array(), |d_y| (Some(d_y), None)));
    assert!(panic_message(|| drop(forgetful.sum().backward())).contains("no gradient for input 1"));

    // A gradient that nobody needs is dropped.
    let tape = Tape::new();
    let (a, b) = (x(&tape), tape.constant(arr1(&[5.0])));
    let lavish: Var<f64, Ix1> = record((&a, &b), |_| (a.to_array(), |d_y| (Some(d_y), Some(arr1(&[7.0])))));
    assert_eq!(expect::<f64, _>(lavish.sum().backward()).len(), 1);
}

#[test]
fn no_grad_holds_for_its_thread_and_ends_even_by_panic() {
    let tape = Tape::new();
    let x = tape.variable(arr0(2.0));
    let (inner, outer) = tape.no_grad(|| {
        let inner = tape.no_grad(|| &x * 2.0);
        let elsewhere = thread::scope(|s| s.spawn(|| &x * 2.0).join());
        assert!(elsewhere.is_ok_and(|y| y.needs_gradient()), "another thread records");
        (inner, &x * 3.0)
    });
    assert!(!inner.needs_gradient() && !outer.needs_gradient());
    assert_eq!(panic_message(|| tape.no_grad(|| panic!("within"))), "within");
    assert_eq!(expect::<f64, _>((&x * outer).backward()).take(&x), Some(arr0(6.0)));
}

/// A forward pass may hand its tape to a backward pass that runs later and elsewhere.
#[test]
fn tape_and_variables_move_to_another_thread() {
    type Later = Box<dyn FnOnce(Array<f32, Ix2>) -> Option<Array<f32, Ix2>> + Send>;
    let forward = |x: Array<f32, Ix2>| -> (Array<f32, Ix2>, Later) {
        let tape = Tape::new();
        let x = tape.variable(x);
        let y = x.square();
        (y.to_array(), Box::new(move |d_y| expect::<f32, _>(y.backward_from(d_y)).take(&x)))
    };
    let (y, backward) = forward(arr2(&[[3.0, -4.0]]));
    assert_eq!(y, arr2(&[[9.0, 16.0]]));
    let d_x = thread::spawn(move || backward(arr2(&[[1.0, 0.5]]))).join().expect("the thread ends well");
    assert_eq!(d_x, Some(arr2(&[[6.0, -4.0]])));
}

#[test]
fn parameters_are_variables_only_while_they_train() {
    let mut parameter = Parameter::new(Kind::Weight, arr1(&[1.0, -2.0]));
    let tape = Tape::new();
    assert!(!tape.parameter(&parameter).needs_gradient());
    parameter.set_slot(Some(Slot(0)));
    let w = tape.parameter(&parameter);
    let mut gradients: TapeGradients<f64> = expect::<f64, _>(w.square().sum().backward());
    assert_eq!(gradients.take(&w), Some(arr1(&[2.0, -4.0])));
}

#[test]
fn other_types_for_the_rank_record_nothing() {
    let tape = Tape::new();
    let x = tape.variable(arr2(&[[1.0, 2.0]]));
    let same: Var<f64, Ix2> = x.clone().into_dyn().into_dimensionality().expect("two axes");
    assert!(same.clone().into_dimensionality::<Ix1>().is_err());
    let mut gradients = expect::<f64, _>((&x * &same).sum().backward());
    assert_eq!((gradients.take(&same), gradients.take(&x)), (Some(arr2(&[[2.0, 4.0]])), None));
}

/// What `work` panics with.
fn panic_message(work: impl FnOnce()) -> String {
    let panic = catch_unwind(AssertUnwindSafe(work)).expect_err("it panics");
    panic
        .downcast_ref::<String>()
        .cloned()
        .or_else(|| panic.downcast_ref::<&str>().map(ToString::to_string))
        .unwrap_or_default()
}
