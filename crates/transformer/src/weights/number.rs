//! Floating-point numbers as files hold them.

use adaptune_tensor::Scalar;
use half::slice::HalfFloatSliceExt;
use half::{bf16, f16};
use safetensors::Dtype;

/// A type of floating-point numbers in a file, little-endian.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FloatFormat {
    /// IEEE half precision: 5 bits of exponent, 10 of fraction.
    F16,
    /// The upper half of an `f32`: 8 bits of exponent, 7 of fraction.
    BF16,
    /// IEEE single precision.
    F32,
    /// IEEE double precision.
    F64,
}

impl FloatFormat {
    /// The format of a safetensors type; `None` for integers, booleans and eight-bit floats.
    #[must_use]
    pub fn of(dtype: Dtype) -> Option<Self> {
        match dtype {
            Dtype::F16 => Some(Self::F16),
            Dtype::BF16 => Some(Self::BF16),
            Dtype::F32 => Some(Self::F32),
            Dtype::F64 => Some(Self::F64),
            _ => None,
        }
    }

    /// Its name in PyTorch.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::F16 => "float16",
            Self::BF16 => "bfloat16",
            Self::F32 => "float32",
            Self::F64 => "float64",
        }
    }

    /// How many bytes a number takes.
    #[must_use]
    pub fn size(self) -> usize {
        match self {
            Self::F16 | Self::BF16 => 2,
            Self::F32 => 4,
            Self::F64 => 8,
        }
    }

    /// The format that holds an `S` exactly.
    #[must_use]
    pub fn exact<S: Scalar>() -> Self {
        if size_of::<S>() == 4 { Self::F32 } else { Self::F64 }
    }

    /// The safetensors type.
    pub(super) fn dtype(self) -> Dtype {
        match self {
            Self::F16 => Dtype::F16,
            Self::BF16 => Dtype::BF16,
            Self::F32 => Dtype::F32,
            Self::F64 => Dtype::F64,
        }
    }

    /// A number as this format rounds it; infinite if it is beyond the format's range.
    pub(super) fn round(self, x: f64) -> f64 {
        match self {
            Self::F16 => f16::from_f64(x).to_f64(),
            Self::BF16 => bf16::from_f64(x).to_f64(),
            Self::F32 => f64::from(x as f32),
            Self::F64 => x,
        }
    }

    /// Appends the bytes of a number, rounded to the nearest that the format has.
    pub fn encode(self, x: f64, bytes: &mut Vec<u8>) {
        match self {
            Self::F16 => bytes.extend(f16::from_f64(x).to_le_bytes()),
            Self::BF16 => bytes.extend(bf16::from_f64(x).to_le_bytes()),
            Self::F32 => bytes.extend((x as f32).to_le_bytes()),
            Self::F64 => bytes.extend(x.to_le_bytes()),
        }
    }

    /// Converts bytes to numbers, and counts those that are not finite *after* conversion: NaN,
    /// infinities, and in `f32` also doubles beyond its range. Bytes that make no whole number at
    /// the end are left out.
    ///
    /// ```
    /// use adaptune_transformer::weights::FloatFormat;
    /// let (numbers, not_finite) = FloatFormat::F16.decode::<f32>(&[0x00, 0xC1, 0x00, 0x7C]);
    /// assert_eq!((numbers[0], not_finite), (-2.5, 1));
    /// ```
    #[must_use]
    pub fn decode<S: Scalar>(self, bytes: &[u8]) -> (Vec<S>, usize) {
        match self {
            Self::F16 => numbers(bytes, halves),
            Self::BF16 => numbers(bytes, each(|b| f64::from(bf16::from_le_bytes(b).to_f32()))),
            Self::F32 => numbers(bytes, each(|b| f64::from(f32::from_le_bytes(b)))),
            Self::F64 => numbers(bytes, each(f64::from_le_bytes)),
        }
    }
}

/// One pass, in portions that are checked while they are in the cache: two simple loops vectorise
/// where one that converts and counts does not. `convert` appends the numbers of a portion.
fn numbers<S: Scalar, const N: usize>(bytes: &[u8], convert: impl Fn(&[[u8; N]], &mut Vec<S>)) -> (Vec<S>, usize) {
    const PORTION: usize = 4096;
    let (numbers, _) = bytes.as_chunks::<N>();
    let (mut values, mut not_finite) = (Vec::with_capacity(numbers.len()), 0);
    for portion in numbers.chunks(PORTION) {
        let done = values.len();
        convert(portion, &mut values);
        not_finite += values[done..].iter().filter(|x| !x.is_finite()).count();
    }
    (values, not_finite)
}

/// Converts one by one. The detour over `f64` is exact, and for `f32` to `f32` the compiler takes it out.
fn each<S: Scalar, const N: usize>(number: impl Fn([u8; N]) -> f64) -> impl Fn(&[[u8; N]], &mut Vec<S>) {
    move |bytes, values| values.extend(bytes.iter().map(|&bytes| S::from_f64(number(bytes))))
}

