//! The class that logits are for.

use adaptune_tensor::Scalar;
use ndarray::{ArrayView1, ArrayView2};

/// The class with the largest logit; the first of equals. NaN is never the largest, unless all are: then it is 0.
#[must_use]
pub fn argmax<S: Scalar>(logits: ArrayView1<'_, S>) -> usize {
    let first = logits.iter().position(|v| !is_nan(v)).unwrap_or(0);
    let better = |best: usize, (i, v): (usize, &S)| if *v > logits[best] { i } else { best };
    logits.iter().enumerate().fold(first, better)
}

fn is_nan<S: Scalar>(value: &S) -> bool {
    value.to_f64().is_nan()
}

/// The class of each row; none of a row with a logit that is NaN, for that is no prediction.
pub(super) fn classes<S: Scalar>(logits: ArrayView2<'_, S>) -> Vec<Option<usize>> {
    let class = |row: ArrayView1<'_, S>| (!row.iter().any(is_nan)).then(|| argmax(row));
    logits.rows().into_iter().map(class).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn nan_is_never_the_largest() {
        let (nan, infinite) = (f64::NAN, f64::INFINITY);
        let found = |logits: [f64; 3]| argmax(array![logits[0], logits[1], logits[2]].view());
        assert_eq!([found([1.0, 3.0, 3.0]), found([-1.0, -2.0, infinite])], [1, 2]);
        assert_eq!([found([nan, -2.0, -1.0]), found([1.0, nan, 2.0]), found([2.0, 1.0, nan])], [2, 2, 0]);
        assert_eq!([found([nan, nan, -infinite]), found([nan; 3])], [2, 0]);
        assert_eq!(classes(array![[0.5, 1.0], [nan, 1.0]].view()), [Some(1), None]);
    }
}
