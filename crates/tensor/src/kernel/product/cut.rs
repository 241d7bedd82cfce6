//! Ranges cut into pieces.

use std::ops::Range;

/// Pieces of `range`, `length` long but for the last. An empty range is one empty piece: without depth there is still a
/// result.
pub(super) fn cut(range: Range<usize>, length: usize) -> impl Iterator<Item = Range<usize>> {
    let length = length.max(1);
    (0..range.len().div_ceil(length).max(1)).map(move |i| {
        let from = range.start + i * length;
        from..range.end.min(from + length)
    })
}
