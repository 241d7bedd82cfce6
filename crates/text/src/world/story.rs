//! Stories about one person: who it is, what happened in turn, and a happy end.

use super::corpus;
use super::draw::Draw;
use super::lexicon::{Bearer, Link, NAMES, Name, Topic, adjectives};
use super::meaning::{Clause, Phrase, Quality, Sentence, Tense};
use super::scene;
use super::task::Split;

/// How many stories a split has.
pub(super) fn count(split: Split) -> usize {
    match split {
        Split::Train => 1000,
        Split::Dev | Split::Test => 200,
    }
}

/// The number of the first story of a split; those of all splits are counted together.
pub(super) fn first(split: Split) -> usize {
    Split::ALL.into_iter().take_while(|earlier| *earlier != split).map(count).sum()
}

/// `Maria is a singer, and she lives in Seville. She sold the guitar. She sang in the hall, so she was happy.`
///
/// The passages of the corpus have such sentences too, but never one behind the other, nor such an end.
pub(super) fn story(draw: &mut Draw) -> Vec<Sentence> {
    let name = draw.filtered(NAMES.iter(), |name| name.bearer != Bearer::Town).expect("there are people");
    let who = Phrase::name(name);
    let [is, lives] = corpus::introduction(draw, name);
    let mut sentences = vec![Sentence::Join(Link::And, is, lives)];
    for _ in 0..=1 + draw.below(2) {
        sentences.push(Sentence::Say(past(draw, name.topic, &who)));
    }
    sentences.push(Sentence::Join(Link::So, past(draw, name.topic, &who), happy(name)));
    sentences
}

/// What they did, without doubt, and perhaps where.
fn past(draw: &mut Draw, topic: Topic, who: &Phrase) -> Clause {
    let clause = scene::event_of(draw, topic, scene::again(who));
    let place = draw.chance(0.4).then(|| scene::place(draw, topic));
    let clause = Clause { frequency: None, circumstances: Vec::new(), ..clause };
    clause.in_tense(Tense::Past).denied(None).with(place)
}

fn happy(name: &'static Name) -> Clause {
    let happy = adjectives().find(|adjective| adjective.a == "happy").expect("a word of the lexicon");
    Clause::be(scene::again(&Phrase::name(name)), Quality::plain(happy)).in_tense(Tense::Past)
}
