//! What must hold of all examples and of both languages.

mod baselines;
mod languages;

use super::*;
use adaptune_tensor::Seed;
use std::collections::{BTreeMap, BTreeSet, HashSet};

/// The words of a text in small letters.
fn words(text: &str) -> Vec<String> {
    let text = text.to_lowercase();
    text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

/// Every text of an example, and what is to be said of it.
fn parts(example: &Example) -> (Vec<String>, Vec<&'static str>) {
    match example {
        Example::Text { text, label } => (vec![text.clone()], vec![label]),
        Example::Pair { premise, hypothesis, label } => (vec![premise.clone(), hypothesis.clone()], vec![label]),
        Example::Review { text, label, opinion } => (vec![text.clone()], vec![label, opinion]),
        Example::Tagged { words, tags } => (vec![words.join(" ")], tags.clone()),
    }
}

fn all_data() -> impl Iterator<Item = (Task, Language, Split)> {
    let of = |task| Language::ALL.into_iter().flat_map(move |language| Split::ALL.map(|split| (task, language, split)));
    Task::ALL.into_iter().flat_map(of)
}

/// Fowler, Noll and Vo's hash (FNV-1a), which no library is going to change.
fn hash(texts: impl IntoIterator<Item = String>) -> u64 {
    let bytes = texts.into_iter().flat_map(|text| text.into_bytes().into_iter().chain([b'\n']));
    bytes.fold(0xCBF2_9CE4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3))
}

/// Results that people have compared depend on these texts. Whoever changes them says so in the change log.
#[test]
fn the_built_in_world_is_pinned() {
    let world = World::default();
    let written = |example: &Example| {
        let (texts, answers) = parts(example);
        [texts.join("\t"), answers.join(" ")].join("\t")
    };
    let of = |later: bool| {
        let tasks = all_data().filter(move |(task, ..)| (*task == Task::Subtopic) == later);
        let examples = tasks.flat_map(|(task, language, split)| world.examples(task, language, split));
        hash(examples.map(|example| written(&example)))
    };
    let (examples, reviews) = (of(false), of(true));
    let corpora = hash(Language::ALL.into_iter().flat_map(|language| world.corpus(language, 2000)));
    assert_eq!(
        (examples, corpora, reviews),
        (0x7973_D75A_62F9_D263, 0xEEB2_E950_BF0B_31F4, 0xEA2E_10F8_41EA_693E),
        "{examples:#018X}, {corpora:#018X}, {reviews:#018X}"
    );
}

#[test]
fn splits_have_their_sizes_and_share_no_text() {
    let world = World::default();
    for (task, language) in Task::ALL.into_iter().flat_map(|task| Language::ALL.map(|language| (task, language))) {
        let mut seen = HashSet::new();
        for split in Split::ALL {
            let examples = world.examples(task, language, split);
            assert_eq!(examples.len(), task.size(split));
            let texts: HashSet<String> = examples.iter().flat_map(|example| parts(example).0).collect();
            assert!(seen.is_disjoint(&texts), "{task:?} {language:?} {split:?}");
            seen.extend(texts);
        }
    }
}

#[test]
fn labels_are_balanced_and_in_no_order() {
    let world = World::default();
    for split in Split::ALL {
        for task in [Task::Sentiment, Task::Topic, Task::Entailment] {
            let examples = world.examples(task, Language::A, split);
            let labels: Vec<_> = examples.iter().flat_map(|example| parts(example).1).collect();
            let count = |label: &&str| labels.iter().filter(|other| *other == label).count();
            let even = task.size(split) / task.labels().len();
            assert!(task.labels().iter().all(|label| count(label) == even), "{task:?}");
            let first: BTreeSet<_> = labels[..30].iter().copied().collect();
            assert_eq!(first.into_iter().collect::<Vec<_>>(), task.labels(), "the first few have every label");
        }
    }
}

#[test]
fn both_languages_say_the_same() {
    let world = World::default();
    for (task, _, split) in all_data().filter(|(_, language, _)| *language == Language::A) {
        let [a, b] = Language::ALL.map(|language| world.examples(task, language, split));
        for (a, b) in a.iter().zip(&b) {
            let ((texts_a, answers_a), (texts_b, answers_b)) = (parts(a), parts(b));
            assert_ne!(texts_a, texts_b);
            assert_eq!(figures_and_names(&texts_a), figures_and_names(&texts_b));
            assert!(task == Task::Tagging || answers_a == answers_b);
        }
    }
}

/// What the languages share of a text, and how often.
fn figures_and_names(texts: &[String]) -> BTreeMap<String, usize> {
    let names: HashSet<String> = lexicon::NAMES.iter().map(|name| name.form.to_lowercase()).collect();
    let shared = |word: &String| names.contains(word) || word.parse::<u32>().is_ok();
    let mut counts = BTreeMap::new();
    texts.iter().flat_map(|text| words(text)).filter(shared).for_each(|word| *counts.entry(word).or_default() += 1);
    counts
}

