//! Unlabelled passages of one to four sentences, from which a language can be learnt.
//!
//! What stands in a passage belongs together: its topic, its people, its opinion of a thing, and what follows from what.
//! So a word that is hidden can be guessed from the others.

use super::draw::Draw;
use super::entailment;
use super::inference::Verdict;
use super::lexicon::{
    Bearer, Determiner, FAMOUS, GET, Kind, LIVE, Link, NAMES, NOUNS, Name, Noun, Pronoun, Relation, Tone, adjectives,
};
use super::meaning::{Circumstance, Clause, Denial, Head, Phrase, Predicate, Quality, Sentence, Tense};
use super::{opinion, scene};

/// A passage about anything.
pub(super) fn passage(draw: &mut Draw) -> Vec<Sentence> {
    match draw.weighted(&[(24, 0), (40, 1), (6, 2), (8, 3), (6, 4), (7, 5), (9, 6)]) {
        0 => tale(draw),
        1 => judgement(draw),
        2 => classification(draw),
        3 => portrait(draw),
        4 => room(draw),
        5 => dialogue(draw),
        _ => conclusion(draw),
    }
}

/// What somebody does, and then does, all in one topic.
fn tale(draw: &mut Draw) -> Vec<Sentence> {
    let topic = scene::any_topic(draw);
    let first = scene::event(draw, topic);
    let next = |draw: &mut Draw| scene::event_of(draw, topic, scene::again(&first.subject[0]));
    let mut sentences = match draw.weighted(&[(5, 0), (3, 1), (1, 2), (1, 3)]) {
        0 => vec![Sentence::Say(first.clone())],
        1 => vec![Sentence::Join(Link::And, first.clone(), next(draw))],
        2 => vec![Sentence::Join(Link::Because, first.clone(), feeling(draw, &first.subject[0]))],
        _ => vec![Sentence::Say(scene::animal_event(draw, topic)), Sentence::Say(first.clone())],
    };
    while sentences.len() < 3 && draw.chance(0.55) {
        sentences.push(Sentence::Say(next(draw)));
    }
    sentences
}

/// `She was tired`.
fn feeling(draw: &mut Draw, who: &Phrase) -> Clause {
    let adjective =
        draw.filtered(adjectives(), |adjective| adjective.fits(Kind::Person)).expect("people have qualities");
    Clause::be(scene::again(who), Quality::plain(adjective))
}

/// Opinions of a thing that agree: a review or plain words, more plain words, and points. What is meant by a denied
/// opinion, or behind a `but`, is said again in other words, as people do; so it can be learnt from texts alone. People
/// praise more than they blame, louder and for longer, or else the two opinions would be mirror images of each other, and
/// nobody could tell which is which.
fn judgement(draw: &mut Draw) -> Vec<Sentence> {
    let tone = draw.weighted(&[(3, Tone::Good), (2, Tone::Bad)]);
    let (mut sentences, noun) =
        if draw.chance(0.6) { opinion::review_of(draw, tone) } else { opinion::plain_review_of(draw, tone) };
    let it = Phrase::pronoun(Pronoun::It);
    while sentences.len() < 3 && draw.chance(0.5) {
        let more = opinion::plain(draw, &it, noun, tone);
        let loud = tone == Tone::Good && draw.chance(0.5);
        sentences.push(if loud { Sentence::Exclaim(more) } else { Sentence::Say(more) });
    }
    if draw.chance(0.7) {
        sentences.push(Sentence::Say(points(draw, it, tone)));
    }
    sentences
}

/// `It got 9 points`.
fn points(draw: &mut Draw, it: Phrase, tone: Tone) -> Clause {
    let number = if tone == Tone::Good { *draw.of(&[8, 9, 10]) } else { *draw.of(&[2, 3, 4]) };
    let point = scene::nouns(Kind::Point)[0];
    Clause::act(it, &GET, vec![Phrase::new(Determiner::Count(number), Head::Many(point))])
}

/// `An apple is a fruit`, `a fruit is not a bird`.
fn classification(draw: &mut Draw) -> Vec<Sentence> {
    let noun = *draw.of(&NOUNS.iter().filter(|noun| noun.wider().next().is_some()).collect::<Vec<_>>());
    let wider: Vec<_> = noun.wider().collect();
    let wider: &&Noun = draw.of(&wider);
    let mut sentences = vec![Sentence::Say(is_a(noun, wider))];
    let foreign = |other: &Noun| other.names_kind && !noun.is_a(other) && !other.is_a(noun);
    if draw.chance(0.4) {
        let other = draw.filtered(NOUNS.iter(), foreign).expect("there are many kinds");
        sentences.push(Sentence::Say(is_a(noun, other).denied(Some(Denial::Not))));
    }
    sentences
}

fn is_a(noun: &'static Noun, wider: &'static Noun) -> Clause {
    Clause::new(Phrase::a(noun), Predicate::BeOne(Phrase::a(wider))).in_tense(Tense::Present)
}

