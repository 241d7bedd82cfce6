//! From meanings to the examples of a task: drawn one by one, all different, then parted into splits.

use super::draw::Draw;
use super::inference::Verdict;
use super::lexicon::{Tone, Topic};
use super::meaning::Sentence;
use super::tagging::{self, Ambiguous};
use super::task::{Example, Split, Task};
use super::{Language, entailment, opinion, subtopic, topic, word};
use adaptune_tensor::Seed;
use std::collections::HashSet;

/// What an example says, in no language yet.
#[allow(clippy::large_enum_variant)] // it lives for the length of a call
enum Item {
    Text(Vec<Sentence>, &'static str),
    Pair(Sentence, Sentence, &'static str),
    Review(Vec<Sentence>, &'static str, &'static str),
    Tagged(Sentence),
}

impl Item {
    fn example(&self, language: Language) -> Example {
        match self {
            Self::Text(sentences, label) => Example::Text { text: language.text(sentences), label },
            Self::Pair(premise, hypothesis, label) => {
                let [premise, hypothesis] = [premise, hypothesis].map(|part| word::text(&language.say(part)));
                Example::Pair { premise, hypothesis, label }
            }
            Self::Review(sentences, label, opinion) => {
                Example::Review { text: language.text(sentences), label, opinion }
            }
            Self::Tagged(sentence) => {
                let words = language.say(sentence);
                let tags = words.iter().map(|word| word.tag.name()).collect();
                Example::Tagged { words: words.into_iter().map(|word| word.form).collect(), tags }
            }
        }
    }

    /// Every text in it, in both languages.
    fn texts(&self) -> Vec<(Language, String)> {
        let say = |sentence: &Sentence| Language::ALL.map(|language| (language, word::text(&language.say(sentence))));
        match self {
            Self::Text(sentences, _) | Self::Review(sentences, ..) => {
                Language::ALL.map(|language| (language, language.text(sentences))).into()
            }
            Self::Pair(premise, hypothesis, _) => [say(premise), say(hypothesis)].concat(),
            Self::Tagged(sentence) => say(sentence).into(),
        }
    }
}

/// The examples of a split.
pub(super) fn examples(seed: Seed, task: Task, language: Language, split: Split) -> Vec<Example> {
    let seed = seed.named(task.name());
    let mut source = Source::new(seed, task);
    let mut items = Vec::new();
    for part in Split::ALL {
        items = source.take(task.size(part));
        if part == split {
            break;
        }
    }
    Draw::new(seed.named(split.name())).shuffle(&mut items);
    items.iter().map(|item| item.example(language)).collect()
}

/// Hands out items, none of which shares a text with an earlier one, but for those that are drawn together.
struct Source {
    seed: Seed,
    task: Task,
    ambiguous: Option<Ambiguous>,
    drawn: u64,
    accepted: usize,
    seen: HashSet<(Language, String)>,
}

impl Source {
    fn new(seed: Seed, task: Task) -> Self {
        let ambiguous = (task == Task::Tagging).then(|| Ambiguous::new(seed.named("ambiguous")));
        Self { seed, task, ambiguous, drawn: 0, accepted: 0, seen: HashSet::new() }
    }

    fn take(&mut self, count: usize) -> Vec<Item> {
        let mut items = Vec::with_capacity(count);
        while items.len() < count {
            let group = self.draw();
            let texts: HashSet<_> = group.iter().flat_map(Item::texts).collect();
            if self.seen.is_disjoint(&texts) {
                self.seen.extend(texts);
                self.accepted += 1;
                items.extend(group);
            }
        }
        items
    }

    /// Draws the next items. Labels take turns among those that were accepted, so there are as many of each.
    fn draw(&mut self) -> Vec<Item> {
        let mut draw = Draw::new(self.seed.at(self.drawn));
        self.drawn += 1;
        match self.task {
            Task::Sentiment => vec![sentiment(&mut draw, self.accepted)],
            Task::Topic => {
                let topic = Topic::ALL[self.accepted % Topic::ALL.len()];
                vec![Item::Text(topic::text(&mut draw, topic), topic.name())]
            }
            Task::Entailment => entailment(&mut draw),
            Task::Subtopic => vec![review(&mut draw, self.accepted)],
            Task::Tagging => {
                let hard = self.accepted.is_multiple_of(2);
                let ambiguous = self.ambiguous.iter();
                ambiguous.map(|ambiguous| Item::Tagged(tagging::sentence(&mut draw, ambiguous, hard))).collect()
            }
        }
    }
}

fn sentiment(draw: &mut Draw, turn: usize) -> Item {
    let review = opinion::review(draw, if turn.is_multiple_of(2) { Tone::Bad } else { Tone::Good });
    let [negative, positive] = ["negative", "positive"];
    let label = if opinion::of_review(&review) == Tone::Good { positive } else { negative };
    Item::Text(review, label)
}

/// Kinds take turns, and with each round opinions do.
fn review(draw: &mut Draw, turn: usize) -> Item {
    let (kind, path) = subtopic::KINDS[turn % subtopic::KINDS.len()];
    let good = (turn / subtopic::KINDS.len()).is_multiple_of(2);
    let (tone, opinion) = if good { (Tone::Good, "positive") } else { (Tone::Bad, "negative") };
    Item::Review(subtopic::text(draw, kind, tone), path, opinion)
}

/// Three pairs with one hypothesis.
fn entailment(draw: &mut Draw) -> Vec<Item> {
    let (premises, hypothesis) = entailment::triple(draw);
    let pair = |(premise, verdict): (_, Verdict)| {
        Item::Pair(Sentence::Say(premise), Sentence::Say(hypothesis.clone()), verdict.name())
    };
    premises.into_iter().zip(Verdict::ALL).map(pair).collect()
}