#[test]
fn every_tag_is_one_of_the_tasks_and_every_word_has_one() {
    let world = World::default();
    for language in Language::ALL {
        let mut seen = BTreeSet::new();
        for example in world.examples(Task::Tagging, language, Split::Train) {
            let Example::Tagged { words, tags } = example else { panic!("{example:?}") };
            assert_eq!(words.len(), tags.len());
            assert!(words.iter().all(|word| !word.contains(char::is_whitespace) && !word.is_empty()));
            seen.extend(tags);
        }
        assert_eq!(seen.into_iter().collect::<Vec<_>>(), Task::Tagging.labels());
    }
}

#[test]
fn the_languages_share_names_and_figures_and_are_small() {
    let world = World::default();
    let [a, b] = Language::ALL.map(|language| vocabulary(&world.corpus(language, World::PASSAGES)));
    let shared: BTreeSet<_> = a.intersection(&b).cloned().collect();
    let names: HashSet<String> = lexicon::NAMES.iter().map(|name| name.form.to_lowercase()).collect();
    assert!(shared.iter().all(|word| names.contains(word) || word.parse::<u32>().is_ok()), "{shared:?}");
    assert!(names.iter().all(|name| shared.contains(name)), "{shared:?}");
    assert!((1000..1500).contains(&a.union(&b).count()), "{}", a.union(&b).count());
    for (task, language, split) in all_data() {
        let known = if language == Language::A { &a } else { &b };
        let texts: Vec<_> = world.examples(task, language, split).iter().flat_map(|example| parts(example).0).collect();
        let unknown: Vec<_> = vocabulary(&texts).difference(known).cloned().collect();
        assert!(unknown.is_empty(), "the corpus does not have {unknown:?} of {task:?}");
    }
}

fn vocabulary(texts: &[String]) -> BTreeSet<String> {
    texts.iter().flat_map(|text| words(text)).collect()
}

#[test]
fn every_concept_has_words_of_its_own() {
    let mut a = HashSet::new();
    let mut b = BTreeMap::<&str, Vec<&str>>::new();
    for noun in lexicon::NOUNS {
        assert!(a.insert(noun.one), "{}", noun.one);
        b.entry(noun.b).or_default().push(noun.one);
    }
    assert!(b.values().all(|nouns| nouns.len() == 1), "{b:?}");
    let stems: HashSet<_> = lexicon::VERBS.iter().map(|verb| verb.stem).collect();
    let adjectives: HashSet<_> = lexicon::adjectives().map(|adjective| adjective.b).collect();
    assert_eq!((stems.len(), adjectives.len()), (lexicon::VERBS.len(), lexicon::adjectives().count()));
    let concepts = a.len() + stems.len() + adjectives.len();
    assert!((350..500).contains(&concepts), "{concepts}");
}

#[test]
fn professions_are_nouns() {
    for name in lexicon::NAMES.iter().filter(|name| name.bearer != lexicon::Bearer::Town) {
        let noun = lexicon::NOUNS.iter().find(|noun| noun.one == name.profession);
        assert_eq!(noun.and_then(|noun| noun.kind.topic()), Some(name.topic), "{}", name.form);
    }
}

#[test]
fn another_seed_makes_other_texts() {
    let [one, other] = [0, 1].map(|seed| World::new(Seed::new(seed)));
    let test = |world: World| world.examples(Task::Sentiment, Language::B, Split::Test);
    let shared: HashSet<_> = test(one).into_iter().collect();
    let shared = test(other).into_iter().filter(|example| shared.contains(example)).count();
    assert!(shared < 100, "{shared}");
    assert_ne!(one.corpus(Language::A, 50), other.corpus(Language::A, 50));
}

/// No story is told twice, and none begins as another passage of the corpus ends.
#[test]
fn stories_of_all_splits_differ() {
    let world = World::default();
    let stories = |language| Split::ALL.into_iter().flat_map(move |split| world.stories(language, split));
    for language in Language::ALL {
        let all: std::collections::BTreeSet<String> = stories(language).collect();
        assert_eq!(all.len(), 1400);
    }
    let a = world.stories(Language::A, Split::Dev);
    assert!(a.iter().all(|story| story.ends_with("was happy.")), "{}", a[0]);
    let words = vocabulary(&world.corpus(Language::B, World::PASSAGES));
    let unknown: Vec<String> =
        vocabulary(&world.stories(Language::B, Split::Test)).difference(&words).cloned().collect();
    assert!(unknown.is_empty(), "{unknown:?}");
}

#[test]
fn a_longer_corpus_begins_with_the_shorter() {
    let world = World::default();
    let (short, long) = (world.corpus(Language::B, 20), world.corpus(Language::B, 45));
    assert_eq!(short, long[..20]);
    let different: HashSet<_> = long.iter().collect();
    assert!(different.len() > 40 && long.iter().all(|passage| passage.ends_with(['.', '!', '?'])));
}
