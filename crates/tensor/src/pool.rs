//! Where work that is shared out begins.

/// Runs `work` on one of the threads that share work (of rayon's pool, the one that is installed or the global one).
///
/// Whoever shares out work from any other thread hands it over and sleeps until it is done; for a small batch, whose
/// products take less time than falling asleep and waking up, that was a fifth of a step. So what shares out work again and
/// again had better begin there: whole passes do, and so should a program's `main`. Within such a thread it is a call.
///
/// ```
/// assert_eq!(adaptune_tensor::in_pool(|| rayon::current_thread_index().is_some()), true);
/// ```
pub fn in_pool<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    rayon::scope(|_| work())
}
