//! Data sets: examples of one task, and batches of them.

use crate::data_error::DataError;
use crate::example::{Example, Sequence, Target};
use crate::masking::Masking;
use adaptune_adapters::{TargetError, TargetScale, Task};
use adaptune_tensor::Seed;
use adaptune_transformer::{Batch, Config};

/// Some examples of a data set as one batch.
#[derive(Clone, Debug)]
pub struct ExampleBatch<'a> {
    /// Their tokens, some of which may be hidden.
    pub batch: Batch,
    /// The numbers of the examples in the data set, in the order of the batch.
    pub numbers: Vec<usize>,
    /// The examples, whose sequences follow each other in the batch.
    pub examples: Vec<&'a Example>,
    /// The places where tokens are hidden, counted through all sequences of the batch; none if nothing is.
    pub places: Vec<usize>,
    /// The token that stood at each of these places.
    pub tokens: Vec<usize>,
}

/// Examples of one task.
#[derive(Clone, Debug)]
pub struct Dataset {
    task: Task,
    examples: Vec<Example>,
    masking: Option<Masking>,
    /// The groups of each example, if adapters differ by group.
    groups: Option<Vec<Vec<(usize, f64)>>>,
}

impl Dataset {
    /// Checks that all examples are of the task, with classes below `classes` and numbers that are finite, and as long as
    /// they say.
    ///
    /// # Errors
    /// If there are none, or one is not as it should be.
    pub fn new(task: Task, classes: usize, examples: Vec<Example>) -> Result<Self, DataError> {
        if examples.is_empty() {
            return Err(DataError::Empty);
        }
        for (i, example) in examples.iter().enumerate() {
            check(i, example, task, classes)?;
            // Of vectors either scores are learnt or what belongs together.
            if task.predicts_a_vector()
                && (example.target == Target::Related) != (examples[0].target == Target::Related)
            {
                return Err(DataError::Mixed { example: i, task });
            }
        }
        Ok(Self { task, examples, masking: None, groups: None })
    }

    /// Texts for causal language modelling, each a sequence of its own, every token of which is learnt but the first.
    ///
    /// ```
    /// use adaptune_train::Dataset;
    /// let data = Dataset::texts(vec![vec![1, 5, 7], vec![1, 9]])?;
    /// assert_eq!(data.lengths(), [3, 2]);
    /// assert!(Dataset::texts(vec![vec![1]]).is_err(), "nothing follows");
    /// # Ok::<(), adaptune_train::DataError>(())
    /// ```
    ///
    /// # Errors
    /// If there are none, or one has less than two tokens.
    pub fn texts(texts: Vec<Vec<u32>>) -> Result<Self, DataError> {
        let example = |token_ids: Vec<u32>| {
            let counts = vec![true; token_ids.len()];
            Example::single(token_ids, Target::Next(counts))
        };
        Self::new(Task::CAUSAL_LANGUAGE, 0, texts.into_iter().map(example).collect())
    }

    /// Texts for masked language modelling.
    ///
    /// # Errors
    /// If there are none, or one has nothing that could be hidden.
    pub fn language(texts: Vec<Vec<u32>>, masking: Masking) -> Result<Self, DataError> {
        if let Some(example) = texts.iter().position(|text| !masking.can_hide(text)) {
            return Err(DataError::NothingToHide { example });
        }
        let example = |token_ids| Example::single(token_ids, Target::Tokens);
        let dataset = Self::new(Task::MASKED_LANGUAGE, 0, texts.into_iter().map(example).collect())?;
        Ok(Self { masking: Some(masking), ..dataset })
    }

    /// The same examples, each belonging to groups by the weights beside them, mostly to one alone: such as the place of each in a
    /// [tree](adaptune_adapters::Tree) of adapters. All sequences of an example belong to its groups.
    ///
    /// ```
    /// use adaptune_tensor::Seed;
    /// use adaptune_train::Dataset;
    /// let data = Dataset::texts(vec![vec![1, 5, 7], vec![1, 9]])?.with_groups(vec![vec![(2, 1.0)], vec![(0, 0.5), (1, 0.5)]])?;
    /// assert_eq!(data.batch(&[1, 0], Seed::new(0)).batch.layout().groups(1), [(2, 1.0)]);
    /// # Ok::<(), adaptune_train::DataError>(())
    /// ```
    ///
    /// # Errors
    /// If they are not as many as examples.
    pub fn with_groups(self, groups: Vec<Vec<(usize, f64)>>) -> Result<Self, DataError> {
        match groups.len() == self.examples.len() {
            true => Ok(Self { groups: Some(groups), ..self }),
            false => Err(DataError::Groups { found: groups.len(), examples: self.examples.len() }),
        }
    }

