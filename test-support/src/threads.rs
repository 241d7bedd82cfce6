//! Pools of threads.

/// What `work` gives in a pool of so many threads.
///
/// # Panics
/// If there are no threads to be had, or `work` panics.
pub fn on_threads<T: Send>(threads: usize, work: impl FnOnce() -> T + Send) -> T {
    rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a small pool").install(work)
}
