//! Language B, which nobody speaks: subject, object, verb; adjectives behind their noun; postpositions; the negation at
//! the end.
//!
//! ```text
//! The cook  did not serve  the   very fresh  bread  in the kitchen.
//! cook the  kitchen the in       bread fresh very the      serve-past not
//! ```
//!
//! It has no article for `a`, no gender, no case, and no agreement. `gar` marks more than one where no number does.
//! A verb's stem takes `a` in the present and `ul` in the past. A particle in front makes a question.

use super::lexicon::{CAN, Determiner, FIND, HARDLY, Link, NEVER, NOT, WHERE, WILL};
use super::meaning::{Circumstance, Clause, Denial, Head, Phrase, Predicate, Quality, Sentence, Tense};
use super::word::{Line, Tag, Word};

/// Asks whether.
pub(super) const WHETHER: &str = "lum";
/// Marks more than one.
pub(super) const PLURAL: &str = "rit";
/// Stem of `be`.
pub(super) const BE: &str = "lak";
/// Stem of `there is`.
pub(super) const EXIST: &str = "rok";

/// Puts a sentence into words.
pub(super) fn sentence(sentence: &Sentence) -> Vec<Word> {
    let mut line = Line::default();
    match sentence {
        Sentence::Say(said) | Sentence::Exclaim(said) => clause(&mut line, said, false),
        Sentence::Join(link, first, second) => join(&mut line, *link, first, second),
        Sentence::Correct(first, second) => {
            clause(&mut line, first, false);
            line.push(Tag::Punct, ",");
            clause(&mut line, second, false);
        }
        Sentence::Ask(asked) => {
            if !asked.asks_who() {
                line.push(Tag::Part, WHETHER);
            }
            clause(&mut line, asked, false);
        }
        Sentence::AskWhere(asked) => clause(&mut line, asked, true),
    }
    line.ended(sentence.mark())
}

/// `X and Y`, `X, but Y`; reasons and objections come first and have their word at their end.
fn join(line: &mut Line, link: Link, first: &Clause, second: &Clause) {
    let (before, after) = if link == Link::Because { (second, first) } else { (first, second) };
    clause(line, before, false);
    let trails = matches!(link, Link::Because | Link::Although);
    if trails {
        line.push(Tag::Conj, link.words().b);
    }
    if link != Link::And {
        line.push(Tag::Punct, ",");
    }
    if !trails {
        line.push(Tag::Conj, link.words().b);
    }
    clause(line, after, false);
}

/// Subject, time, place, manner, object, verb, negation.
fn clause(line: &mut Line, clause: &Clause, asks_where: bool) {
    if clause.predicate != Predicate::Exist {
        phrases(line, &clause.subject);
    }
    if asks_where {
        line.push(Tag::Adv, WHERE.b);
    }
    clause.circumstances.iter().rev().for_each(|circumstance| circumstance_words(line, circumstance));
    complement(line, clause);
    verb(line, clause);
}

fn complement(line: &mut Line, clause: &Clause) {
    match &clause.predicate {
        Predicate::Act(_, objects) => phrases(line, objects),
        Predicate::Find(object, opinion) => {
            phrase(line, object);
            quality(line, *opinion);
        }
        Predicate::Be(qualities) => list(line, qualities, |line, one| quality(line, *one)),
        Predicate::BeOne(what) => phrase(line, what),
        Predicate::Exist => phrases(line, &clause.subject),
    }
}

/// How often, the verb, whether it will or can be, whether it is denied.
fn verb(line: &mut Line, clause: &Clause) {
    match clause.denial {
        Some(Denial::Never) => line.push(Tag::Adv, NEVER.b),
        Some(Denial::Hardly) => line.push(Tag::Adv, HARDLY.b),
        Some(Denial::Not) | None => {}
    }
    if let Some(adverb) = clause.frequency {
        line.push(Tag::Adv, adverb.b);
    }
    let (tag, stem) = match &clause.predicate {
        Predicate::Act(verb, _) => (Tag::Verb, verb.stem),
        Predicate::Find(..) => (Tag::Verb, FIND.stem),
        Predicate::Be(_) | Predicate::BeOne(_) => (Tag::Aux, BE),
        Predicate::Exist => (Tag::Verb, EXIST),
    };
    let ending = if clause.tense == Tense::Past { "ul" } else { "a" };
    line.push(tag, format_args!("{stem}{ending}"));
    match clause.tense {
        Tense::Future => line.push(Tag::Aux, WILL.b),
        Tense::Possible => line.push(Tag::Aux, CAN.b),
        Tense::Present | Tense::Past => {}
    }
    if clause.denial == Some(Denial::Not) {
        line.push(Tag::Part, NOT.b);
    }
}

fn circumstance_words(line: &mut Line, circumstance: &Circumstance) {
    match circumstance {
        Circumstance::Adverb(adverb) => line.push(Tag::Adv, adverb.b),
        Circumstance::Phrase(relation, what) => {
            phrase(line, what);
            line.push(Tag::Adp, relation.words().b);
        }
    }
}

/// `X and Y and Z`: every item but the first has its `and`.
fn list<T>(line: &mut Line, items: &[T], each: impl Fn(&mut Line, &T)) {
    for (i, item) in items.iter().enumerate() {
        if i > 0 {
            line.push(Tag::Conj, Link::And.words().b);
        }
        each(line, item);
    }
}

fn phrases(line: &mut Line, all: &[Phrase]) {
    list(line, all, phrase);
}

/// Noun, plural, adjectives, number, determiner, relative clause.
fn phrase(line: &mut Line, phrase: &Phrase) {
    match phrase.head {
        Head::One(noun) | Head::Many(noun) => line.push(Tag::Noun, noun.b),
        Head::Name(name) => line.push(Tag::Propn, name.form),
        Head::Pronoun(pronoun) => line.push(Tag::Pron, pronoun.words().b),
        Head::Figure(number) => line.push(Tag::Num, number),
    }
    let counted = matches!(phrase.determiner, Determiner::Count(_));
    if matches!(phrase.head, Head::Many(_)) && !counted {
        line.push(Tag::Part, PLURAL);
    }
    phrase.qualities.iter().for_each(|one| quality(line, *one));
    if phrase.head.noun().is_some() {
        determiner(line, phrase.determiner);
    }
    if let Some(about) = &phrase.relative {
        clause(line, about, false);
    }
}

fn determiner(line: &mut Line, determiner: Determiner) {
    match determiner {
        Determiner::Count(number) => line.push(Tag::Num, number),
        other => other.words().into_iter().for_each(|words| line.push(Tag::Det, words.b)),
    }
}

fn quality(line: &mut Line, quality: Quality) {
    line.push(Tag::Adj, quality.adjective.b);
    if let Some(degree) = quality.degree {
        line.push(Tag::Adv, degree.words().b);
    }
}
