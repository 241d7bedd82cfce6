//! Sentences whose words have parts of speech. Half of them hold a word that only its neighbours can tell: `the play` and
//! `they play`.

use super::draw::Draw;
use super::meaning::Sentence;
use super::word::Tag;
use super::{Language, corpus};
use adaptune_tensor::Seed;
use std::collections::{BTreeMap, BTreeSet};

/// The words of each language that can be more than one part of speech.
pub(super) struct Ambiguous([BTreeSet<String>; 2]);

impl Ambiguous {
    /// Finds them by reading: these passages have every word many times.
    pub(super) fn new(seed: Seed) -> Self {
        let passages = (0..4000).map(|i| corpus::passage(&mut Draw::new(seed.at(i))));
        let sentences: Vec<Sentence> = passages.flatten().collect();
        Self(Language::ALL.map(|language| ambiguous(language, &sentences)))
    }

    fn occur_in(&self, language: Language, sentence: &Sentence) -> bool {
        let Self(words) = self;
        language.say(sentence).iter().any(|word| words[language as usize].contains(&word.form.to_lowercase()))
    }
}

fn ambiguous(language: Language, sentences: &[Sentence]) -> BTreeSet<String> {
    let mut tags: BTreeMap<String, BTreeSet<Tag>> = BTreeMap::new();
    for word in sentences.iter().flat_map(|sentence| language.say(sentence)) {
        tags.entry(word.form.to_lowercase()).or_default().insert(word.tag);
    }
    tags.into_iter().filter(|(_, tags)| tags.len() > 1).map(|(word, _)| word).collect()
}

/// A sentence of some length; if `hard`, with an ambiguous word in either language.
pub(super) fn sentence(draw: &mut Draw, ambiguous: &Ambiguous, hard: bool) -> Sentence {
    loop {
        let passage = corpus::passage(draw);
        let sentence = draw.of(&passage);
        let long = Language::A.say(sentence).len() > 5;
        if long && (!hard || Language::ALL.iter().all(|&language| ambiguous.occur_in(language, sentence))) {
            return sentence.clone();
        }
    }
}