    /// The groups of each example, if they are said.
    #[must_use]
    pub fn groups(&self) -> Option<&[Vec<(usize, f64)>]> {
        self.groups.as_deref()
    }

    /// Returns the examples with these numbers, in this order.
    ///
    /// # Errors
    /// If there are none.
    ///
    /// # Panics
    /// If there is no such example.
    pub fn select(&self, numbers: &[usize]) -> Result<Self, DataError> {
        if numbers.is_empty() {
            return Err(DataError::Empty);
        }
        let examples = numbers.iter().map(|number| self.examples[*number].clone()).collect();
        let groups = self.groups.as_ref().map(|all| numbers.iter().map(|number| all[*number].clone()).collect());
        Ok(Self { task: self.task, examples, masking: self.masking.clone(), groups })
    }

    /// What is predicted.
    #[must_use]
    pub fn task(&self) -> Task {
        self.task
    }

    /// How tokens are hidden, if they are.
    pub(crate) fn masking(&self) -> Option<&Masking> {
        self.masking.as_ref()
    }

    /// The examples.
    #[must_use]
    pub fn examples(&self) -> &[Example] {
        &self.examples
    }

    /// The scale on which a head learns these examples' numbers, if they are far from zero.
    ///
    /// ```
    /// # use adaptune_train::{Dataset, Example, Target};
    /// # use adaptune_adapters::Task;
    /// let price = |value| Example::single(vec![1, 2], Target::Value(value));
    /// let prices = Dataset::new(Task::REGRESSION, 1, vec![price(100.0), price(300.0)])?;
    /// assert_eq!(prices.target_scale().map(|scale| scale.mean), Some(200.0));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn target_scale(&self) -> Option<TargetScale> {
        TargetScale::of(self.examples.iter().filter_map(|example| match example.target {
            Target::Value(value) => Some(value),
            _ => None,
        }))
    }

    /// How many examples there are; never 0.
    #[must_use]
    #[allow(clippy::len_without_is_empty)] // it is never empty
    pub fn len(&self) -> usize {
        self.examples.len()
    }

    /// The number of tokens of each example, in all its sequences.
    #[must_use]
    pub fn lengths(&self) -> Vec<usize> {
        self.examples.iter().map(Example::tokens).collect()
    }

    /// Returns the examples with these numbers as one batch. Which tokens are hidden in it, if any are, is a matter of `seed`
    /// and of the example, not of what else is in the batch.
    ///
    /// # Panics
    /// If there is no such example.
    #[must_use]
    pub fn batch(&self, numbers: &[usize], seed: Seed) -> ExampleBatch<'_> {
        let examples: Vec<&Example> = numbers.iter().map(|i| &self.examples[*i]).collect();
        let mut sequences: Vec<(usize, &Sequence)> = Vec::with_capacity(numbers.len());
        for i in numbers {
            sequences.extend(self.examples[*i].sequences.iter().map(|sequence| (*i, sequence)));
        }
        let (mut places, mut tokens, mut token_ids, mut first) = (Vec::new(), Vec::new(), Vec::new(), 0);
        for (i, sequence) in &sequences {
            let Some(masking) = &self.masking else { break };
            let hidden = masking.hide(&sequence.token_ids, seed.at(*i as u64));
            places.extend(hidden.places.iter().map(|place| first + place));
            tokens.extend(hidden.places.iter().map(|place| sequence.token_ids[*place] as usize));
            if let Some(token) = hidden.summary {
                places.push(first);
                tokens.push(token as usize);
            }
            first += sequence.token_ids.len();
            token_ids.push(hidden.token_ids);
        }
        let ids = |s: usize| token_ids.get(s).unwrap_or(&sequences[s].1.token_ids);
        let batch = Batch::new((0..sequences.len()).map(|s| (&ids(s)[..], &sequences[s].1.token_types[..])));
        let mut batch = batch.expect("lengths were checked");
        if let Some(groups) = &self.groups {
            let groups = sequences.iter().map(|(i, _)| groups[*i].clone()).collect();
            batch = batch.with_groups(groups).expect("there are some for each sequence");
        }
        ExampleBatch { batch, numbers: numbers.to_vec(), examples, places, tokens }
    }

    /// Checks that the base can take every example.
    ///
    /// # Errors
    /// If one is empty, too long, or has tokens or token types that the base does not have.
    pub fn check_tokens(&self, base: &Config) -> Result<(), DataError> {
        for (example, e) in self.examples.iter().enumerate() {
            for sequence in &e.sequences {
                sequence.check(base).map_err(|message| DataError::Tokens { example, message })?;
            }
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
        let of_group = |seed: Seed, (group, weight): &(usize, f64)| seed.at(*group as u64).at(weight.to_bits());
        for groups in self.groups.iter().flatten() {
            seed = groups.iter().fold(seed.named("groups"), of_group);
        }
        for Example { sequences, target } in &self.examples {
            for Sequence { token_ids, token_types } in sequences {
                seed = seed.at(token_ids.len() as u64);
                seed = token_ids.iter().chain(token_types).fold(seed, |seed, id| seed.at(u64::from(*id)));
            }
            seed = match target {
                Target::Tokens => seed,
                Target::Next(counts) => {
                    let lengths = sequences.iter().map(|sequence| sequence.token_ids.len() as u64);
                    lengths.chain(counts.iter().map(|counts| u64::from(*counts))).fold(seed.named("next"), Seed::at)
                }
                Target::Related => seed.named("related").at(sequences.len() as u64),
                Target::Choice(right) => seed.at(sequences.len() as u64).at(*right as u64),
                Target::Class(class) => seed.at(*class as u64),
                Target::Node { label, .. } => seed.named("node").at(*label as u64),
                Target::Value(value) => seed.at(value.to_bits()),
                Target::Labels(truths) => truths.iter().fold(seed, |seed, truth| seed.at(u64::from(*truth))),
                Target::Answer(window) => window.fingerprint(seed),
                Target::Tags(tags) => tags.iter().fold(seed, |seed, tag| seed.at(tag.map_or(u64::MAX, |t| t as u64))),
            };
        }
        seed.bits(0)
    }
}

