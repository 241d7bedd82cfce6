//! What the operations of a pass cost: how often each is called, how long it takes, and what it has to compute and to move.
//!
//! Counting is a feature of its own, `profile`. Without it there is nothing to count with, and nothing that costs time.
//!
//! ```
//! use adaptune_tensor::{matmul, profile};
//! use ndarray::Array2;
//! profile::start();
//! let y = matmul(Array2::<f32>::ones((2, 3)).view(), Array2::ones((3, 5)).view());
//! let entries = profile::stop();
//! # let _ = y;
//! if cfg!(feature = "profile") {
//!     assert_eq!((entries[0].name, entries[0].shape.as_slice(), entries[0].calls), ("product", &[2, 3, 5][..], 1));
//!     assert_eq!(entries[0].work.operations, 60.0);
//! }
//! ```

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

/// What an operation has to do, however it is computed.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Work {
    /// Additions and multiplications of products. Others are not counted: they are few for each number that is moved.
    pub operations: f64,
    /// Operands that are read and results that are written, each number once, in bytes.
    pub bytes: f64,
}

impl Work {
    /// Of an operation that reads or writes so many numbers of type `S`, and computes little.
    #[must_use]
    pub fn moving<S>(numbers: usize) -> Self {
        Self { operations: 0.0, bytes: (numbers * size_of::<S>()) as f64 }
    }

    /// Of a product `[M, K] × [K, N]` of numbers of type `S`.
    #[must_use]
    pub fn product<S>([m, k, n]: [usize; 3]) -> Self {
        Self { operations: 2.0 * (m * k * n) as f64, ..Self::moving::<S>(m * k + k * n + m * n) }
    }
}

/// All calls of an operation with one shape.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// The operation.
    pub name: &'static str,
    /// Its lengths: of a product `M`, `K` and `N`, of others those of the array that they work on.
    pub shape: Vec<usize>,
    /// How often it was called.
    pub calls: usize,
    /// How long all calls took together.
    pub seconds: f64,
    /// What all calls had to do together.
    pub work: Work,
}

static ENTRIES: Mutex<Vec<Entry>> = Mutex::new(Vec::new());
static COUNTING: AtomicBool = AtomicBool::new(false);
/// An operation is being counted; those that it is made of are not, on whichever thread.
static INSIDE: AtomicBool = AtomicBool::new(false);

/// Begins to count, from nothing.
pub fn start() {
    entries().clear();
    COUNTING.store(true, Ordering::SeqCst);
}

/// Ends counting. Entries come in the order of their first calls; without the feature `profile` there are none.
pub fn stop() -> Vec<Entry> {
    COUNTING.store(false, Ordering::SeqCst);
    std::mem::take(&mut *entries())
}

fn entries() -> std::sync::MutexGuard<'static, Vec<Entry>> {
    ENTRIES.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// An operation that is counted until this is dropped.
#[derive(Debug)]
#[must_use = "an operation ends where this is dropped"]
pub struct Span(Option<Open>);

#[derive(Debug)]
struct Open {
    name: &'static str,
    shape: Vec<usize>,
    work: Work,
    begun: Instant,
}

/// Begins an operation that is to be counted; `work` is asked for only then. What begins before it ends is part of it.
///
/// Passes are driven by one thread at a time while somebody counts.
#[inline(always)]
pub fn span(name: &'static str, shape: &[usize], work: impl FnOnce() -> Work) -> Span {
    Span(if cfg!(feature = "profile") { opened(name, shape, work) } else { None })
}

/// Begins an operation that reads or writes an array of numbers of type `S` so many times, and computes little.
#[inline(always)]
pub fn moving<S>(name: &'static str, shape: &[usize], times: usize) -> Span {
    span(name, shape, || Work::moving::<S>(times * shape.iter().product::<usize>()))
}

fn opened(name: &'static str, shape: &[usize], work: impl FnOnce() -> Work) -> Option<Open> {
    let counted = COUNTING.load(Ordering::SeqCst) && !INSIDE.swap(true, Ordering::SeqCst);
    counted.then(|| Open { name, shape: shape.to_vec(), work: work(), begun: Instant::now() })
}

impl Drop for Span {
    #[inline(always)]
    fn drop(&mut self) {
        if cfg!(feature = "profile")
            && let Some(open) = self.0.take()
        {
            add(open);
            INSIDE.store(false, Ordering::SeqCst);
        }
    }
}

fn add(open: Open) {
    let seconds = open.begun.elapsed().as_secs_f64();
    let mut entries = entries();
    let found = entries.iter().position(|entry| entry.name == open.name && entry.shape == open.shape);
    let place = found.unwrap_or_else(|| {
        let Open { name, shape, .. } = open;
        entries.push(Entry { name, shape, calls: 0, seconds: 0.0, work: Work::default() });
        entries.len() - 1
    });
    let entry = &mut entries[place];
    entry.calls += 1;
    entry.seconds += seconds;
    entry.work.operations += open.work.operations;
    entry.work.bytes += open.work.bytes;
}
