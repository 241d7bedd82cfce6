//! Language A, which is plain English: subject, verb, object; adjectives before their noun; prepositions.

use super::lexicon::{CAN, Degree, Determiner, FIND, HARDLY, Link, NEVER, NOT, Pronoun, WHERE, WILL};
use super::meaning::{Circumstance, Clause, Denial, Head, Phrase, Predicate, Quality, Sentence, Tense};
use super::word::{Line, Tag, Word};

/// Puts a sentence into words.
pub(super) fn sentence(sentence: &Sentence) -> Vec<Word> {
    let mut line = Line::default();
    match sentence {
        Sentence::Say(clause) | Sentence::Exclaim(clause) => statement(&mut line, clause),
        Sentence::Join(link, first, second) => join(&mut line, *link, first, second),
        Sentence::Correct(first, second) => {
            statement(&mut line, first);
            line.push(Tag::Punct, ",");
            statement(&mut line, second);
        }
        Sentence::Ask(clause) if clause.asks_who() => statement(&mut line, clause),
        Sentence::Ask(clause) => question(&mut line, clause),
        Sentence::AskWhere(clause) => {
            line.push(Tag::Adv, WHERE.a);
            question(&mut line, clause);
        }
    }
    let mut words = line.ended(sentence.mark());
    choose_articles(&mut words);
    words
}

/// `X and Y`, `X, but Y`, `although X, Y`.
fn join(line: &mut Line, link: Link, first: &Clause, second: &Clause) {
    if link == Link::Although {
        line.push(Tag::Conj, link.words().a);
    }
    statement(line, first);
    if matches!(link, Link::But | Link::So | Link::Although) {
        line.push(Tag::Punct, ",");
    }
    if link != Link::Although {
        line.push(Tag::Conj, link.words().a);
    }
    statement(line, second);
}

/// What decides the form of a verb.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Agreement {
    I,
    One,
    Many,
}

fn agreement(subject: &[Phrase]) -> Agreement {
    match subject {
        [Phrase { head: Head::Pronoun(Pronoun::I), .. }] => Agreement::I,
        [Phrase { head: Head::Many(_) | Head::Pronoun(Pronoun::We | Pronoun::They), .. }] => Agreement::Many,
        [_] => Agreement::One,
        _ => Agreement::Many,
    }
}

/// The verb in two parts: the one that moves to the front in questions and has `not` behind it, and the rest.
struct VerbGroup {
    auxiliary: Option<&'static str>,
    main: Option<&'static str>,
}

/// In English only auxiliaries and `be` can be asked or denied; other verbs call `do` for help.
fn verb_group(clause: &Clause, agreement: Agreement, asked: bool) -> VerbGroup {
    let verb = match &clause.predicate {
        Predicate::Act(verb, _) => Some(*verb),
        Predicate::Find(..) => Some(&FIND),
        _ => None,
    };
    let one = agreement == Agreement::One;
    let helped = asked || clause.denial == Some(Denial::Not);
    let (auxiliary, main) = match (clause.tense, verb) {
        (Tense::Future, _) => (Some(WILL.a), Some(verb.map_or("be", |verb| verb.base))),
        (Tense::Possible, _) => (Some(CAN.a), Some(verb.map_or("be", |verb| verb.base))),
        (tense, None) => (Some(be(tense, agreement)), None),
        (Tense::Past, Some(verb)) if helped => (Some("did"), Some(verb.base)),
        (Tense::Past, Some(verb)) => (None, Some(verb.past)),
        (Tense::Present, Some(verb)) if helped => (Some(if one { "does" } else { "do" }), Some(verb.base)),
        (Tense::Present, Some(verb)) => (None, Some(if one { verb.present } else { verb.base })),
    };
    VerbGroup { auxiliary, main }
}

fn be(tense: Tense, agreement: Agreement) -> &'static str {
    match (tense, agreement) {
        (Tense::Past, Agreement::Many) => "were",
        (Tense::Past, _) => "was",
        (_, Agreement::I) => "am",
        (_, Agreement::One) => "is",
        (_, Agreement::Many) => "are",
    }
}

fn statement(line: &mut Line, clause: &Clause) {
    let group = verb_group(clause, agreement(&clause.subject), false);
    if clause.predicate == Predicate::Exist {
        line.push(Tag::Pron, "there");
    } else {
        phrases(line, &clause.subject, false);
    }
    auxiliary(line, &group);
    remainder(line, clause, &group);
}

fn question(line: &mut Line, clause: &Clause) {
    let group = verb_group(clause, agreement(&clause.subject), true);
    auxiliary(line, &group);
    if clause.predicate == Predicate::Exist {
        line.push(Tag::Pron, "there");
    } else {
        phrases(line, &clause.subject, false);
    }
    remainder(line, clause, &group);
}