fn check(i: usize, example: &Example, task: Task, classes: usize) -> Result<(), DataError> {
    if !example.target.is_for(task) {
        return Err(DataError::Mixed { example: i, task });
    }
    check_lengths(i, example, task)?;
    let target = |source| Err(DataError::Target { example: i, source });
    let highest = match &example.target {
        Target::Class(class) => Some(*class),
        Target::Node { label, .. } => Some(*label),
        Target::Tags(tags) => tags.iter().flatten().max().copied(),
        Target::Value(value) if !value.is_finite() => {
            return target(TargetError::NotFinite { found: value.to_string() });
        }
        Target::Labels(truths) if truths.len() != classes => {
            return target(TargetError::Truths { found: truths.len(), labels: classes });
        }
        Target::Choice(choice) if *choice >= example.sequences.len() => {
            return Err(DataError::Choice { example: i, choice: *choice, choices: example.sequences.len() });
        }
        Target::Related
        | Target::Value(_)
        | Target::Labels(_)
        | Target::Answer(_)
        | Target::Choice(_)
        | Target::Next(_)
        | Target::Tokens => None,
    };
    match highest {
        Some(class) if class >= classes => Err(DataError::Class { example: i, class, classes }),
        _ => Ok(()),
    }
}

/// As many sequences as the target is for, and as much for each token as there has to be.
fn check_lengths(i: usize, example: &Example, task: Task) -> Result<(), DataError> {
    let (found, tokens) = (example.sequences.len(), example.tokens());
    match example.target {
        Target::Choice(_) if found < 2 => {
            return Err(DataError::Sequences { example: i, found, expected: "a choice among at least two" });
        }
        Target::Related if found < 2 => {
            return Err(DataError::Sequences { example: i, found, expected: "an anchor and its positive at least" });
        }
        Target::Value(_) if task.predicts_a_vector() && found != 2 => {
            return Err(DataError::Sequences { example: i, found, expected: "the two of a pair" });
        }
        Target::Value(_) if task.predicts_a_vector() => {}
        Target::Choice(_) | Target::Related | Target::Next(_) => {}
        _ if found != 1 => return Err(DataError::Sequences { example: i, found, expected: "one sequence" }),
        _ => {}
    }
    for Sequence { token_ids, token_types } in &example.sequences {
        if token_types.len() != token_ids.len() {
            let (tokens, found) = (token_ids.len(), token_types.len());
            return Err(DataError::Lengths { example: i, tokens, found, what: "token types" });
        }
    }
    let lengths = |found, what| Err(DataError::Lengths { example: i, tokens, found, what });
    match &example.target {
        Target::Answer(window) if window.bytes.len() != tokens => lengths(window.bytes.len(), "places in the context"),
        Target::Tags(tags) if tags.len() != tokens => lengths(tags.len(), "tags"),
        Target::Next(counts) if counts.len() != tokens => lengths(counts.len(), "marks of what is learnt"),
        Target::Next(counts) if !learns(example, counts) => Err(DataError::NothingToLearn { example: i }),
        _ => Ok(()),
    }
}

