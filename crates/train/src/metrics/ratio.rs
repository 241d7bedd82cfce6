//! Quotients that may be undefined.

/// `numerator/denominator`, or 0 where that is undefined.
pub(super) fn ratio(numerator: f64, denominator: f64) -> f64 {
    if denominator > 0.0 { numerator / denominator } else { 0.0 }
}
