//! Examples: tokens with what they should be predicted as.

use crate::masking::Masking;
use adaptune_adapters::{Targets, Task};
use adaptune_tensor::Seed;
use adaptune_transformer::{Batch, Config};
use thiserror::Error;

/// One tokenised example.
#[derive(Clone, Debug, PartialEq)]
pub struct Example {
    /// The tokens, special ones included.
    pub token_ids: Vec<u32>,
    /// Which text of a pair each token belongs to; as many as tokens.
    pub token_types: Vec<u32>,
    /// What it should be predicted as.
    pub target: Target,
}

/// What one example should be predicted as.
#[derive(Clone, Debug, PartialEq)]
pub enum Target {
    /// A class.
    Class(usize),
    /// A number.
    Value(f64),
    /// A class for each token; `None` where a token does not count.
    Tags(Vec<Option<usize>>),
    /// Its own tokens, some of which are hidden when a batch is made.
    Tokens,
}

/// Examples of one task.
#[derive(Clone, Debug)]
pub struct Dataset {
    task: Task,
    examples: Vec<Example>,
    masking: Option<Masking>,
}

/// Examples that cannot be trained on.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum DataError {
    /// No examples.
    #[error("there are no examples: at least one is needed")]
    Empty,
    /// Targets of several tasks.
    #[error("example {example} has a target of another kind than a {task:?} head predicts")]
    Mixed {
        /// The example, from 0.
        example: usize,
        /// The task.
        task: Task,
    },
    /// Lengths that differ.
    #[error("example {example} has {tokens} tokens but {found} {what}: one is needed for each token")]
    Lengths {
        /// The example, from 0.
        example: usize,
        /// Its tokens.
        tokens: usize,
        /// How many of the other there are.
        found: usize,
        /// What does not fit.
        what: &'static str,
    },
    /// A class that the head does not have.
    #[error("example {example} has class {class}, but the head has {classes} classes")]
    Class {
        /// The example, from 0.
        example: usize,
        /// Its class.
        class: usize,
        /// Classes of the head.
        classes: usize,
    },
    /// A text of which nothing can be hidden.
    #[error("example {example} has only special tokens: there is nothing to hide")]
    NothingToHide {
        /// The example, from 0.
        example: usize,
    },
    /// Tokens that the base cannot take.
    #[error("example {example}: {message}")]
    Tokens {
        /// The example, from 0.
        example: usize,
        /// What is wrong.
        message: String,
    },
}

impl Dataset {
    /// Checks that all examples are of the task, with classes below `classes`, and as long as they
    /// say.
    ///
    /// # Errors
    /// If there are none, or one is not as it should be.
    pub fn new(task: Task, classes: usize, examples: Vec<Example>) -> Result<Self, DataError> {
        if examples.is_empty() {
            return Err(DataError::Empty);
        }
        for (i, example) in examples.iter().enumerate() {
            check(i, example, task, classes)?;
        }
        Ok(Self { task, examples, masking: None })
    }

    /// Texts for masked language modelling.
    ///
    /// # Errors
    /// If there are none, or one has nothing that could be hidden.
    pub fn language(texts: Vec<Vec<u32>>, masking: Masking) -> Result<Self, DataError> {
        if let Some(example) = texts.iter().position(|text| !masking.can_hide(text)) {
            return Err(DataError::NothingToHide { example });
        }
        let example =
            |token_ids: Vec<u32>| Example { token_types: vec![0; token_ids.len()], token_ids, target: Target::Tokens };
        let dataset = Self::new(Task::MASKED_LANGUAGE, 0, texts.into_iter().map(example).collect())?;
        Ok(Self { masking: Some(masking), ..dataset })
    }

    /// What is predicted.
    #[must_use]
    pub fn task(&self) -> Task {
        self.task
    }

    /// The examples.
    #[must_use]
    pub fn examples(&self) -> &[Example] {
        &self.examples
    }

    /// How many examples there are; never 0.
    #[must_use]
    #[allow(clippy::len_without_is_empty)] // it is never empty
    pub fn len(&self) -> usize {
        self.examples.len()
    }

    /// The number of tokens of each example.
    #[must_use]
    pub fn lengths(&self) -> Vec<usize> {
        self.examples.iter().map(|e| e.token_ids.len()).collect()
    }

