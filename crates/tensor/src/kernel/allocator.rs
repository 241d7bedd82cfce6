//! What the system's allocator does with memory that is given back to it.

/// Asks the C library to keep freed memory for the next allocation instead of giving it back to the system; tells whether
/// it does. Only glibc on Linux is told; elsewhere nothing happens.
///
/// A step allocates the same arrays as the step before. Where glibc gives large ones back each time, the system has to fill
/// them with zeros anew, page by page, which was up to a tenth of a step. This concerns the whole process, so it is for
/// programs to decide, at their start, and not for libraries.
///
/// ```
/// let kept = adaptune_tensor::kernel::keep_freed_memory();
/// assert_eq!(kept, cfg!(all(target_os = "linux", target_env = "gnu")));
/// ```
pub fn keep_freed_memory() -> bool {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    {
        // No block has a mapping of its own, the heap never shrinks, and grows by 64 MiB.
        let options = [(libc::M_MMAP_MAX, 0), (libc::M_TRIM_THRESHOLD, libc::c_int::MAX), (libc::M_TOP_PAD, 64 << 20)];
        // SAFETY: `mallopt` may be called at any time; it takes two numbers and refuses those that it does not know.
        options.into_iter().all(|(option, value)| unsafe { libc::mallopt(option, value) } == 1)
    }
    #[cfg(not(all(target_os = "linux", target_env = "gnu")))]
    false
}
