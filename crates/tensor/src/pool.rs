//! Where work that is shared out begins.

use rayon::{current_num_threads, current_thread_index};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// Runs `work` on one of the threads that share work (of rayon's pool, the one that is installed or the global one).
///
/// Whoever shares out work from any other thread hands it over and sleeps until it is done; for a small batch, whose
/// products take less time than falling asleep and waking up, that was a fifth of a step. So what shares out work again and
/// again had better begin there: whole passes do, and so should a program's `main`. Within such a thread it is a call.
///
/// Of many callers as many get in as there are threads, and the others wait. A thread whose work waits for a part that
/// another one has taken would else begin the next caller's, and the next, one upon the other until its stack is full.
///
/// ```
/// assert!(adaptune_tensor::in_pool(|| rayon::current_thread_index().is_some()));
/// ```
pub fn in_pool<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    if current_thread_index().is_some() {
        return work();
    }
    let _place = Place::take();
    rayon::scope(|_| work())
}

/// How many are in the pool, and who is told when one leaves.
static INSIDE: Mutex<usize> = Mutex::new(0);
static LEFT: Condvar = Condvar::new();

/// A caller's place in the pool.
struct Place;

impl Place {
    /// Waits for a place.
    fn take() -> Self {
        let full = |inside: &mut usize| *inside >= current_num_threads();
        let mut inside = LEFT.wait_while(inside(), full).unwrap_or_else(PoisonError::into_inner);
        *inside += 1;
        Self
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        *inside() -= 1;
        LEFT.notify_one();
    }
}

/// A count is right even if a thread panicked beside it.
fn inside() -> MutexGuard<'static, usize> {
    INSIDE.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::random;
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[test]
    fn of_many_callers_as_many_get_in_as_there_are_threads() {
        let (now, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let (now, most) = (&now, &most);
        let (a, b) = (random::<f32>(1, (130, 300)), random::<f32>(2, (300, 170)));
        let expected = crate::matmul(a.view(), b.view());
        let call = |caller: usize| {
            in_pool(|| {
                most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                let nested = in_pool(|| crate::matmul(a.view(), b.view()));
                now.fetch_sub(1, Ordering::SeqCst);
                assert!(nested == expected);
                assert!(caller != 13, "somebody else's mistake");
            });
        };
        let fails = &|caller| catch_unwind(AssertUnwindSafe(|| call(caller))).is_err();
        std::thread::scope(|threads| {
            let callers: Vec<_> = (0..64).map(|caller| (caller, threads.spawn(move || fails(caller)))).collect();
            callers.into_iter().for_each(|(caller, failed)| assert_eq!(failed.join().ok(), Some(caller == 13)));
        });
        assert!((1..=current_num_threads()).contains(&most.load(Ordering::SeqCst)));
        assert_eq!(in_pool(|| 5), 5, "a panic gives its place back");
    }
}
