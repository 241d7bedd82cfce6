//! The tape: what was computed, in order, so that backward can walk it from the end.

use crate::Var;
use crate::gradients::{BackwardError, OutputGradient, TapeGradients};
use adaptune_tensor::{Parameter, Scalar};
use ndarray::{ArrayBase, ArrayD, DataOwned, Dimension, IxDyn};
use std::collections::BTreeMap;
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
struct Record<S> {
    shape: IxDyn,
    /// One for each input of the operation; `None` for constants.
    parents: Vec<Option<usize>>,
    /// `None` for a variable that the caller made: there its gradient stays.
    backward: Option<Backward<S>>,
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

    /// A variable whose gradient is wanted. The array is moved, or shared if it is an `ArcArray`.
    ///
    /// # Panics
    /// If the backward pass of this tape has run.
    #[must_use]
    pub fn variable<R: DataOwned<Elem = S>, D: Dimension>(&self, array: ArrayBase<R, D>) -> Var<S, D> {
        let value = array.into_shared();
        let node = self.push(Record { shape: value.raw_dim().into_dyn(), parents: Vec::new(), backward: None });
        Var::new(value, Some(node))
    }

    /// A value that is never differentiated; the same as [`Var::constant`].
    #[must_use]
    pub fn constant<R: DataOwned<Elem = S>, D: Dimension>(&self, array: ArrayBase<R, D>) -> Var<S, D> {
        Var::constant(array)
    }

    /// A copy of a parameter: a variable if it trains, a constant if it is frozen.
    ///
    /// # Panics
    /// If it trains and the backward pass of this tape has run.
    #[must_use]
    pub fn parameter<D: Dimension>(&self, parameter: &Parameter<S, D>) -> Var<S, D> {
        let value = parameter.view().to_owned();
        if parameter.trains() { self.variable(value) } else { self.constant(value) }
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

    /// Walks the tape from its end, starting with the given gradients of some results; see
    /// [`Var::with_gradient`]. [`Var::backward`] does so for a loss.
    ///
    /// Each backward function runs once and is freed with all that it kept before the next one
    /// runs. The first gradient of a value is moved into place, later ones are added to it.
    /// Operations that no given result depends on are freed without running.
    ///
    /// ```
    /// use adaptune_autograd::{Tape, ndarray::{arr0, arr1}};
    /// let tape = Tape::new();
    /// let x = tape.variable(arr1(&[2.0, -1.0]));
    /// let (y, z) = (&x * &x, x.sum());
    /// let mut gradients = tape.backward([y.with_gradient(arr1(&[1.0, 10.0])), z.with_gradient(arr0(0.5))])?;
    /// assert_eq!(gradients.take(&x), Some(arr1(&[4.5, -19.5])));
    /// # Ok::<(), adaptune_autograd::BackwardError>(())
    /// ```
    ///
    /// # Errors
    /// If no result is given, one is a constant or of another tape, a gradient has not the shape of
    /// its value, or the backward pass of this tape has run already.
    ///
    /// # Panics
    /// If the backward function of an operation of one's own breaks the rules of [`record`](crate::record).
    pub fn backward(
        &self,
        outputs: impl IntoIterator<Item = OutputGradient<S>>,
    ) -> Result<TapeGradients<S>, BackwardError> {
        let outputs: Vec<_> = outputs.into_iter().collect();
        if outputs.is_empty() {
            return Err(BackwardError::Nothing);
        }
        let places = outputs.iter().map(|output| output.place(self)).collect::<Result<Vec<_>, _>>()?;
        let records = self.state().records.take().ok_or(BackwardError::Spent)?;
        let mut walk = Walk::new(records);
        for (place, output) in places.into_iter().zip(outputs) {
            walk.add(place, output.gradient);
        }
        Ok(TapeGradients::new(self.clone(), walk.run()))
    }

    /// True if operations on this tape are to be recorded by this thread.
    pub(crate) fn recording(&self) -> bool {
        !self.state().paused.contains(&thread::current().id())
    }

    /// Records an operation.
    pub(crate) fn operation(&self, shape: IxDyn, parents: Vec<Option<usize>>, backward: Backward<S>) -> Node<S> {
        self.push(Record { shape, parents, backward: Some(backward) })
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

/// The records that are not yet walked, and the gradients that have arrived at them.
struct Walk<S> {
    records: Vec<Record<S>>,
    gradients: Vec<Option<ArrayD<S>>>,
}

impl<S: Scalar> Walk<S> {
    fn new(records: Vec<Record<S>>) -> Self {
        let gradients = records.iter().map(|_| None).collect();
        Self { records, gradients }
    }

    /// The gradients of the variables that the caller made.
    fn run(mut self) -> BTreeMap<usize, ArrayD<S>> {
        let mut arrived = BTreeMap::new();
        while let (Some(record), Some(gradient)) = (self.records.pop(), self.gradients.pop()) {
            let Some(d_y) = gradient else { continue };
            match record.backward {
                None => drop(arrived.insert(self.records.len(), d_y)),
                Some(backward) => self.hand_on(&record.parents, backward(d_y)),
            }
        }
        arrived
    }

    fn hand_on(&mut self, parents: &[Option<usize>], gradients: Vec<Option<ArrayD<S>>>) {
        for (parent, gradient) in parents.iter().zip(gradients) {
            if let (Some(parent), Some(gradient)) = (parent, gradient) {
                self.add(*parent, gradient);
            }
        }
    }

    fn add(&mut self, place: usize, gradient: ArrayD<S>) {
        let shape = self.records[place].shape.slice();
        assert_eq!(gradient.shape(), shape, "a backward function gave a gradient of another shape than its input has");
        match &mut self.gradients[place] {
            Some(sum) => *sum += &gradient,
            empty => *empty = Some(gradient),
        }
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
