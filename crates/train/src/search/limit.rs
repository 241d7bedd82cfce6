//! How many numbers an adapter may train.

use std::fmt;
use std::str::FromStr;

/// How many numbers an adapter may train. The head is no part of the adapter.
///
/// ```
/// use adaptune_train::search::Limit;
/// assert_eq!("1 %".parse(), Ok(Limit::Share(0.01)));
/// assert_eq!("120,000".parse(), Ok(Limit::Count(120_000)));
/// // 1,000 of 100,000 is 1 %.
/// assert_eq!(Limit::Share(0.01).most(99_000), 1_000);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Limit {
    /// The adapter's share of base and adapter together, above 0 and below 1.
    Share(f64),
    /// A number.
    Count(u64),
}

impl Limit {
    /// Returns the size of the largest adapter within the limit, for a base of so many numbers.
    #[must_use]
    pub fn most(self, base: u64) -> u64 {
        match self {
            Self::Count(count) => count,
            Self::Share(share) => largest_of(share, base),
        }
    }
}

/// The largest `a` with `a / (base + a) ≤ share`.
fn largest_of(share: f64, base: u64) -> u64 {
    let fits = |adapter: u64| adapter as f64 <= share * (base as f64 + adapter as f64);
    let near = (share / (1.0 - share) * base as f64) as u64;
    // Division rounds, perhaps across a whole number.
    (near.saturating_sub(1)..=near.saturating_add(1)).rev().find(|adapter| fits(*adapter)).unwrap_or(0)
}

impl FromStr for Limit {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let expected =
            || format!("expected a share such as '1 %', or a number of parameters such as 120000, found {text:?}");
        if let Some(percent) = text.trim().strip_suffix('%') {
            let percent = percent.trim().parse().ok().filter(|percent| *percent > 0.0 && *percent < 100.0);
            return percent.map(|percent: f64| Self::Share(percent / 100.0)).ok_or_else(expected);
        }
        let digits = text.trim().replace([',', '_'], "");
        digits.parse().ok().filter(|count| *count > 0).map(Self::Count).ok_or_else(expected)
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            // Ten places, so that 0.3 % is not written as 0.30000000000000004 %.
            Self::Share(share) => write!(f, "{} %", (share * 1e12).round() / 1e10),
            Self::Count(count) => write!(f, "{count}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_adapter_is_within_and_the_next_one_is_not() {
        for share in [0.001, 0.003, 0.01, 0.25, 0.9] {
            for base in [1, 999, 22_713_216, 109_482_240] {
                let most = Limit::Share(share).most(base);
                let of = |adapter: u64| adapter as f64 / (base + adapter) as f64;
                assert!(of(most) <= share + 1e-15 && of(most + 1) > share, "{share} of {base}: {most}");
            }
        }
    }

    #[test]
    fn limits_are_written_as_they_are_read() {
        for (text, written) in [("0.3%", "0.3 %"), (" 1 % ", "1 %"), ("22_700", "22700"), ("0.1 %", "0.1 %")] {
            let limit: Limit = text.parse().unwrap();
            assert_eq!((limit.to_string().as_str(), written.parse()), (written, Ok(limit)));
        }
        for text in ["", "0", "0 %", "100 %", "-1", "NaN %", "much", "1.5"] {
            assert!(text.parse::<Limit>().unwrap_err().contains("'1 %'"), "{text}");
        }
    }
}
