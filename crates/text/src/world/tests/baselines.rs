//! What can be had without reading: models that know words but no order.

use super::*;

/// Naive Bayes over bags of features, each count plus one (Manning, Raghavan and Schütze, *Introduction to Information
/// Retrieval*, chapter 13). All classes are equally frequent.
struct NaiveBayes<'a> {
    counts: BTreeMap<&'a str, BTreeMap<String, f64>>,
    features: f64,
}

impl<'a> NaiveBayes<'a> {
    fn learn(examples: &[(Vec<String>, &'a str)]) -> Self {
        let mut counts: BTreeMap<_, BTreeMap<String, f64>> = BTreeMap::new();
        for (features, label) in examples {
            let of_label = counts.entry(*label).or_default();
            features.iter().for_each(|feature| *of_label.entry(feature.clone()).or_default() += 1.0);
        }
        let features = counts.values().flat_map(BTreeMap::keys).collect::<BTreeSet<_>>().len() as f64;
        Self { counts, features }
    }

    fn predict(&self, features: &[String]) -> &'a str {
        let score = |of_label: &BTreeMap<String, f64>| -> f64 {
            let total = of_label.values().sum::<f64>() + self.features;
            features.iter().map(|feature| ((1.0 + of_label.get(feature).unwrap_or(&0.0)) / total).ln()).sum()
        };
        let best = self.counts.iter().max_by(|a, b| score(a.1).total_cmp(&score(b.1)));
        best.expect("it has learnt a label").0
    }
}

/// Test accuracy of naive Bayes that sees these features of an example.
fn accuracy(task: Task, language: Language, features: impl Fn(&Example) -> Vec<String>) -> f64 {
    let seen = |split| -> Vec<_> {
        let examples = World::default().examples(task, language, split);
        examples.iter().map(|example| (features(example), parts(example).1[0])).collect()
    };
    let (train, test) = (seen(Split::Train), seen(Split::Test));
    let model = NaiveBayes::learn(&train);
    let right = test.iter().filter(|(features, label)| model.predict(features) == *label).count();
    right as f64 / test.len() as f64
}

fn bag_of_words(example: &Example) -> Vec<String> {
    parts(example).0.iter().flat_map(|text| words(text)).collect()
}

#[test]
fn words_alone_do_not_tell_the_sentiment() {
    for language in Language::ALL {
        let accuracy = accuracy(Task::Sentiment, language, bag_of_words);
        assert!((0.55..0.75).contains(&accuracy), "{language:?}: {accuracy}");
    }
}

#[test]
fn words_alone_do_not_always_tell_the_topic() {
    for language in Language::ALL {
        let accuracy = accuracy(Task::Topic, language, bag_of_words);
        assert!((0.6..0.9).contains(&accuracy), "{language:?}: {accuracy}");
    }
}

/// A third is chance.
#[test]
fn neither_half_of_a_pair_tells_the_verdict() {
    for language in Language::ALL {
        let half = |i: usize| accuracy(Task::Entailment, language, move |example| words(&parts(example).0[i]));
        let (premise, hypothesis) = (half(0), half(1));
        assert!(hypothesis < 0.4 && premise < 0.55, "{language:?}: {premise} {hypothesis}");
        let both = accuracy(Task::Entailment, language, bag_of_words);
        assert!(both < 0.6, "{language:?}: {both}");
    }
}

/// All words of a split with their tags.
fn tagged(language: Language, split: Split) -> Vec<(String, &'static str)> {
    let examples = World::default().examples(Task::Tagging, language, split);
    let pairs = |example| match example {
        Example::Tagged { words, tags } => {
            words.into_iter().map(|word| word.to_lowercase()).zip(tags).collect::<Vec<_>>()
        }
        other => panic!("{other:?}"),
    };
    examples.into_iter().flat_map(pairs).collect()
}

#[test]
fn some_tags_depend_on_the_sentence() {
    for language in Language::ALL {
        let mut counts: BTreeMap<String, BTreeMap<&str, usize>> = BTreeMap::new();
        for (word, tag) in tagged(language, Split::Train) {
            *counts.entry(word).or_default().entry(tag).or_default() += 1;
        }
        let usual = |word: &str| counts.get(word).and_then(|tags| tags.iter().max_by_key(|(_, count)| **count));
        let test = tagged(language, Split::Test);
        let right = test.iter().filter(|(word, tag)| usual(word).is_some_and(|(usual, _)| usual == tag)).count();
        let accuracy = right as f64 / test.len() as f64;
        assert!((0.9..0.98).contains(&accuracy), "{language:?}: {accuracy}");
    }
}
