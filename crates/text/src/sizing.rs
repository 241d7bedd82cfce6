//! How long to train on how much data.
//!
//! Adapters begin as almost nothing, and the first steps only bring their rate up. With three epochs of batches of 32, fifty
//! examples make six steps, after which little has been learnt. So a small data set is cut into smaller batches and passed over
//! more often, until there are [`LEAST_STEPS`]; a large one is trained on as before. `docs/results.md` has what that is worth.

use adaptune_train::TrainOptions;

/// The fewest steps of the optimiser.
pub const LEAST_STEPS: usize = 300;
/// The fewest passes over the data.
const LEAST_EPOCHS: usize = 3;
/// From so many epochs on a run ends early where the development data show nothing better for a while. With fewer, the first ones
/// may all score nothing, as those of a tagger that has not found its first span, and say nothing of the later ones.
const MANY_EPOCHS: usize = 16;

/// Passes and batches that fit a number of examples.
///
/// ```
/// use adaptune_text::Sizing;
/// assert_eq!(Sizing::of(48), Sizing { epochs: 50, batch_size: 8 });
/// assert_eq!(Sizing::of(6920), Sizing { epochs: 3, batch_size: 32 });
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sizing {
    /// Passes over the data.
    pub epochs: usize,
    /// Examples of a step.
    pub batch_size: usize,
}

impl Sizing {
    /// Returns what fits so many examples: batches of 8 below 400 of them, of 16 below 3,200, else of 32; and passes until there
    /// are 300 steps, at least three.
    #[must_use]
    pub fn of(examples: usize) -> Self {
        let batch_size = match examples {
            0..400 => 8,
            400..3_200 => 16,
            _ => 32,
        };
        Self::with_batches(examples, batch_size)
    }

    /// Returns what fits so many examples in batches of a given size.
    #[must_use]
    pub fn with_batches(examples: usize, batch_size: usize) -> Self {
        let steps = examples.div_ceil(batch_size.max(1)).max(1);
        Self { epochs: LEAST_STEPS.div_ceil(steps).max(LEAST_EPOCHS), batch_size }
    }

    /// Epochs without improvement after which such a run may end, if there are development data: a quarter of many.
    #[must_use]
    pub fn patience(self) -> Option<usize> {
        (self.epochs >= MANY_EPOCHS).then(|| (self.epochs / 4).max(3))
    }

    /// Returns the default options with these epochs and batches.
    #[must_use]
    pub fn options(self, has_dev: bool) -> TrainOptions {
        let Self { epochs, batch_size } = self;
        let patience = self.patience().filter(|_| has_dev);
        TrainOptions { epochs, batch_size, patience, ..TrainOptions::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_data_are_passed_over_until_there_are_enough_steps() {
        for examples in 1..5_000 {
            let Sizing { epochs, batch_size } = Sizing::of(examples);
            let steps = epochs * examples.div_ceil(batch_size);
            assert!(steps >= LEAST_STEPS && epochs >= LEAST_EPOCHS, "{examples}: {epochs} of {batch_size}");
            assert!(epochs == LEAST_EPOCHS || steps < LEAST_STEPS + examples.div_ceil(batch_size), "no more than that");
        }
        assert_eq!(Sizing::with_batches(0, 0).epochs, LEAST_STEPS);
    }

    #[test]
    fn large_data_are_trained_on_as_ever() {
        let TrainOptions { epochs, batch_size, patience, .. } = TrainOptions::default();
        assert_eq!(Sizing::of(3_200), Sizing { epochs, batch_size });
        assert_eq!(Sizing::of(1_000_000).options(true).patience, patience);
        assert_eq!((Sizing::of(48).options(true).patience, Sizing::of(48).options(false).patience), (Some(12), None));
    }
}