/// Who somebody is and where they live, or what a town is famous for.
fn portrait(draw: &mut Draw) -> Vec<Sentence> {
    let name = draw.of(NAMES);
    if name.bearer == Bearer::Town {
        return vec![Sentence::Say(fame(draw, name))];
    }
    let who = Phrase::name(name);
    let [is, lives] = introduction(draw, name);
    let does = scene::event_of(draw, name.topic, scene::again(&who));
    match draw.below(3) {
        0 => vec![Sentence::Join(Link::And, is, lives)],
        1 => vec![Sentence::Say(is), Sentence::Say(does)],
        _ => vec![Sentence::Say(is), Sentence::Say(feeling(draw, &who)), Sentence::Say(lives)],
    }
}

/// What somebody is, and where they live.
pub(super) fn introduction(draw: &mut Draw, name: &'static Name) -> [Clause; 2] {
    let profession =
        NOUNS.iter().find(|noun| noun.one == name.profession).expect("names come with nouns of the lexicon");
    let who = Phrase::name(name);
    let is = Clause::new(who.clone(), Predicate::BeOne(Phrase::a(profession))).in_tense(Tense::Present);
    let home = Circumstance::Phrase(Relation::In, Phrase::name(scene::town(draw, Some(name.topic))));
    let lives = Clause::act(scene::again(&who), &LIVE, Vec::new()).in_tense(Tense::Present).with(Some(home));
    [is, lives]
}

/// `Lyon is famous for cheese`.
fn fame(draw: &mut Draw, town: &'static Name) -> Clause {
    let local = |noun: &Noun| noun.kind.topic() == Some(town.topic);
    let noun = draw.filtered(NOUNS.iter(), local).expect("every topic has nouns");
    let head = if noun.many.is_some() { Head::Many(noun) } else { Head::One(noun) };
    let reason = Circumstance::Phrase(Relation::For, Phrase::new(Determiner::Indefinite, head));
    Clause::be(Phrase::name(town), Quality::plain(&FAMOUS)).in_tense(Tense::Present).with(Some(reason))
}

/// What there is in a place, and how it looks.
fn room(draw: &mut Draw) -> Vec<Sentence> {
    let topic = scene::any_topic(draw);
    let here = |noun: &Noun| noun.kind.topic() == Some(topic) && noun.kind.within(Kind::Thing) && noun.many.is_some();
    let noun = draw.filtered(NOUNS.iter(), here).expect("every topic has things");
    let determiner = *draw.of(&[Determiner::Count(2), Determiner::Count(3), Determiner::Many, Determiner::Indefinite]);
    let what = scene::described(draw, noun, determiner);
    let exist = Clause::new(what.clone(), Predicate::Exist).with(Some(scene::place(draw, topic)));
    let mut sentences = vec![Sentence::Say(exist)];
    let qualities: Vec<_> = (0..2).filter_map(|_| scene::quality(draw, noun.kind)).collect();
    if let [first, second] = qualities[..]
        && first.adjective != second.adjective
        && first.adjective.opposite() != Some(second.adjective)
    {
        let clause = Clause::new(scene::again(&what), Predicate::Be(vec![first, second]));
        sentences.push(Sentence::Say(clause));
    }
    sentences
}

/// A question and its answer.
fn dialogue(draw: &mut Draw) -> Vec<Sentence> {
    let topic = scene::any_topic(draw);
    let mut answer = scene::event(draw, topic);
    let mut asked = answer.clone();
    match draw.below(3) {
        0 => {
            asked.subject = vec![Phrase::pronoun(Pronoun::Who)];
            vec![Sentence::Ask(asked), Sentence::Say(answer)]
        }
        1 => {
            answer.circumstances = vec![scene::place(draw, topic)];
            asked.circumstances.clear();
            answer.subject = vec![scene::again(&answer.subject[0])];
            vec![Sentence::AskWhere(asked), Sentence::Say(answer)]
        }
        _ => {
            answer.subject = vec![scene::again(&answer.subject[0])];
            asked.denial = None;
            vec![Sentence::Ask(asked), Sentence::Say(answer)]
        }
    }
}

/// What follows: `Anna bought an apple, so she bought a fruit`; `the bed was old, it was not new`.
fn conclusion(draw: &mut Draw) -> Vec<Sentence> {
    loop {
        let mut conclusion = entailment::statement(draw);
        if let Some(premise) = entailment::premise(draw, &conclusion, Verdict::Entailment) {
            let counts = conclusion.subject[0].head.noun().is_some_and(|noun| noun.kind.within(Kind::Living));
            if !counts {
                conclusion.subject = vec![scene::again(&conclusion.subject[0])];
            }
            return vec![Sentence::Join(Link::So, premise, conclusion)];
        }
    }
}
