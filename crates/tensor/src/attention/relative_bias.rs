//! A bias for each distance of a key from its query, added to scaled scores (Shaw et al., 2018; Raffel et al., 2020).

use crate::Scalar;

/// Adds `bias[j − i]` to the scores of one query at position `i`; `offset` is `j − i` of the first score.
pub(super) fn add<S: Scalar>(scores: &mut [S], bias: &[S], offset: isize) {
    for (j, score) in scores.iter_mut().enumerate() {
        *score += bias[column(bias.len(), offset + j as isize)];
    }
}

/// Adds the gradient of the scores of one query to that of the bias, in the order of the keys.
pub(super) fn add_gradient<S: Scalar>(d_scores: &[S], d_bias: &mut [S], offset: isize) {
    let columns = d_bias.len();
    for (j, d_score) in d_scores.iter().enumerate() {
        d_bias[column(columns, offset + j as isize)] += *d_score;
    }
}

/// The column `R + (j − i)` of `2R + 1`, clamped at both ends.
pub(super) fn column(columns: usize, offset: isize) -> usize {
    let reach = (columns / 2) as isize;
    (offset.clamp(-reach, reach) + reach) as usize
}
