//! Which trainings are due, given the scores of those that have ended.

use super::candidate::Candidate;
use super::draw::{candidate, smallest};
use super::error::SearchError;
use super::mutation::child;
use super::plan::{GENERATION, Plan};
use super::presets::presets;
use super::score::{Results, ranked};
use super::space::Space;
use adaptune_tensor::Seed;
use adaptune_transformer::Config;

/// A search: its trials are a function of space, model, limit, plan and seed, and of the scores of earlier trials.
///
/// The [module](super) has an example.
#[derive(Clone, Debug)]
pub struct Search {
    space: Space,
    model: Config,
    most: u64,
    plan: Plan,
    seed: Seed,
    /// The trials of the first rung, the presets first.
    first: Vec<Counted>,
    presets: usize,
}

/// A configuration that is tried.
#[derive(Clone, Debug, PartialEq)]
pub struct Trial {
    /// The configuration string.
    pub method: String,
    /// The learning rate.
    pub rate: f64,
    /// Numbers that the adapter trains.
    pub parameters: u64,
    /// Where it comes from.
    pub origin: Origin,
}

/// Where a trial comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The registry.
    Preset,
    /// Chance.
    Random,
    /// The trial of this number.
    Child(usize),
}

/// A training that is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Training {
    /// The number of the trial.
    pub trial: usize,
    /// The rung, from 0.
    pub rung: usize,
    /// How long it is trained there.
    pub epochs: usize,
}

/// Where a search stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Progress {
    /// The trials that are known so far, by their numbers.
    pub trials: Vec<Trial>,
    /// The trainings that are due, none of which depends on another; none where the search is at its end.
    pub next: Vec<Training>,
}

/// A candidate, whose size was counted, and where it comes from.
#[derive(Clone, Debug)]
struct Counted {
    candidate: Candidate,
    /// Its configuration string.
    text: String,
    parameters: u64,
    origin: Origin,
}

/// Draws before a trial is given up.
const ATTEMPTS: u64 = 4_000;
/// Of so many candidates within the limit every second trial takes the largest.
const CHOICE: usize = 4;
/// The best trials, which have children in turn.
const PARENTS: usize = 2;

impl Search {
    /// Prepares a search for adapters of at most `most` numbers.
    ///
    /// # Errors
    /// The space does not fit the model, or the limit excludes all of it.
    pub fn new(space: Space, model: &Config, most: u64, plan: Plan, seed: u64) -> Result<Self, SearchError> {
        space.check(model)?;
        let (least, parameters) = smallest(&space, model)?;
        if parameters > most {
            return Err(SearchError::NothingWithin { most, smallest: least.text(), parameters });
        }
        let seed = Seed::new(seed).named("search");
        let mut search = Self { space, model: model.clone(), most, plan, seed, first: Vec::new(), presets: 0 };
        search.choose_first(least);
        Ok(search)
    }

    /// Returns how many presets of the space's methods there are within a limit: what a plan has to leave room for.
    ///
    /// # Errors
    /// The space does not fit the model.
    pub fn presets_within(space: &Space, model: &Config, most: u64) -> Result<usize, SearchError> {
        space.check(model)?;
        Ok(presets(space, model, most).len())
    }

    /// The plan.
    #[must_use]
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Returns the trials that are known, and the trainings that are due.
    #[must_use]
    pub fn progress(&self, results: &Results) -> Progress {
        let mut all = self.first.clone();
        let next = self.due(&mut all, results);
        Progress { trials: all.iter().map(Counted::trial).collect(), next }
    }

    /// The trainings that are due; children that are known are added to the trials.
    fn due(&self, all: &mut Vec<Counted>, results: &Results) -> Vec<Training> {
        let mut on_rung: Vec<usize> = (0..all.len()).collect();
        for rung in 0..self.plan.epochs().len() {
            if rung > 0 {
                on_rung = self.promoted(&on_rung, rung - 1, results);
            }
            let missing = self.missing(on_rung.iter().copied(), rung, results);
            if !missing.is_empty() {
                return missing;
            }
        }
        self.due_children(all, results)
    }