/// Converts half precision a portion at a time, because asking whether the processor has an instruction for
/// it takes longer than converting one number.
fn halves<S: Scalar>(bytes: &[[u8; 2]], values: &mut Vec<S>) {
    let halves: Vec<f16> = bytes.iter().map(|&bytes| f16::from_le_bytes(bytes)).collect();
    values.extend(halves.to_f32_vec().into_iter().map(|single| S::from_f64(f64::from(single))));
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The definition: `±1.f · 2^(e − 15)`, and `±0.f · 2^(−14)` for `e = 0`.
    fn half_by_definition(half: u16) -> f64 {
        let (sign, exponent) = (if half >> 15 == 1 { -1.0 } else { 1.0 }, i32::from(half >> 10 & 31));
        let fraction = f64::from(half & 1023) / 1024.0;
        match exponent {
            0 => sign * fraction * 2f64.powi(-14),
            31 if fraction == 0.0 => sign * f64::INFINITY,
            31 => f64::NAN,
            _ => sign * (1.0 + fraction) * 2f64.powi(exponent - 15),
        }
    }

    /// `±1.f · 2^(e − 127)`, and `±0.f · 2^(−126)` for `e = 0`.
    fn brain_by_definition(half: u16) -> f64 {
        let (sign, exponent) = (if half >> 15 == 1 { -1.0 } else { 1.0 }, i32::from(half >> 7 & 255));
        let fraction = f64::from(half & 127) / 128.0;
        match exponent {
            0 => sign * fraction * 2f64.powi(-126),
            255 if fraction == 0.0 => sign * f64::INFINITY,
            255 => f64::NAN,
            _ => sign * (1.0 + fraction) * 2f64.powi(exponent - 127),
        }
    }

    /// All 65,536 numbers of a format of two bytes, in both scalars.
    fn check_all(format: FloatFormat, definition: impl Fn(u16) -> f64) {
        let bytes: Vec<u8> = (0..=u16::MAX).flat_map(u16::to_le_bytes).collect();
        let ((single, not_finite), (double, _)) = (format.decode::<f32>(&bytes), format.decode::<f64>(&bytes));
        assert_eq!((single.len(), double.len()), (1 << 16, 1 << 16));
        for (half, (single, double)) in (0..=u16::MAX).zip(single.into_iter().zip(double)) {
            let expected = definition(half);
            let same = |found: f64| expected.to_bits() == found.to_bits() || expected.is_nan() && found.is_nan();
            assert!(same(f64::from(single)) && same(double), "{half:#06x}: {expected}, {single} and {double}");
        }
        assert_eq!(not_finite, (0..=u16::MAX).filter(|&half| !definition(half).is_finite()).count());
    }

    #[test]
    fn every_half_is_what_the_definition_says() {
        check_all(FloatFormat::F16, half_by_definition);
    }

    #[test]
    fn every_brain_float_is_what_the_definition_says() {
        check_all(FloatFormat::BF16, brain_by_definition);
    }

    #[test]
    fn every_format_converts_to_both_scalars() {
        let values = [-1.5_f64, 0.0078125, 3.0e4, 0.0];
        let bytes = |format: FloatFormat| -> Vec<u8> {
            let single = values.map(|x| x as f32);
            match format {
                FloatFormat::F16 => [0xBE00_u16, 0x2000, 0x7753, 0].iter().flat_map(|h| h.to_le_bytes()).collect(),
                FloatFormat::BF16 => single.iter().flat_map(|x| [x.to_le_bytes()[2], x.to_le_bytes()[3]]).collect(),
                FloatFormat::F32 => single.iter().flat_map(|x| x.to_le_bytes()).collect(),
                FloatFormat::F64 => values.iter().flat_map(|x| x.to_le_bytes()).collect(),
            }
        };
        for format in [FloatFormat::F16, FloatFormat::BF16, FloatFormat::F32, FloatFormat::F64] {
            let (double, single) = (format.decode::<f64>(&bytes(format)), format.decode::<f32>(&bytes(format)));
            // 3e4 does not fit into the 8 significant bits of bf16, which cuts it down to 29952.
            let third = if format == FloatFormat::BF16 { 29952.0 } else { 3.0e4 };
            let expected = [-1.5, 0.0078125, if format == FloatFormat::F16 { 30000.0 } else { third }, 0.0];
            assert_eq!(double, (expected.to_vec(), 0), "{format:?}");
            assert_eq!(single, (expected.map(|x| x as f32).to_vec(), 0), "{format:?}");
            assert_eq!(bytes(format).len(), 4 * format.size());
        }
    }

    #[test]
    fn what_is_not_finite_is_counted_after_conversion() {
        let doubles: Vec<u8> =
            [1.0, 1e300, f64::NAN, -1e300, f64::NEG_INFINITY].iter().flat_map(|x| x.to_le_bytes()).collect();
        assert_eq!(FloatFormat::F64.decode::<f64>(&doubles).1, 2);
        assert_eq!(FloatFormat::F64.decode::<f32>(&doubles).1, 4);
    }
}
