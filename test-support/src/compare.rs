//! Comparisons of numbers.

/// The largest absolute difference of numbers at the same place; infinite if one of the differences is not a number, so that
/// no tolerance lets it pass.
///
/// ```
/// use adaptune_test_support::largest_difference;
/// assert_eq!(largest_difference([1.0, 2.0], [1.5, 0.0]), 2.0);
/// ```
///
/// # Panics
/// If there are not as many of one as of the other.
#[must_use]
#[track_caller]
pub fn largest_difference<A: Into<f64>, B: Into<f64>>(
    found: impl IntoIterator<Item = A>,
    expected: impl IntoIterator<Item = B>,
) -> f64 {
    let found: Vec<f64> = found.into_iter().map(Into::into).collect();
    let expected: Vec<f64> = expected.into_iter().map(Into::into).collect();
    assert_eq!(found.len(), expected.len(), "as many numbers on both sides");
    let differences = found.iter().zip(&expected).map(|(found, expected)| (found - expected).abs());
    differences.fold(0.0, |largest, d| if d.is_nan() { f64::INFINITY } else { d.max(largest) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_a_number_is_noticed_wherever_it_stands() {
        for place in 0..3 {
            let mut found = [1.0_f32, 2.0, 3.0];
            assert_eq!(largest_difference(found, [1.0_f64, 2.0, 2.5]), 0.5);
            found[place] = f32::NAN;
            assert_eq!(largest_difference(found, [1.0_f64, 2.0, 2.5]), f64::INFINITY, "{place}");
            assert_eq!(largest_difference([1.0_f64, 2.0, 2.5], found), f64::INFINITY, "{place}");
        }
        assert_eq!(largest_difference([f64::INFINITY], [f64::INFINITY]), f64::INFINITY, "nobody expects these");
    }

    #[test]
    #[should_panic(expected = "as many numbers on both sides")]
    fn so_is_one_too_few() {
        let _ = largest_difference([1.0], [1.0, 2.0]);
    }
}