    /// The examples with these numbers as one batch, with their targets. Which tokens are hidden in it, if any are, is a
    /// matter of `seed` and of the example, not of what else is in the batch.
    ///
    /// # Panics
    /// If there is no such example.
    #[must_use]
    pub fn batch(&self, examples: &[usize], seed: Seed) -> (Batch, Targets) {
        if let Some(masking) = &self.masking {
            return self.masked_batch(masking, examples, seed);
        }
        let chosen = || examples.iter().map(|i| &self.examples[*i]);
        let sequences = chosen().map(|e| (&e.token_ids[..], &e.token_types[..]));
        let batch = Batch::new(sequences).expect("lengths were checked");
        (batch, targets(self.task, chosen()))
    }

    fn masked_batch(&self, masking: &Masking, examples: &[usize], seed: Seed) -> (Batch, Targets) {
        let (mut places, mut tokens, mut sequences, mut first) = (Vec::new(), Vec::new(), Vec::new(), 0);
        for &i in examples {
            let example = &self.examples[i];
            let hidden = masking.hide(&example.token_ids, seed.at(i as u64));
            places.extend(hidden.places.iter().map(|place| first + place));
            tokens.extend(hidden.places.iter().map(|place| example.token_ids[*place] as usize));
            if let Some(token) = hidden.summary {
                places.push(first);
                tokens.push(token as usize);
            }
            first += example.token_ids.len();
            sequences.push((hidden.token_ids, &example.token_types));
        }
        let batch = Batch::new(sequences.iter().map(|(ids, types)| (&ids[..], &types[..])));
        (batch.expect("lengths were checked"), MaskedLanguage { places, tokens })
    }

    /// Checks that the base can take every example.
    ///
    /// # Errors
    /// If one is empty, too long, or has tokens that the base does not have.
    pub fn check_tokens(&self, base: &Config) -> Result<(), DataError> {
        for (example, e) in self.examples.iter().enumerate() {
            let known = e.token_ids.iter().all(|id| (*id as usize) < base.vocabulary);
            let message = match e.token_ids.len() {
                0 => "it has no tokens".to_owned(),
                n if n > base.max_tokens() => {
                    format!("it has {n} tokens, but the base has positions for {}", base.max_tokens())
                }
                _ if !known => format!("a token id is not below the base's vocabulary of {}", base.vocabulary),
                _ => continue,
            };
            return Err(DataError::Tokens { example, message });
        }
        Ok(())
    }

    /// A number that changes with any change of the examples.
    #[must_use]
    pub fn fingerprint(&self) -> u64 {
        let mut seed = Seed::new(self.examples.len() as u64);
        if let Some(Masking { rate, mask, vocabulary, special, summarise }) = &self.masking {
            let numbers = [rate.to_bits(), u64::from(*mask), u64::from(*vocabulary), u64::from(*summarise)];
            seed = numbers.into_iter().chain(special.iter().map(|id| u64::from(*id))).fold(seed, Seed::at);
        }
        for Example { token_ids, token_types, target } in &self.examples {
            seed = seed.at(token_ids.len() as u64);
            seed = token_ids.iter().chain(token_types).fold(seed, |seed, id| seed.at(u64::from(*id)));
            seed = match target {
                Target::Tokens => seed,
                Target::Class(class) => seed.at(*class as u64),
                Target::Value(value) => seed.at(value.to_bits()),
                Target::Tags(tags) => tags.iter().fold(seed, |seed, tag| seed.at(tag.map_or(u64::MAX, |t| t as u64))),
            };
        }
        seed.bits(0)
    }
}

fn check(i: usize, example: &Example, task: Task, classes: usize) -> Result<(), DataError> {
    let tokens = example.token_ids.len();
    let lengths = |found, what| Err(DataError::Lengths { example: i, tokens, found, what });
    if example.token_types.len() != tokens {
        return lengths(example.token_types.len(), "token types");
    }
    let highest = match (&example.target, task) {
        (Target::Class(class), Task::CLASSIFICATION) => Some(*class),
        (Target::Value(_), Task::REGRESSION) | (Target::Tokens, Task::MASKED_LANGUAGE) => None,
        (Target::Tags(tags), Task::TAGGING) if tags.len() == tokens => tags.iter().flatten().max().copied(),
        (Target::Tags(tags), Task::TAGGING) => return lengths(tags.len(), "tags"),
        _ => return Err(DataError::Mixed { example: i, task }),
    };
    match highest {
        Some(class) if class >= classes => Err(DataError::Class { example: i, class, classes }),
        _ => Ok(()),
    }
}

