//! The words of both languages, concept by concept.

mod adjectives;
mod kind;
mod names;
mod nouns;
mod particles;
mod tone;
mod verbs;

pub(super) use adjectives::{Adjective, FAMOUS, adjectives};
pub(super) use kind::{Kind, Topic};
pub(super) use names::{Bearer, NAMES, Name};
pub(super) use nouns::{NOUNS, Noun};
pub(super) use particles::{
    CAN, Degree, Determiner, FREQUENCIES, HARDLY, Link, MANNERS, NEVER, NOT, Pronoun, Relation, TIMES, WHERE, WILL,
    Words,
};
pub(super) use tone::{REVIEWED, Tone};
pub(super) use verbs::{FIND, GET, LIVE, VERBS, Verb};
