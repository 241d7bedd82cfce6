//! How wide a bottleneck is.

/// `M`, rounded down as Python's `//` does: `D / factor` may round up to a whole number that the
/// exact quotient does not reach (12 over 0.8 gives 14).
pub(super) fn reduced(hidden: usize, factor: f64) -> usize {
    let hidden = hidden as f64;
    (((hidden - hidden % factor) / factor).round() as usize).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn widths_are_pythons() {
        let cases = [(768, 16.0, 48), (12, 0.8, 14), (12, 5.0, 2), (12, 100.0, 1), (384, 2.5, 153), (12, 0.5, 24)];
        for (hidden, factor, width) in cases {
            assert_eq!(reduced(hidden, factor), width, "{hidden} // {factor}");
        }
    }
}
