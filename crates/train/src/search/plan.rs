//! How many trainings of how many epochs: fixed before the first of them, so that time decides nothing afterwards.

use std::fmt;
use std::str::FromStr;

/// How trials are chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strategy {
    /// By chance, each trained to the end.
    Random,
    /// By chance, and only the better third is trained three times as long, and of that again the better third (successive halving; Jamieson and
    /// Talwalkar, 2016).
    Halving,
    /// Two thirds of the trials by successive halving, then children of the best: in each one or two things differ from a parent
    /// (regularised evolution in small; Real et al., 2019).
    Evolution,
}

impl Strategy {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Random, Self::Halving, Self::Evolution];

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Random => "random",
            Self::Halving => "halving",
            Self::Evolution => "evolution",
        }
    }
}

impl fmt::Display for Strategy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Strategy {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let names = || Self::ALL.map(Self::name).join(", ");
        let found = Self::ALL.into_iter().find(|strategy| strategy.name() == text);
        found.ok_or_else(|| format!("expected one of {}, found {text:?}", names()))
    }
}

/// Of how many trials one goes on to the next rung, and how much longer it is trained there.
const FACTOR: usize = 3;
/// Children that are chosen, and can be trained, at once.
pub(super) const GENERATION: usize = 4;

/// How many trials there are, and how long they are trained.
///
/// ```
/// use adaptune_train::search::{Plan, Strategy};
/// let plan = Plan::new(Strategy::Evolution, 18, 9);
/// assert_eq!(plan.epochs(), [1, 3, 9]);
/// assert_eq!((plan.first(), plan.children()), (12, 6));
/// // 12 for one epoch, 4 and the best preset for 3, 2 and the best preset for 9, then 6 children.
/// assert_eq!(plan.epochs_at_most(), 12 + 5 * 3 + 3 * 9 + 6 * 9);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    strategy: Strategy,
    trials: usize,
    epochs: Vec<usize>,
}

impl Plan {
    /// A plan of so many trials, of which those that are trained to the end are trained for so many epochs.
    #[must_use]
    pub fn new(strategy: Strategy, trials: usize, epochs: usize) -> Self {
        let mut rungs = vec![epochs.max(1)];
        while strategy != Strategy::Random && rungs[0] >= FACTOR {
            // Rounded to the nearest.
            rungs.insert(0, (2 * rungs[0] + FACTOR) / (2 * FACTOR));
        }
        Self { strategy, trials, epochs: rungs }
    }

    /// The plan of the most trials that takes at most so many epochs; `None` if the fewest trials that there can be beside the
    /// presets take more.
    #[must_use]
    pub fn within(strategy: Strategy, presets: usize, epochs: usize, budget: u64) -> Option<Self> {
        let plan = |trials: usize| Self::new(strategy, trials, epochs);
        let least = Self::least(strategy, presets);
        let fits = |trials: &usize| plan(*trials).epochs_at_most() <= budget;
        (least..=MOST_TRIALS).take_while(fits).last().map(plan)
    }

    /// The fewest trials of which one is no preset.
    #[must_use]
    pub fn least(strategy: Strategy, presets: usize) -> usize {
        (1..).find(|trials| Self::new(strategy, *trials, 1).first() > presets).unwrap_or(presets)
    }

    /// How trials are chosen.
    #[must_use]
    pub fn strategy(&self) -> Strategy {
        self.strategy
    }

    /// How many trials there are at most.
    #[must_use]
    pub fn trials(&self) -> usize {
        self.trials
    }

    /// The epochs of each rung, the shortest first.
    #[must_use]
    pub fn epochs(&self) -> &[usize] {
        &self.epochs
    }

    /// Trials of the first rung, the presets among them.
    #[must_use]
    pub fn first(&self) -> usize {
        match self.strategy {
            Strategy::Evolution => (2 * self.trials).div_ceil(3),
            Strategy::Random | Strategy::Halving => self.trials,
        }
    }

    /// Children of the best ones.
    #[must_use]
    pub fn children(&self) -> usize {
        self.trials - self.first()
    }

    /// Trials of a rung, of so many that were on the one before; the best preset goes on in any case.
    pub(super) fn kept(before: usize) -> usize {
        before.div_ceil(FACTOR)
    }

    /// Epochs of all trainings together, at most: some may end early (`patience`).
    #[must_use]
    pub fn epochs_at_most(&self) -> u64 {
        let (mut trials, mut sum) = (self.first(), 0);
        for (rung, epochs) in self.epochs.iter().enumerate() {
            sum += (trials * epochs) as u64;
            let next = rung + 1 < self.epochs.len();
            // Of those that go on one may be the preset, which then was counted already.
            trials = if next { (Self::kept(trials) + 1).min(trials) } else { trials };
        }
        sum + (self.children() * self.epochs.last().copied().unwrap_or(0)) as u64
    }
}

/// As many as anyone has the patience for.
const MOST_TRIALS: usize = 1_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rungs_are_three_times_as_long_as_those_before() {
        let epochs = |epochs| Plan::new(Strategy::Halving, 9, epochs).epochs().to_vec();
        assert_eq!((epochs(1), epochs(2), epochs(3), epochs(8)), (vec![1], vec![2], vec![1, 3], vec![1, 3, 8]));
        assert_eq!(epochs(50), [2, 6, 17, 50]);
        assert_eq!(Plan::new(Strategy::Random, 9, 50).epochs(), [50]);
    }

    #[test]
    fn a_budget_is_used_and_not_exceeded() {
        for strategy in Strategy::ALL {
            for (presets, epochs, budget) in [(5, 3, 24), (5, 3, 60), (1, 8, 100), (3, 50, 2_000)] {
                let Some(plan) = Plan::within(strategy, presets, epochs, budget) else {
                    let least = Plan::new(strategy, Plan::least(strategy, presets), epochs);
                    assert!(least.epochs_at_most() > budget, "{strategy}");
                    continue;
                };
                let next = Plan::new(strategy, plan.trials() + 1, epochs);
                assert!(plan.epochs_at_most() <= budget && next.epochs_at_most() > budget, "{plan:?}");
                assert!(plan.first() > presets, "{plan:?}");
            }
        }
        assert_eq!(Plan::within(Strategy::Random, 5, 3, 17), None);
    }

    #[test]
    fn strategies_are_known_by_their_names() {
        assert!(Strategy::ALL.into_iter().all(|strategy| strategy.name().parse() == Ok(strategy)));
        assert!("luck".parse::<Strategy>().unwrap_err().contains("random, halving, evolution"));
    }
}
