//! Criterion benches of adaptune, `cargo bench -p adaptune-benches`, and what they measure with.
#![allow(unsafe_code, reason = "a clock of the system, and instructions to measure the peak with")]

use std::hint::black_box;

/// The middle value, the upper one of two.
///
/// # Panics
/// If there is none.
#[must_use]
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Seconds: of the processor for this process, or on the wall.
#[must_use]
pub fn clock() -> f64 {
    #[cfg(target_os = "linux")]
    {
        let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
        // SAFETY: the time is ours to write to.
        unsafe { libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &mut time) };
        time.tv_sec as f64 + time.tv_nsec as f64 * 1e-9
    }
    #[cfg(not(target_os = "linux"))]
    {
        use std::time::Instant;
        static START: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();
        START.get_or_init(Instant::now).elapsed().as_secs_f64()
    }
}

/// Billions of operations a second of one thread that does nothing but fused multiply-adds on registers.
#[cfg(target_arch = "x86_64")]
#[must_use]
pub fn peak() -> f64 {
    use std::arch::x86_64::*;
    const STEPS: usize = 100_000;
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
    let start = clock();
    let lanes = if is_x86_feature_detected!("avx512f") {
        // SAFETY: the processor has the instructions.
        unsafe { wide() };
        16
    } else if is_x86_feature_detected!("fma") {
        // SAFETY: the processor has the instructions.
        unsafe { narrow() };
        8
    } else {
        return f64::NAN;
    };
    (2 * lanes * 10 * STEPS) as f64 / (clock() - start) / 1e9
}

/// Not known of this processor.
#[cfg(not(target_arch = "x86_64"))]
#[must_use]
pub fn peak() -> f64 {
    f64::NAN
}
