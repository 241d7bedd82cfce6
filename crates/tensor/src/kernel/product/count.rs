//! Counts tiles in tests, so that they can prove which kernel ran.

use super::path::ProductPath;
use std::cell::Cell;

thread_local!(static TILES: [Cell<usize>; 4] = const { [const { Cell::new(0) }; 4] });
thread_local!(static HALF: Cell<usize> = const { Cell::new(0) });

pub(super) fn one(path: ProductPath) {
    TILES.with(|tiles| tiles[path as usize].set(tiles[path as usize].get() + 1));
}

/// A tile of pairs.
pub(super) fn half() {
    HALF.with(|tiles| tiles.set(tiles.get() + 1));
}

/// Tiles of pairs that this thread has computed.
pub(super) fn halves() -> usize {
    HALF.with(Cell::get)
}

/// Tiles that this thread has computed, by path.
pub(super) fn all() -> [usize; 4] {
    TILES.with(|tiles| std::array::from_fn(|i| tiles[i].get()))
}