fn auxiliary(line: &mut Line, group: &VerbGroup) {
    if let Some(form) = group.auxiliary {
        line.push(Tag::Aux, form);
    }
}

/// Everything behind subject and auxiliary.
fn remainder(line: &mut Line, clause: &Clause, group: &VerbGroup) {
    match clause.denial {
        Some(Denial::Not) => line.push(Tag::Part, NOT.a),
        Some(Denial::Never) => line.push(Tag::Adv, NEVER.a),
        Some(Denial::Hardly) => line.push(Tag::Adv, HARDLY.a),
        None => {}
    }
    if let Some(adverb) = clause.frequency {
        line.push(Tag::Adv, adverb.a);
    }
    if let Some(form) = group.main {
        line.push(if form == "be" { Tag::Aux } else { Tag::Verb }, form);
    }
    complement(line, clause);
    clause.circumstances.iter().for_each(|circumstance| circumstance_words(line, circumstance));
}

fn complement(line: &mut Line, clause: &Clause) {
    match &clause.predicate {
        Predicate::Act(_, objects) => phrases(line, objects, true),
        Predicate::Find(object, opinion) => {
            phrase(line, object, true);
            quality(line, *opinion);
        }
        Predicate::Be(qualities) => qualities_with_and(line, qualities),
        Predicate::BeOne(what) => phrase(line, what, true),
        Predicate::Exist => phrases(line, &clause.subject, true),
    }
}

fn circumstance_words(line: &mut Line, circumstance: &Circumstance) {
    match circumstance {
        Circumstance::Adverb(adverb) => line.push(Tag::Adv, adverb.a),
        Circumstance::Phrase(relation, what) => {
            line.push(Tag::Adp, relation.words().a);
            phrase(line, what, true);
        }
    }
}

/// `X, Y and Z`.
fn phrases(line: &mut Line, all: &[Phrase], object: bool) {
    for (i, one) in all.iter().enumerate() {
        separate(line, i, all.len());
        phrase(line, one, object);
    }
}

fn qualities_with_and(line: &mut Line, qualities: &[Quality]) {
    for (i, one) in qualities.iter().enumerate() {
        separate(line, i, qualities.len());
        quality(line, *one);
    }
}

/// What stands before item `i` of a list of `items`.
fn separate(line: &mut Line, i: usize, items: usize) {
    if i > 0 && i + 1 == items {
        line.push(Tag::Conj, Link::And.words().a);
    } else if i > 0 {
        line.push(Tag::Punct, ",");
    }
}

fn phrase(line: &mut Line, phrase: &Phrase, object: bool) {
    determiner(line, phrase);
    phrase.qualities.iter().for_each(|one| quality(line, *one));
    match phrase.head {
        Head::One(noun) => line.push(Tag::Noun, noun.one),
        Head::Many(noun) => line.push(Tag::Noun, noun.many.unwrap_or(noun.one)),
        Head::Name(name) => line.push(Tag::Propn, name.form),
        Head::Pronoun(pronoun) if object => line.push(Tag::Pron, pronoun.object()),
        Head::Pronoun(pronoun) => line.push(Tag::Pron, pronoun.words().a),
        Head::Figure(number) => line.push(Tag::Num, number),
    }
    if let Some(clause) = &phrase.relative {
        relative(line, clause, agreement(std::slice::from_ref(phrase)));
    }
}

/// A relative clause agrees with what it is about.
fn relative(line: &mut Line, clause: &Clause, agreement: Agreement) {
    let group = verb_group(clause, agreement, false);
    phrases(line, &clause.subject, false);
    auxiliary(line, &group);
    remainder(line, clause, &group);
}

fn determiner(line: &mut Line, phrase: &Phrase) {
    let Some(noun) = phrase.head.noun() else { return };
    match phrase.determiner {
        Determiner::Count(number) => line.push(Tag::Num, number),
        Determiner::Indefinite if noun.many.is_some() && matches!(phrase.head, Head::One(_)) => {
            line.push(Tag::Det, "a");
        }
        other => other.words().into_iter().for_each(|words| line.push(Tag::Det, words.a)),
    }
}

fn quality(line: &mut Line, quality: Quality) {
    match quality.degree {
        Some(Degree::Bit) => {
            line.push(Tag::Det, "a");
            line.push(Tag::Noun, "bit");
        }
        Some(degree) => line.push(Tag::Adv, degree.words().a),
        None => {}
    }
    line.push(Tag::Adj, quality.adjective.a);
}

/// `a` becomes `an` before a vowel. The `u` of `useless` is none.
fn choose_articles(words: &mut [Word]) {
    for i in 1..words.len() {
        if words[i].form.starts_with(['a', 'e', 'i', 'o']) {
            match words[i - 1].form.as_str() {
                "a" => words[i - 1].form = "an".to_owned(),
                "A" => words[i - 1].form = "An".to_owned(),
                _ => {}
            }
        }
    }
}
