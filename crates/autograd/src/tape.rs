//! The tape: what was computed, in order, so that [`Tape::backward`] can walk it from the end.

use adaptune_tensor::Scalar;
use ndarray::{ArrayD, IxDyn};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, ThreadId};

/// The records of one forward pass, for one backward pass.
///
/// A tape makes the variables whose gradients are wanted; operations on them find it by
/// themselves. Cloning gives another handle to the same tape, and handles may go to other threads.
/// After its backward pass a tape is spent: begin the next step with a new one, which costs nothing.
///
/// ```
/// use adaptune_autograd::{Tape, ndarray::arr1};
/// let tape = Tape::new();
/// let x = tape.variable(arr1(&[1.0, 2.0, 3.0]));
/// let frozen = tape.constant(arr1(&[0.5, -1.0, 2.0]));
/// let y = (&x * &x * &frozen).sum();
///
/// let mut gradients = y.backward()?;
/// assert_eq!(gradients.take(&x), Some(arr1(&[1.0, -4.0, 12.0]))); // 2 x ∘ frozen
/// assert_eq!(gradients.take(&frozen), None);
/// # Ok::<(), adaptune_autograd::BackwardError>(())
/// ```
pub struct Tape<S> {
    state: Arc<Mutex<State<S>>>,
}

struct State<S> {
    /// `None` once backward has taken them.
    records: Option<Vec<Record<S>>>,
    /// The threads that are within [`Tape::no_grad`], once for each time they entered it.
    paused: Vec<ThreadId>,
}

/// One value on the tape. The value itself is not held here, only what its backward function keeps.
pub(crate) struct Record<S> {
    pub(crate) shape: IxDyn,
    /// One for each input of the operation; `None` for constants.
    pub(crate) parents: Vec<Option<usize>>,
    /// `None` for a variable that the caller made: there its gradient stays.
    pub(crate) backward: Option<Backward<S>>,
}

/// From the gradient of a value to those of its operation's inputs, in their order.
pub(crate) type Backward<S> = Box<dyn FnOnce(ArrayD<S>) -> Vec<Option<ArrayD<S>>> + Send>;

/// A place on a tape.
pub(crate) struct Node<S> {
    pub(crate) tape: Tape<S>,
    pub(crate) index: usize,
    /// True for a variable that the caller made.
    pub(crate) leaf: bool,
}

impl<S: Scalar> Tape<S> {
    /// An empty tape.
    #[must_use]
    pub fn new() -> Self {
        Self { state: Arc::new(Mutex::new(State { records: Some(Vec::new()), paused: Vec::new() })) }
    }

    /// Runs `work` without recording: what this thread computes from variables of this tape within
    /// it are constants.
    ///
    /// ```
    /// use adaptune_autograd::{Tape, ndarray::arr0};
    /// let tape = Tape::new();
    /// let x = tape.variable(arr0(3.0));
    /// let y = tape.no_grad(|| &x * &x);
    /// assert!(!y.needs_gradient());
    /// assert_eq!((&y * &x).backward()?.take(&x), Some(arr0(9.0))); // y counts as the number 9
    /// # Ok::<(), adaptune_autograd::BackwardError>(())
    /// ```
    pub fn no_grad<T>(&self, work: impl FnOnce() -> T) -> T {
        self.state().paused.push(thread::current().id());
        let _resume = Resume(self);
        work()
    }

    /// How many variables and operations are on the tape; 0 once it is spent.
    #[must_use]
    pub fn records(&self) -> usize {
        self.state().records.as_ref().map_or(0, Vec::len)
    }

    /// True if operations on this tape are to be recorded by this thread.
    pub(crate) fn recording(&self) -> bool {
        !self.state().paused.contains(&thread::current().id())
    }

    /// Records a variable that the caller made.
    pub(crate) fn leaf(&self, shape: IxDyn) -> Node<S> {
        self.push(Record { shape, parents: Vec::new(), backward: None })
    }

    /// Records an operation.
    pub(crate) fn operation(&self, shape: IxDyn, parents: Vec<Option<usize>>, backward: Backward<S>) -> Node<S> {
        self.push(Record { shape, parents, backward: Some(backward) })
    }

    /// Takes all records out, for a backward pass; `None` if one has done so already.
    pub(crate) fn take_records(&self) -> Option<Vec<Record<S>>> {
        self.state().records.take()
    }

    fn push(&self, record: Record<S>) -> Node<S> {
        let leaf = record.backward.is_none();
        let index = self.state().records.as_mut().map(|records| {
            records.push(record);
            records.len() - 1
        });
        let Some(index) = index else {
            panic!(
                "the backward pass of this tape has run: begin the next step with a new tape, or detach what is only \
                 looked at"
            )
        };
        Node { tape: self.clone(), index, leaf }
    }

    fn state(&self) -> MutexGuard<'_, State<S>> {
        // No code of a caller runs while the lock is held, so the state is whole even after a panic.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<S> Tape<S> {
    /// True if both are handles to one tape.
    pub(crate) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.state, &other.state)
    }
}

/// Ends a [`Tape::no_grad`], even if its work panics.
struct Resume<'a, S: Scalar>(&'a Tape<S>);

impl<S: Scalar> Drop for Resume<'_, S> {
    fn drop(&mut self) {
        let mut state = self.0.state();
        let here = thread::current().id();
        if let Some(entry) = state.paused.iter().rposition(|thread| *thread == here) {
            state.paused.swap_remove(entry);
        }
    }
}

impl<S: Scalar> Default for Tape<S> {
    fn default() -> Self {
        Self::new()
    }
}

impl<S> Clone for Tape<S> {
    fn clone(&self) -> Self {
        Self { state: Arc::clone(&self.state) }
    }
}

impl<S: Scalar> fmt::Debug for Tape<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tape").field("records", &self.records()).finish()
    }
}

impl<S> Clone for Node<S> {
    fn clone(&self) -> Self {
        Self { tape: self.tape.clone(), index: self.index, leaf: self.leaf }
    }
}