/// True if some token is learnt that has one before it.
fn learns(example: &Example, counts: &[bool]) -> bool {
    let mut counts = counts.iter();
    example
        .sequences
        .iter()
        .any(|sequence| counts.by_ref().take(sequence.token_ids.len()).skip(1).any(|counts| *counts))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example(tokens: &[u32], target: Target) -> Example {
        Example::single(tokens.to_vec(), target)
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let fails = |task, examples| Dataset::new(task, 2, examples).unwrap_err();
        assert_eq!(fails(Task::REGRESSION, vec![]), DataError::Empty);
        let mixed = vec![example(&[1], Target::Class(0)), example(&[1], Target::Value(0.5))];
        assert_eq!(fails(Task::CLASSIFICATION, mixed), DataError::Mixed { example: 1, task: Task::CLASSIFICATION });
        let class = vec![example(&[1], Target::Class(2))];
        assert_eq!(fails(Task::CLASSIFICATION, class), DataError::Class { example: 0, class: 2, classes: 2 });
        let truths = vec![example(&[1], Target::Labels(vec![true]))];
        let found = fails(Task::MULTI_LABEL, truths).to_string();
        assert_eq!(found, "example 0 has 1 truths, but the head has 2 labels: give one truth for each label");
        let class = vec![example(&[1], Target::Class(0))];
        assert_eq!(fails(Task::MULTI_LABEL, class), DataError::Mixed { example: 0, task: Task::MULTI_LABEL });
        let tags = vec![example(&[1, 2], Target::Tags(vec![None]))];
        assert!(matches!(fails(Task::TAGGING, tags), DataError::Lengths { tokens: 2, found: 1, what: "tags", .. }));
    }

    #[test]
    fn batches_hold_what_was_chosen_in_that_order() {
        let tags = |t: &[Option<usize>]| Target::Tags(t.to_vec());
        let examples = vec![example(&[7, 8], tags(&[None, Some(1)])), example(&[9], tags(&[Some(0)]))];
        let data = Dataset::new(Task::TAGGING, 2, examples).unwrap();
        let ExampleBatch { batch, numbers, examples, .. } = data.batch(&[1, 0], Seed::new(0));
        assert_eq!((batch.token_ids(), batch.layout().sequences()), (&[9, 7, 8][..], 2));
        assert_eq!((numbers, examples), (vec![1, 0], vec![&data.examples()[1], &data.examples()[0]]));
    }

    /// What is hidden of a text does not depend on its neighbours, and differs from draw to draw.
    #[test]
    fn hidden_tokens_are_the_targets() {
        let masking = || Masking { rate: 0.4, mask: 3, vocabulary: 90, special: vec![0, 3], summarise: false };
        let texts: Vec<Vec<u32>> = vec![(10..30).collect(), vec![0, 50, 0], (60..75).collect()];
        let data = Dataset::language(texts.clone(), masking()).unwrap();
        let hide = |examples: &[usize], seed| {
            let ExampleBatch { batch, places, tokens, .. } = data.batch(examples, Seed::new(seed));
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
        let of_group = |group| {
            let data = Dataset::texts(vec![vec![1, 2]]).and_then(|data| data.with_groups(vec![vec![(group, 1.0)]]));
            data.unwrap().fingerprint()
        };
        assert!(of_group(0) == of_group(0) && of_group(0) != of_group(1));
        let few = Dataset::texts(vec![vec![1, 2]]).and_then(|data| data.with_groups(Vec::new()));
        assert_eq!(few.unwrap_err(), DataError::Groups { found: 0, examples: 1 });
    }
}
