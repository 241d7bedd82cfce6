//! Computing again instead of keeping.

use crate::record::record_list;
use crate::{Inputs, Tape, Var};
use adaptune_tensor::Scalar;
use ndarray::{Array, ArrayD, Dimension, IxDyn};

/// A segment of a computation of which only the inputs are kept (Chen et al., *Training deep nets
/// with sublinear memory cost*, 2016).
///
/// Forward runs `segment` without recording it. Backward runs it again on a tape of its own, walks
/// that, and frees it. So a segment costs one more forward pass and the memory of its inputs. It has
/// to compute the same both times: draw dropout masks from an addressed
/// [`Seed`](adaptune_tensor::Seed), which repeats them.
///
/// ```
/// use adaptune_autograd::{Tape, checkpoint, ndarray::arr1};
/// let tape = Tape::new();
/// let (x, w) = (tape.variable(arr1(&[0.5, -1.0])), tape.variable(arr1(&[2.0, 3.0])));
/// let y = checkpoint((&x, &w), |(x, w)| (x * w).exp().square());
/// assert_eq!(tape.records(), 3); // x, w and the segment
///
/// let mut gradients = y.sum().backward()?;
/// let d_x = gradients.take(&x).expect("the sum depends on it");
/// assert!((d_x[0] - 2.0 * 2.0 * (2.0_f64 * 0.5 * 2.0).exp()).abs() < 1e-12);
/// # Ok::<(), adaptune_autograd::BackwardError>(())
/// ```
///
/// # Panics
/// If `segment` uses a variable that is on a tape without getting it through `inputs`; its gradient
/// would be lost.
pub fn checkpoint<S, I, D>(inputs: I, segment: impl Fn(I::Variables) -> Var<S, D> + Send + 'static) -> Var<S, D>
where
    S: Scalar,
    I: Inputs<S>,
    D: Dimension,
{
    let inputs = inputs.list();
    record_list(&inputs, |needs| {
        let kept: Vec<_> = inputs.iter().map(|input| input.as_ref().map(Var::detach)).collect();
        let y = segment(I::variables(kept.clone()));
        assert_closed(&y);
        let needs = needs.to_vec();
        (y.to_shared(), move |d_y| again(kept, &needs, |list| segment(I::variables(list)), d_y))
    })
}

/// Runs the segment on a tape of its own, and backward on that.
fn again<S: Scalar, D: Dimension>(
    kept: Vec<Option<Var<S, IxDyn>>>,
    needs: &[bool],
    segment: impl FnOnce(Vec<Option<Var<S, IxDyn>>>) -> Var<S, D>,
    d_y: Array<S, D>,
) -> Vec<Option<ArrayD<S>>> {
    let tape = Tape::new();
    let place = |input: Var<S, IxDyn>, needed: bool| if needed { tape.variable(input.to_shared()) } else { input };
    let inputs: Vec<_> = kept.into_iter().zip(needs).map(|(input, n)| input.map(|input| place(input, *n))).collect();
    let y = segment(inputs.clone());
    if !y.needs_gradient() {
        // The segment ignores its inputs, so there are no gradients, not gradients of zero.
        return needs.iter().map(|_| None).collect();
    }
    let mut gradients = y.backward_from(d_y).expect("the tape is fresh, and a segment gives one shape");
    inputs.iter().map(|input| gradients.take(input.as_ref()?)).collect()
}

fn assert_closed<S: Scalar, D: Dimension>(y: &Var<S, D>) {
    assert!(
        !y.needs_gradient(),
        "a checkpointed segment uses a variable that is not among its inputs: pass it, or detach it"
    );
}
