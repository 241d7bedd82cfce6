//! Rounding to bf16: the upper half of an f32, with 8 bits of fraction instead of 24.

/// `x` as bf16, to the nearest, of two equally near the even one; in the upper half of the bits of an f32.
#[inline(always)]
pub(super) fn rounded(x: f32) -> u32 {
    let bits = x.to_bits();
    let nearest = bits.wrapping_add(0x7FFF + (bits >> 16 & 1));
    // Rounding could make an infinity of what is no number.
    let quiet = bits | 0x0040_0000;
    (if x.is_nan() { quiet } else { nearest }) & 0xFFFF_0000
}

/// A number as bf16 knows it.
pub(crate) fn round(x: f32) -> f32 {
    f32::from_bits(rounded(x))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_rounds_to_the_nearest_and_of_two_to_the_even_one() {
        let cases = [
            (1.0, 1.0),
            (1.0 + 1.0 / 256.0, 1.0),
            (1.0 + 3.0 / 256.0, 1.0 + 2.0 / 128.0),
            (1.0 + 1.1 / 256.0, 1.0 + 1.0 / 128.0),
            (-0.1, -0.100_097_656),
            (f32::MAX, f32::INFINITY),
            (f32::NEG_INFINITY, f32::NEG_INFINITY),
            (-0.0, -0.0),
        ];
        for (x, expected) in cases {
            assert_eq!(round(x).to_bits(), f32::to_bits(expected), "{x}");
        }
        assert!([0x7F80_0001, 0xFFFF_FFFF].into_iter().all(|bits| round(f32::from_bits(bits)).is_nan()));
    }
}
