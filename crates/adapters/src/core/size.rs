//! How many numbers an adapter takes, by formula: nothing is allocated to count them.

use crate::core::point::Point;

/// How many numbers an adapter of a method takes in a model, and what it makes a pass compute besides. All counts end at the largest
/// `u64` instead of overflowing.
///
/// ```
/// use adaptune_adapters::Method;
/// use adaptune_transformer::Config;
/// let method: Method = "prefix_tuning[prefix_length=65536,bottleneck_size=65536]".parse()?;
/// let size = method.size(&Config::bert(16, 3, 4, 32))?;
/// assert_eq!(size.parameters(), 65536 * 16 + (65536 * 16 + 65536) + (96 * 65536 + 96));
/// assert_eq!(size.kept, 3 * 2 * 65536 * 65536); // the inside of its network, for each block
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Size {
    /// What its points hold, in the order of its parameters.
    pub points: Vec<PointSize>,
    /// Numbers that one block computes for the adapter itself, whatever the batch.
    pub transient: u64,
    /// Such numbers that a training step keeps of all blocks.
    pub kept: u64,
    /// Tokens that every sequence gets behind the embeddings.
    pub tokens: u64,
    /// Keys and values that every sequence gets in each block.
    pub keys: u64,
}

/// How many numbers belong to a point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PointSize {
    /// The point; none for what several share.
    pub point: Option<Point>,
    /// Numbers that train.
    pub parameters: u64,
    /// Numbers that are drawn once and never train.
    pub constants: u64,
    /// Numbers of the adapter's file.
    pub stored: u64,
}

impl PointSize {
    /// So many numbers that train, which a file holds as they are.
    pub(crate) fn trained(point: impl Into<Option<Point>>, parameters: u64) -> Self {
        Self { point: point.into(), parameters, constants: 0, stored: parameters }
    }

    /// The same with numbers that do not train.
    pub(crate) fn with_constants(self, constants: u64) -> Self {
        Self { constants, stored: self.stored.saturating_add(constants), ..self }
    }
}

impl Size {
    pub(crate) fn of(points: Vec<PointSize>) -> Self {
        Self { points, ..Self::default() }
    }

    /// That of several adapters in one.
    pub(crate) fn union(members: impl IntoIterator<Item = Self>) -> Self {
        members.into_iter().fold(Self::default(), |mut all, member| {
            all.points.extend(member.points);
            Self {
                points: all.points,
                transient: all.transient.saturating_add(member.transient),
                kept: all.kept.saturating_add(member.kept),
                tokens: all.tokens.saturating_add(member.tokens),
                keys: all.keys.saturating_add(member.keys),
            }
        })
    }

    /// How many numbers train.
    #[must_use]
    pub fn parameters(&self) -> u64 {
        sum(self.points.iter().map(|size| size.parameters))
    }

    /// How many numbers are drawn once and never train.
    #[must_use]
    pub fn constants(&self) -> u64 {
        sum(self.points.iter().map(|size| size.constants))
    }

    /// How many numbers its file holds.
    #[must_use]
    pub fn stored(&self) -> u64 {
        sum(self.points.iter().map(|size| size.stored))
    }

    /// How many numbers train at each point, as [`Adapter::counts`](crate::Adapter::counts) says of an adapter that is there.
    #[must_use]
    pub fn counts(&self) -> Vec<(String, u64)> {
        let mut counts: Vec<(String, u64)> = Vec::new();
        let mut shared: Option<usize> = None;
        for PointSize { point, parameters, .. } in self.points.iter().filter(|size| size.parameters > 0) {
            match (point, shared) {
                (None, Some(at)) => counts[at].1 = counts[at].1.saturating_add(*parameters),
                (None, None) => {
                    shared = Some(counts.len());
                    counts.push(("shared".to_owned(), *parameters));
                }
                (Some(point), _) => counts.push((point.to_string(), *parameters)),
            }
        }
        counts
    }
}

/// `a b c …`
pub(crate) fn product(factors: &[usize]) -> u64 {
    factors.iter().fold(1, |product: u64, factor| product.saturating_mul(*factor as u64))
}

/// `a + b + c …`
pub(crate) fn sum(numbers: impl IntoIterator<Item = u64>) -> u64 {
    numbers.into_iter().fold(0, u64::saturating_add)
}

/// The numbers of a linear layer `[Out, In]`, perhaps with a bias.
pub(crate) fn linear(outputs: usize, inputs: usize, bias: bool) -> u64 {
    product(&[outputs, inputs]).saturating_add(if bias { outputs as u64 } else { 0 })
}