    /// The trials without a score on a rung.
    fn missing(&self, trials: impl Iterator<Item = usize>, rung: usize, results: &Results) -> Vec<Training> {
        let epochs = self.plan.epochs()[rung];
        let due = trials.filter(|trial| !results.contains_key(&(*trial, rung)));
        due.map(|trial| Training { trial, rung, epochs }).collect()
    }

    /// The better third of a rung, and the best preset.
    fn promoted(&self, trials: &[usize], rung: usize, results: &Results) -> Vec<usize> {
        let ranked = ranked(trials.iter().copied(), rung, results);
        let (kept, others) = ranked.split_at(Plan::kept(ranked.len()));
        let is_preset = |trial: &&usize| **trial < self.presets;
        let preset = others.iter().find(is_preset).filter(|_| !kept.iter().any(|trial| is_preset(&trial)));
        let mut promoted: Vec<usize> = kept.iter().chain(preset).copied().collect();
        promoted.sort_unstable();
        promoted
    }

    /// Children, a generation at a time: the next one is chosen when all scores of the last one are known.
    fn due_children(&self, all: &mut Vec<Counted>, results: &Results) -> Vec<Training> {
        let last = self.plan.epochs().len() - 1;
        let end = self.first.len() + self.plan.children();
        while all.len() < end {
            let born = all.len()..end.min(all.len() + GENERATION);
            let parents = ranked(0..all.len(), last, results);
            for number in born.clone() {
                let parent = parents[(number - born.start) % parents.len().min(PARENTS)];
                match self.child(all, parent) {
                    Some(child) => all.push(child),
                    None => break,
                }
            }
            let missing = self.missing(born.start..all.len(), last, results);
            // Where every child was tried already, there is nothing left to change.
            if !missing.is_empty() || all.len() < born.end {
                return missing;
            }
        }
        Vec::new()
    }

    /// The next trial, as a child of that of the number `parent`.
    fn child(&self, all: &[Counted], parent: usize) -> Option<Counted> {
        let seed = self.seed.named("child").at(all.len() as u64);
        let drawn =
            (0..ATTEMPTS).map(|attempt| child(&self.space, &self.model, &all[parent].candidate, seed.at(attempt)));
        drawn.into_iter().find_map(|candidate| self.new_one(all, candidate, Origin::Child(parent)))
    }

    fn choose_first(&mut self, smallest: Candidate) {
        let mut all: Vec<Counted> = Vec::new();
        for preset in presets(&self.space, &self.model, self.most).into_iter().take(self.plan.first()) {
            all.extend(self.new_one(&all, preset, Origin::Preset));
        }
        self.presets = all.len();
        while all.len() < self.plan.first() {
            // Where the limit is so narrow that chance does not find what is within, the smallest one is there.
            let found = self.random(&all).or_else(|| self.new_one(&all, smallest.clone(), Origin::Random));
            match found {
                Some(next) => all.push(next),
                None => break,
            }
        }
        self.first = all;
    }

    /// The next trial, by chance. More parameters mostly do no harm, so every second trial is the largest of some.
    fn random(&self, all: &[Counted]) -> Option<Counted> {
        let seed = self.seed.named("trial").at(all.len() as u64);
        let drawn = (0..ATTEMPTS).map(|attempt| candidate(&self.space, &self.model, seed.at(attempt)));
        let within = drawn.filter_map(|candidate| self.new_one(all, candidate, Origin::Random));
        let choice = if all.len().is_multiple_of(2) { 1 } else { CHOICE };
        // The first of the largest.
        within.take(choice).reduce(|best, next| if next.parameters > best.parameters { next } else { best })
    }

    /// The candidate, if it is within the limit and is no trial yet.
    fn new_one(&self, all: &[Counted], candidate: Candidate, origin: Origin) -> Option<Counted> {
        let parameters = candidate.size(&self.model).filter(|size| *size <= self.most)?;
        let text = candidate.text();
        let is_known = |known: &Counted| known.candidate.rate == candidate.rate && known.text == text;
        (!all.iter().any(is_known)).then_some(Counted { candidate, text, parameters, origin })
    }
}

impl Counted {
    fn trial(&self) -> Trial {
        let Self { candidate, text, parameters, origin } = self;
        Trial { method: text.clone(), rate: candidate.rate, parameters: *parameters, origin: *origin }
    }
}
