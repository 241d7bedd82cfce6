//! Criterion benches of adaptune, `cargo bench -p adaptune-benches`, and what they measure with.
#![allow(unsafe_code, reason = "a clock of the system, and instructions to measure the peak with")]

use rayon::prelude::*;
use std::hint::black_box;
use std::sync::OnceLock;
use std::time::Instant;

/// The middle value, the upper one of two.
///
/// # Panics
/// If there is none.
#[must_use]
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Seconds on a clock for work on so many threads. Of one, Linux tells what it had of the processor, which leaves out what
/// others do on a shared machine; of several it adds that up only now and then, so there the wall's time counts.
#[must_use]
pub fn clock(threads: usize) -> f64 {
    #[cfg(target_os = "linux")]
    if threads == 1 {
        let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
        // SAFETY: the time is ours to write to.
        unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &mut time) };
        return time.tv_sec as f64 + time.tv_nsec as f64 * 1e-9;
    }
    let _ = threads;
    static START: OnceLock<Instant> = OnceLock::new();
    START.get_or_init(Instant::now).elapsed().as_secs_f64()
}

/// Billions of operations a second of all threads of the pool that it is called in, which at once do nothing but fused
/// multiply-adds on registers, for some milliseconds. (From outside a pool, [`clock`] would look at the wrong thread.)
#[cfg(target_arch = "x86_64")]
#[must_use]
pub fn peak() -> f64 {
    use std::arch::x86_64::*;
    const STEPS: usize = 1_000_000;
    macro_rules! spin {
        ($name:ident, $features:literal, $set:ident, $fma:ident) => {
            #[target_feature(enable = $features)]
            fn $name() {
                // Ten chains hide four cycles of latency on two units.
                let (x, y) = ($set(black_box(1.0)), $set(black_box(0.0)));
                let mut sums = [$set(0.5); 10];
                for _ in 0..STEPS {
                    for sum in &mut sums {
                        *sum = $fma(*sum, x, y);
                    }
                }
                black_box(sums);
            }
        };
    }
    spin!(wide, "avx512f", _mm512_set1_ps, _mm512_fmadd_ps);
    spin!(narrow, "avx2,fma", _mm256_set1_ps, _mm256_fmadd_ps);
    let (wide_is_there, narrow_is_there) = (is_x86_feature_detected!("avx512f"), is_x86_feature_detected!("fma"));
    let lanes = match (wide_is_there, narrow_is_there) {
        (true, _) => 16,
        (_, true) => 8,
        _ => return f64::NAN,
    };
    let threads = rayon::current_num_threads();
    let start = clock(threads);
    rayon::broadcast(|_| {
        // SAFETY: the processor has the instructions.
        unsafe { if wide_is_there { wide() } else { narrow() } }
    });
    (2 * lanes * 10 * STEPS * threads) as f64 / (clock(threads) - start) / 1e9
}

/// Not known of this processor.
#[cfg(not(target_arch = "x86_64"))]
#[must_use]
pub fn peak() -> f64 {
    f64::NAN
}

/// Billions of bytes a second: `a = b + 3 c`, of arrays that no cache holds; counted as two reads and one write.
#[must_use]
pub fn bandwidth(numbers: usize) -> f64 {
    let (mut a, b, c) = (vec![0.0_f32; numbers], vec![1.0_f32; numbers], vec![2.0_f32; numbers]);
    let mut seconds = || {
        let begun = Instant::now();
        let parts = a.par_chunks_mut(1 << 16).zip(b.par_chunks(1 << 16)).zip(c.par_chunks(1 << 16));
        parts.for_each(|((a, b), c)| a.iter_mut().zip(b).zip(c).for_each(|((a, b), c)| *a = *b + 3.0 * *c));
        black_box(&mut a);
        begun.elapsed().as_secs_f64()
    };
    let least = (0..9).map(|_| seconds()).fold(f64::INFINITY, f64::min);
    12.0 * numbers as f64 / least / 1e9
}

/// The most memory that the process has had, where Linux tells.
#[must_use]
pub fn peak_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    Some(1024 * line.split_whitespace().nth(1)?.parse::<u64>().ok()?)
}
