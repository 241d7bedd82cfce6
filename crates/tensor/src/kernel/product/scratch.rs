//! Space for packed operands, kept by each thread from product to product.

use std::cell::Cell;

/// One line of the cache, so that panels begin at lines.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
pub(super) struct Line([f32; 16]);

/// What space is for.
#[derive(Clone, Copy)]
pub(super) enum Use {
    /// A packed right operand.
    Right,
    /// A packed left operand.
    Left,
    /// A left operand in bf16.
    Pairs,
    /// A right operand in bf16.
    RightPairs,
    /// A result that is copied to its place later.
    Result,
}

thread_local!(static SPACES: [Cell<Vec<Line>>; 5] = const { [const { Cell::new(Vec::new()) }; 5] });

/// Lines of zeros with room for `length` numbers.
pub(super) fn lines(length: usize) -> Vec<Line> {
    vec![Line([0.0; 16]); length.div_ceil(16)]
}

/// The numbers in lines.
pub(super) fn numbers(lines: &[Line]) -> &[f32] {
    // SAFETY: a line is 16 numbers and nothing else, at a stricter alignment.
    unsafe { std::slice::from_raw_parts(lines.as_ptr().cast(), lines.len() * 16) }
}

/// The numbers in lines, to be written.
pub(super) fn numbers_mut(lines: &mut [Line]) -> &mut [f32] {
    // SAFETY: a line is 16 numbers and nothing else, at a stricter alignment; the borrow is exclusive.
    unsafe { std::slice::from_raw_parts_mut(lines.as_mut_ptr().cast(), lines.len() * 16) }
}

/// Lends this thread's space, which is made longer if need be. What is in it is arbitrary.
///
/// A product that begins while this one waits for others, on the same thread, finds none and makes its own.
pub(super) fn with_space<T>(which: Use, length: usize, f: impl FnOnce(&mut [f32]) -> T) -> T {
    let mut space = SPACES.with(|spaces| spaces[which as usize].take());
    if space.len() * 16 < length {
        space = lines(length);
    }
    let result = f(&mut numbers_mut(&mut space)[..length]);
    SPACES.with(|spaces| spaces[which as usize].set(space));
    result
}
