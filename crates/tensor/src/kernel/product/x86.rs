//! What the kernels for AVX2 and AVX-512 share.

use super::tile::transpose_plainly;
use std::arch::x86_64::*;
use std::hint::black_box;

/// Where the first `ROWS` rows of the left operand begin, and where those behind them.
///
/// The compiler reaches each row from the one before. It is kept from seeing how the two groups hang together: in one
/// chain, those additions would take longer than the multiply-adds.
pub(super) fn groups<const ROWS: isize>(a: *const f32, row: isize) -> [*const f32; 2] {
    black_box([a, a.wrapping_offset(ROWS * row)])
}

/// Brings the line near that this number lies in, which nobody reads here: it need not be there.
#[inline(always)]
pub(super) fn fetch(number: *const f32) {
    // SAFETY: every processor of this architecture has the instruction, which reads nothing.
    unsafe { _mm_prefetch::<_MM_HINT_T0>(number.cast()) };
}

/// Writes `into[k·width + j] = source[j·stride + k]` for eight columns `j` and `k < depth`.
///
/// # Safety
/// The processor has AVX; all of `source` can be read and all of `into` written.
#[target_feature(enable = "avx")]
pub(super) unsafe fn transpose_by_eight(depth: usize, source: *const f32, stride: isize, into: *mut f32, width: usize) {
    let whole = depth - depth % 8;
    for k in (0..whole).step_by(8) {
        // SAFETY: eight columns, and `k + 8 <= depth`.
        unsafe {
            let columns = std::array::from_fn(|j| _mm256_loadu_ps(source.offset(j as isize * stride).add(k)));
            for (i, row) in transposed(columns).into_iter().enumerate() {
                _mm256_storeu_ps(into.add((k + i) * width), row);
            }
        }
    }
    // SAFETY: the caller's promise, for the steps that are left.
    unsafe { transpose_plainly(8, whole..depth, source, stride, into, width) };
}

/// The transpose of eight vectors: pairs of numbers, then pairs of pairs, then halves change places.
#[target_feature(enable = "avx")]
fn transposed(v: [__m256; 8]) -> [__m256; 8] {
    let mut pairs = v;
    for i in 0..4 {
        pairs[2 * i] = _mm256_unpacklo_ps(v[2 * i], v[2 * i + 1]);
        pairs[2 * i + 1] = _mm256_unpackhi_ps(v[2 * i], v[2 * i + 1]);
    }
    let mut fours = v;
    for i in [0, 4] {
        fours[i] = _mm256_shuffle_ps::<0x44>(pairs[i], pairs[i + 2]);
        fours[i + 1] = _mm256_shuffle_ps::<0xEE>(pairs[i], pairs[i + 2]);
        fours[i + 2] = _mm256_shuffle_ps::<0x44>(pairs[i + 1], pairs[i + 3]);
        fours[i + 3] = _mm256_shuffle_ps::<0xEE>(pairs[i + 1], pairs[i + 3]);
    }
    let mut transposed = v;
    for i in 0..4 {
        transposed[i] = _mm256_permute2f128_ps::<0x20>(fours[i], fours[i + 4]);
        transposed[i + 4] = _mm256_permute2f128_ps::<0x31>(fours[i], fours[i + 4]);
    }
    transposed
}
