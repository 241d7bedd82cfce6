//! Recording an operation: every one of this crate, and those of its users.

use crate::tape::Tape;
use crate::{Inputs, Var};
use adaptune_tensor::Scalar;
use ndarray::{Array, ArrayBase, ArrayD, DataOwned, Dimension, IxDyn};

/// Computes an operation and puts it on the tape of its inputs.
///
/// `forward` is told which inputs need gradients, and gives the value together with the backward
/// function. That one gets `d_y`, the gradient of the value, to keep, and gives the gradient of each
/// input that needs one; those of others may be `None`. There is no way to record a value without it.
/// If no input needs a gradient, or under [`Tape::no_grad`], the backward function is dropped on the
/// spot with all that it holds, and the result is a constant.
///
/// A backward function should hold arrays ([`Var::to_shared`]), and of these only the ones that the
/// needed gradients call for. It should not hold a [`Var`], which would keep its own tape alive.
///
/// The product of a matrix and a column, `y = A x` with `d_A = d_y xᵀ` and `d_x = Aᵀ d_y`:
///
/// ```
/// use adaptune_autograd::{Scalar, Tape, Var, record};
/// use adaptune_autograd::ndarray::{Array, Axis, Ix1, Ix2, arr1, arr2};
///
/// fn product<S: Scalar>(a: &Var<S, Ix2>, x: &Var<S, Ix1>) -> Var<S, Ix1> {
///     record((a, x), |(a_needs, x_needs)| {
///         let y = a.value().dot(&x.value());
///         let kept_x = a_needs.then(|| x.to_shared());
///         let kept_a = x_needs.then(|| a.to_shared());
///         let backward = move |d_y: Array<S, Ix1>| {
///             let d_x = kept_a.map(|a| a.t().dot(&d_y));
///             let d_a = kept_x.map(|x| d_y.insert_axis(Axis(1)).dot(&x.insert_axis(Axis(0))));
///             (d_a, d_x)
///         };
///         (y, backward)
///     })
/// }
///
/// let tape = Tape::new();
/// let frozen = Var::constant(arr2(&[[1.0, 2.0], [-3.0, 0.5]]));
/// let x = tape.variable(arr1(&[0.3, -0.2]));
/// let y = product(&frozen, &x); // keeps the matrix, and not x
/// assert_eq!(y.backward_from(arr1(&[1.0, 10.0]))?.take(&x), Some(arr1(&[-29.0, 7.0])));
/// # Ok::<(), adaptune_autograd::BackwardError>(())
/// ```
///
/// # Panics
/// If the inputs are on different tapes, or on one whose backward pass has run. The backward pass
/// panics if the backward function gives no gradient for an input that needs one, or one of another
/// shape than the input has.
pub fn record<S, I, R, D, B>(inputs: I, forward: impl FnOnce(I::Needs) -> (ArrayBase<R, D>, B)) -> Var<S, D>
where
    S: Scalar,
    I: Inputs<S>,
    R: DataOwned<Elem = S>,
    D: Dimension,
    B: FnOnce(Array<S, D>) -> I::Gradients + Send + 'static,
{
    record_list(&inputs.list(), |needs| {
        let (y, backward) = forward(I::needs(needs));
        let needs = needs.to_vec();
        let checked = move |d_y| {
            let gradients = I::gradients(backward(d_y));
            assert_complete(&needs, &gradients);
            gradients
        };
        (y, checked)
    })
}

/// [`record`] on lists, and without the check that every needed gradient is given.
pub(crate) fn record_list<S, R, D, B>(
    inputs: &[Option<Var<S, IxDyn>>],
    forward: impl FnOnce(&[bool]) -> (ArrayBase<R, D>, B),
) -> Var<S, D>
where
    S: Scalar,
    R: DataOwned<Elem = S>,
    D: Dimension,
    B: FnOnce(Array<S, D>) -> Vec<Option<ArrayD<S>>> + Send + 'static,
{
    let nodes: Vec<_> = inputs.iter().map(|input| input.as_ref()?.node.as_ref()).collect();
    let tape = common_tape(nodes.iter().flatten().map(|node| &node.tape)).filter(|tape| tape.recording());
    let needs: Vec<bool> = nodes.iter().map(|node| tape.is_some() && node.is_some()).collect();
    let (y, backward) = forward(&needs);
    let Some(tape) = tape else { return Var::constant(y) };

    let y = y.into_shared();
    let parents = nodes.iter().map(|node| node.map(|node| node.index)).collect();
    let backward = |d_y: ArrayD<S>| backward(d_y.into_dimensionality().expect("a gradient has the rank of its value"));
    let node = tape.operation(y.raw_dim().into_dyn(), parents, Box::new(backward));
    Var::new(y, Some(node))
}

/// The tape of all inputs that are on one.
fn common_tape<'a, S: Scalar>(mut tapes: impl Iterator<Item = &'a Tape<S>>) -> Option<&'a Tape<S>> {
    let first = tapes.next()?;
    assert!(tapes.all(|tape| tape.is(first)), "an operation has variables of two tapes; detach one of them");
    Some(first)
}

fn assert_complete<S>(needs: &[bool], gradients: &[Option<ArrayD<S>>]) {
    assert_eq!(gradients.len(), needs.len(), "a backward function gives an entry for each of its inputs");
    for (i, (needed, gradient)) in needs.iter().zip(gradients).enumerate() {
        assert!(!needed || gradient.is_some(), "a backward function gave no gradient for input {i}, which needs one");
    }
}
