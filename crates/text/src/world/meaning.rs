//! What is said, before it is said in a language.
//!
//! A [`Sentence`] holds concepts and how they belong together, but no word order, no ending and no article that only
//! one language has. [`language_a`](super::language_a) and [`language_b`](super::language_b) put it into words.

use super::lexicon::{Adjective, Degree, Determiner, Link, Name, Noun, Pronoun, Relation, Tone, Verb, Words};

/// One sentence.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Sentence {
    Say(Clause),
    Exclaim(Clause),
    Join(Link, Clause, Clause),
    /// What is not so, and what is: `it was not old, it was new`.
    Correct(Clause, Clause),
    /// Whether it is so; or who does it, if the subject is [`Pronoun::Who`].
    Ask(Clause),
    AskWhere(Clause),
}

/// Somebody or something, and what is said of it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Clause {
    pub(super) subject: Vec<Phrase>,
    pub(super) predicate: Predicate,
    pub(super) tense: Tense,
    pub(super) denial: Option<Denial>,
    pub(super) frequency: Option<Words>,
    /// Manner, place, time, as language A orders them.
    pub(super) circumstances: Vec<Circumstance>,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Predicate {
    Act(&'static Verb, Vec<Phrase>),
    /// `find the soup good`.
    Find(Phrase, Quality),
    /// `be old`; without a quality `be (in the kitchen)`.
    Be(Vec<Quality>),
    /// `be an animal`.
    BeOne(Phrase),
    /// `there are two dogs`.
    Exist,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tense {
    Present,
    Past,
    Future,
    /// What could be at any time.
    Possible,
}

/// Ways to say that it is not so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Denial {
    Not,
    Never,
    Hardly,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Circumstance {
    Adverb(Words),
    Phrase(Relation, Phrase),
}

/// Somebody or something.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Phrase {
    pub(super) determiner: Determiner,
    pub(super) qualities: Vec<Quality>,
    pub(super) head: Head,
    /// A clause about it; its subject is a relative pronoun.
    pub(super) relative: Option<Box<Clause>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Head {
    One(&'static Noun),
    Many(&'static Noun),
    Name(&'static Name),
    Pronoun(Pronoun),
    /// A time of the day or a year.
    Figure(u16),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Quality {
    pub(super) degree: Option<Degree>,
    pub(super) adjective: &'static Adjective,
}

impl Sentence {
    pub(super) fn clauses(&self) -> Vec<&Clause> {
        match self {
            Self::Say(clause) | Self::Exclaim(clause) | Self::Ask(clause) | Self::AskWhere(clause) => vec![clause],
            Self::Join(_, first, second) | Self::Correct(first, second) => vec![first, second],
        }
    }

    /// What it ends with, in both languages.
    pub(super) fn mark(&self) -> &'static str {
        match self {
            Self::Ask(_) | Self::AskWhere(_) => "?",
            Self::Exclaim(_) => "!",
            Self::Say(_) | Self::Join(..) | Self::Correct(..) => ".",
        }
    }
}

impl Clause {
    /// True if the subject is what is asked for.
    pub(super) fn asks_who(&self) -> bool {
        self.subject.iter().any(|phrase| phrase.head == Head::Pronoun(Pronoun::Who))
    }

    /// Everybody and everything in it.
    pub(super) fn phrases(&self) -> Vec<&Phrase> {
        let mut phrases: Vec<&Phrase> = self.subject.iter().collect();
        match &self.predicate {
            Predicate::Act(_, objects) => phrases.extend(objects),
            Predicate::Find(what, _) | Predicate::BeOne(what) => phrases.push(what),
            Predicate::Be(_) | Predicate::Exist => {}
        }
        phrases.extend(self.circumstances.iter().filter_map(Circumstance::phrase));
        phrases
    }

    /// In the past, without any circumstance.
    pub(super) fn new(subject: Phrase, predicate: Predicate) -> Self {
        let subject = vec![subject];
        Self { subject, predicate, tense: Tense::Past, denial: None, frequency: None, circumstances: Vec::new() }
    }

    pub(super) fn act(subject: Phrase, verb: &'static Verb, objects: Vec<Phrase>) -> Self {
        Self::new(subject, Predicate::Act(verb, objects))
    }

    pub(super) fn be(subject: Phrase, quality: Quality) -> Self {
        Self::new(subject, Predicate::Be(vec![quality]))
    }

    pub(super) fn in_tense(self, tense: Tense) -> Self {
        Self { tense, ..self }
    }

    pub(super) fn denied(self, denial: Option<Denial>) -> Self {
        Self { denial, ..self }
    }

    pub(super) fn with(mut self, circumstance: Option<Circumstance>) -> Self {
        self.circumstances.extend(circumstance);
        self
    }
}

impl Circumstance {
    pub(super) fn phrase(&self) -> Option<&Phrase> {
        match self {
            Self::Phrase(_, phrase) => Some(phrase),
            Self::Adverb(_) => None,
        }
    }
}

impl Phrase {
    pub(super) fn new(determiner: Determiner, head: Head) -> Self {
        Self { determiner, qualities: Vec::new(), head, relative: None }
    }

    pub(super) fn the(noun: &'static Noun) -> Self {
        Self::new(Determiner::The, Head::One(noun))
    }

    /// `a dog`, `bread`.
    pub(super) fn a(noun: &'static Noun) -> Self {
        Self::new(Determiner::Indefinite, Head::One(noun))
    }

    pub(super) fn pronoun(pronoun: Pronoun) -> Self {
        Self::new(Determiner::Indefinite, Head::Pronoun(pronoun))
    }

    pub(super) fn name(name: &'static Name) -> Self {
        Self::new(Determiner::Indefinite, Head::Name(name))
    }

    pub(super) fn with(mut self, quality: Option<Quality>) -> Self {
        self.qualities.extend(quality);
        self
    }
}

impl Head {
    /// What kind of thing it is, as far as the phrase says.
    pub(super) fn noun(self) -> Option<&'static Noun> {
        match self {
            Self::One(noun) | Self::Many(noun) => Some(noun),
            Self::Name(_) | Self::Pronoun(_) | Self::Figure(_) => None,
        }
    }
}

impl Quality {
    pub(super) fn plain(adjective: &'static Adjective) -> Self {
        Self { degree: None, adjective }
    }

    /// The opinion in it: of whatever is `too` much of something, people think badly.
    pub(super) fn tone(self) -> Tone {
        match self.degree {
            Some(Degree::Too) => Tone::Bad,
            _ => self.adjective.tone,
        }
    }
}
