//! How products are cut to the caches and shared out among threads.

/// Columns that are packed at a time; a multiple of all widths of panels.
pub(super) const COLUMNS: usize = 4032;
/// Numbers that one thread packs at a time: 1 MiB, which are still in the second cache when they are used.
pub(super) const PACKED: usize = 1 << 18;
/// Up to so many rows, a right operand whose own rows lie in one piece is not worth packing,
pub(super) const DIRECT_ROWS: usize = 192;
/// if it has so few numbers that it stays in a near cache; else fewer rows may be worth it already.
pub(super) const NEAR: usize = 1 << 15;
/// If rows of a left operand lie next to each other, and one `k` is at most so far from the next, packing brings nothing.
pub(super) const NARROW: isize = 128;
/// Multiply-adds that are worth a task of their own, about 16 µs.
pub(super) const TASK: usize = 1 << 21;
/// Most rows and columns of a part. Right panels (384 × 480 numbers, 720 KiB), the slice of the left operand and the
/// part of the result (192 × 480) stay in the second cache together.
pub(super) const PART: (usize, usize) = (192, 480);