fn targets<'a>(task: Task, examples: impl Iterator<Item = &'a Example>) -> Targets {
    let targets = examples.map(|e| &e.target);
    match task {
        Task::CLASSIFICATION => {
            Classification(targets.filter_map(|t| if let Target::Class(c) = t { Some(*c) } else { None }).collect())
        }
        Task::REGRESSION => {
            Regression(targets.filter_map(|t| if let Target::Value(v) = t { Some(*v) } else { None }).collect())
        }
        Task::TAGGING => {
            Tagging(targets.flat_map(|t| if let Target::Tags(t) = t { &t[..] } else { &[] }).copied().collect())
        }
        Task::MASKED_LANGUAGE => MaskedLanguage { places: Vec::new(), tokens: Vec::new() },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example(tokens: &[u32], target: Target) -> Example {
        Example { token_ids: tokens.to_vec(), token_types: vec![0; tokens.len()], target }
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let fails = |task, examples| Dataset::new(task, 2, examples).unwrap_err();
        assert_eq!(fails(Task::REGRESSION, vec![]), DataError::Empty);
        let mixed = vec![example(&[1], Target::Class(0)), example(&[1], Target::Value(0.5))];
        assert_eq!(fails(Task::CLASSIFICATION, mixed), DataError::Mixed { example: 1, task: Task::CLASSIFICATION });
        let class = vec![example(&[1], Target::Class(2))];
        assert_eq!(fails(Task::CLASSIFICATION, class), DataError::Class { example: 0, class: 2, classes: 2 });
        let tags = vec![example(&[1, 2], Target::Tags(vec![None]))];
        assert!(matches!(fails(Task::TAGGING, tags), DataError::Lengths { tokens: 2, found: 1, what: "tags", .. }));
    }

    #[test]
    fn batches_hold_what_was_chosen_in_that_order() {
        let tags = |t: &[Option<usize>]| Target::Tags(t.to_vec());
        let examples = vec![example(&[7, 8], tags(&[None, Some(1)])), example(&[9], tags(&[Some(0)]))];
        let (batch, targets) = Dataset::new(Task::TAGGING, 2, examples).unwrap().batch(&[1, 0], Seed::new(0));
        assert_eq!((batch.token_ids(), batch.layout().sequences()), (&[9, 7, 8][..], 2));
        assert_eq!((targets.count(), targets), (2, Tagging(vec![Some(0), None, Some(1)])));
    }

    /// What is hidden of a text does not depend on its neighbours, and differs from draw to draw.
    #[test]
    fn hidden_tokens_are_the_targets() {
        let masking = || Masking { rate: 0.4, mask: 3, vocabulary: 90, special: vec![0, 3], summarise: false };
        let texts: Vec<Vec<u32>> = vec![(10..30).collect(), vec![0, 50, 0], (60..75).collect()];
        let data = Dataset::language(texts.clone(), masking()).unwrap();
        let hide = |examples: &[usize], seed| {
            let (batch, targets) = data.batch(examples, Seed::new(seed));
            let MaskedLanguage { places, tokens } = targets else { panic!("tokens") };
            (batch.token_ids().to_vec(), places, tokens)
        };
        let (ids, places, tokens) = hide(&[2, 0, 1], 5);
        let whole: Vec<u32> = [&texts[2][..], &texts[0], &texts[1]].concat();
        assert!(places.contains(&36), "the only token of a text that can be hidden is");
        assert!(places.iter().zip(&tokens).all(|(place, token)| whole[*place] as usize == *token));
        let elsewhere = |i: usize| !places.contains(&i);
        assert!((0..whole.len()).all(|i| ids[i] == whole[i] || !elsewhere(i)));
        assert_eq!(ids[15..35], hide(&[0], 5).0[..]);
        assert_ne!(ids, hide(&[2, 0, 1], 6).0);
        let nothing = Dataset::language(vec![vec![9], vec![0, 3]], masking());
        assert_eq!(nothing.unwrap_err(), DataError::NothingToHide { example: 1 });
    }

    #[test]
    fn the_fingerprint_sees_every_change() {
        let print = |tokens: &[u32], class| {
            Dataset::new(Task::CLASSIFICATION, 3, vec![example(tokens, Target::Class(class))]).unwrap().fingerprint()
        };
        assert_eq!(print(&[1, 2], 0), print(&[1, 2], 0));
        assert!(print(&[1, 2], 0) != print(&[2, 1], 0) && print(&[1, 2], 0) != print(&[1, 2], 1));
    }
}
