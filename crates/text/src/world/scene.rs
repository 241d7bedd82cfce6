//! What happens in the world: who does what with which things where.
//!
//! Everything is drawn so that it fits: verbs get objects that they can have, adjectives stand by things that they can
//! describe, people stay in the places of their topic more often than not.

use super::draw::Draw;
use super::lexicon::{
    Bearer, Degree, Determiner, FREQUENCIES, Kind, LIVE, MANNERS, NAMES, NOUNS, Name, Noun, Pronoun, Relation, TIMES,
    Tone, Topic, VERBS, Verb, adjectives,
};
use super::meaning::{Circumstance, Clause, Denial, Head, Phrase, Quality, Tense};

pub(super) fn any_topic(draw: &mut Draw) -> Topic {
    *draw.of(&Topic::ALL)
}

/// Somebody does something that belongs to the topic.
pub(super) fn event(draw: &mut Draw, topic: Topic) -> Clause {
    let subject = person(draw, topic);
    event_of(draw, topic, subject)
}

/// What somebody does.
pub(super) fn event_of(draw: &mut Draw, topic: Topic, subject: Phrase) -> Clause {
    let (verb, noun) = deed(draw, topic);
    let objects = noun.map_or(Vec::new(), |noun| objects(draw, verb, noun));
    let clause = Clause::act(subject, verb, objects);
    circumstances(draw, topic, clause)
}

/// An animal does something.
pub(super) fn animal_event(draw: &mut Draw, topic: Topic) -> Clause {
    let animal = *draw.of(&nouns(Kind::Animal));
    let lives = |verb: &Verb| verb.subjects.contains(&Kind::Living) && verb.objects.is_empty();
    let verb = draw.filtered(VERBS.iter(), lives).expect("animals can sleep");
    let subject = described(draw, animal, Determiner::The);
    let clause = Clause::act(subject, verb, Vec::new());
    circumstances(draw, topic, clause)
}

/// A verb of the topic; or one of no topic, with an object of it.
pub(super) fn deed(draw: &mut Draw, topic: Topic) -> (&'static Verb, Option<&'static Noun>) {
    let own = draw.chance(0.7);
    loop {
        let wanted = own.then_some(topic);
        let does = |verb: &Verb| verb.tone == Tone::Plain && verb.topic == wanted;
        let verb = draw.filtered(VERBS.iter(), does).expect("every topic has verbs");
        if verb.objects.is_empty() {
            return (verb, None);
        }
        let about = |noun: &Noun| takes(verb, noun) && (own || noun.kind.topic() == Some(topic));
        if let Some(noun) = draw.filtered(NOUNS.iter(), about) {
            return (verb, Some(noun));
        }
    }
}

/// True if the verb can have such an object.
pub(super) fn takes(verb: &Verb, noun: &Noun) -> bool {
    verb.objects.iter().any(|&kind| noun.kind.within(kind))
}

/// The object, and now and then others of its kind beside it.
fn objects(draw: &mut Draw, verb: &Verb, noun: &'static Noun) -> Vec<Phrase> {
    let mut all = vec![thing(draw, noun)];
    let more = draw.weighted(&[(80, 0), (13, 1), (7, 2)]);
    for _ in 0..more {
        let beside = |other: &Noun| takes(verb, other) && other.kind == noun.kind && !other.names_kind;
        if let Some(other) =
            draw.filtered(NOUNS.iter(), beside).filter(|other| all.iter().all(|phrase| !names(phrase, other)))
        {
            all.push(thing(draw, other));
        }
    }
    all
}

fn names(phrase: &Phrase, noun: &Noun) -> bool {
    phrase.head.noun() == Some(noun)
}

/// Tense, manner, place and time, as far as they are said at all.
pub(super) fn circumstances(draw: &mut Draw, topic: Topic, clause: Clause) -> Clause {
    let tense = draw.weighted(&[(60, Tense::Past), (20, Tense::Present), (10, Tense::Future), (10, Tense::Possible)]);
    let denial =
        draw.weighted(&[(84, None), (12, Some(Denial::Not)), (3, Some(Denial::Never)), (1, Some(Denial::Hardly))]);
    let simple = matches!(tense, Tense::Past | Tense::Present) && denial.is_none();
    let frequency = (simple && draw.chance(0.12)).then(|| *draw.of(&FREQUENCIES));
    let manner = draw.chance(0.15).then(|| Circumstance::Adverb(*draw.of(&MANNERS)));
    let company =
        draw.chance(0.06).then(|| Circumstance::Phrase(Relation::With, Phrase::name(somebody(draw, Some(topic)))));
    let place = draw.chance(0.45).then(|| place(draw, topic));
    let time = draw.chance(0.3).then(|| time(draw, tense));
    let clause = Clause { frequency, ..clause.in_tense(tense).denied(denial) };
    clause.with(manner).with(company).with(place).with(time)
}

/// A place of the topic, or one of none.
pub(super) fn place(draw: &mut Draw, topic: Topic) -> Circumstance {
    if draw.chance(0.2) {
        return Circumstance::Phrase(Relation::In, Phrase::name(town(draw, Some(topic))));
    }
    let wanted = draw.chance(0.75).then_some(topic);
    let is_place = |noun: &Noun| noun.kind.within(Kind::Place) && !noun.names_kind && noun.kind.topic() == wanted;
    let noun = draw.filtered(NOUNS.iter(), is_place).expect("every topic has places");
    let phrase = described(draw, noun, Determiner::The);
    Circumstance::Phrase(relation_to(noun.kind), phrase)
}

/// How one is in such a place.
pub(super) fn relation_to(place: Kind) -> Relation {
    match place {
        Kind::Stop | Kind::Stage => Relation::At,
        Kind::Landscape => Relation::On,
        _ => Relation::In,
    }
}

/// A town; with a topic, most often one of it.
pub(super) fn town(draw: &mut Draw, topic: Option<Topic>) -> &'static Name {
    let wanted = topic.filter(|_| draw.chance(0.8));
    let is_town = |name: &Name| name.bearer == Bearer::Town && wanted.is_none_or(|topic| name.topic == topic);
    draw.filtered(NAMES.iter(), is_town).expect("every topic has a town")
}

/// A time that fits the tense.
fn time(draw: &mut Draw, tense: Tense) -> Circumstance {
    let phrase = |relation, head| Circumstance::Phrase(relation, Phrase::new(Determiner::The, head));
    match draw.below(4) {
        0 => phrase(Relation::At, Head::Figure(5 + draw.below(7) as u16)),
        1 if tense == Tense::Past => phrase(Relation::In, Head::Figure(*draw.of(&[1969, 1984, 1998, 2006, 2015]))),
        2 => {
            let time = *draw.of(&nouns(Kind::Time));
            phrase(Relation::In, Head::One(time))
        }
        _ => {
            let fits = |words: &super::lexicon::Words| words.a != "yesterday" || tense == Tense::Past;
            Circumstance::Adverb(*draw.filtered(TIMES.iter(), fits).expect("there is `today`"))
        }
    }
}

/// Somebody: by name, by profession, or one of us.
pub(super) fn person(draw: &mut Draw, topic: Topic) -> Phrase {
    match draw.weighted(&[(45, 0), (30, 1), (10, 2), (15, 3)]) {
        0 => Phrase::name(somebody(draw, Some(topic))),
        1 => {
            let works = |noun: &Noun| noun.kind.within(Kind::Person) && noun.kind.topic() == Some(topic);
            let noun = draw.filtered(NOUNS.iter(), works).expect("every topic has people");
            with_clause(draw, noun)
        }
        2 => {
            let noun = *draw.of(&nouns(Kind::Person));
            described(draw, noun, Determiner::The)
        }
        _ => Phrase::pronoun(draw.weighted(&[
            (2, Pronoun::I),
            (3, Pronoun::We),
            (2, Pronoun::They),
            (1, Pronoun::Everybody),
        ])),
    }
}

/// Somebody with a name; with a topic, most often one whose topic it is.
pub(super) fn somebody(draw: &mut Draw, topic: Option<Topic>) -> &'static Name {
    let wanted = topic.filter(|_| draw.chance(0.8));
    let is_person = |name: &Name| name.bearer != Bearer::Town && wanted.is_none_or(|topic| name.topic == topic);
    draw.filtered(NAMES.iter(), is_person).expect("every topic has people")
}

/// `the singers who live in Seville`, but mostly without the clause.
fn with_clause(draw: &mut Draw, noun: &'static Noun) -> Phrase {
    let determiner =
        *draw.of(&[Determiner::The, Determiner::The, Determiner::Indefinite, Determiner::Many, Determiner::Every]);
    let mut phrase = described(draw, noun, determiner);
    if draw.chance(0.12) {
        let town = Phrase::name(town(draw, noun.kind.topic()));
        let clause = Clause::act(Phrase::pronoun(Pronoun::Who), &LIVE, Vec::new()).in_tense(Tense::Present);
        phrase.relative = Some(Box::new(clause.with(Some(Circumstance::Phrase(Relation::In, town)))));
    }
    phrase
}

/// A thing as an object has it: any determiner, one or several, an adjective now and then.
pub(super) fn thing(draw: &mut Draw, noun: &'static Noun) -> Phrase {
    let determiner = match draw.weighted(&[(40, 0), (26, 1), (12, 2), (8, 3), (6, 4), (8, 5)]) {
        0 => Determiner::The,
        1 => Determiner::Indefinite,
        2 => *draw.of(&[Determiner::My, Determiner::Our, Determiner::His, Determiner::Her, Determiner::Their]),
        3 => *draw.of(&[Determiner::This, Determiner::That]),
        4 => *draw.of(&[Determiner::Some, Determiner::No, Determiner::All, Determiner::Many]),
        _ => Determiner::Count(2 + draw.below(7) as u16),
    };
    let phrase = described(draw, noun, determiner);
    let quality = draw.chance(0.05).then(|| quality(draw, noun.kind)).flatten();
    let relative = quality.filter(|_| phrase.qualities.is_empty());
    let relative = relative.map(|quality| Box::new(Clause::be(Phrase::pronoun(Pronoun::That), quality)));
    Phrase { relative, ..phrase }
}

/// The noun with a determiner, in the number that it asks for, perhaps with an adjective.
pub(super) fn described(draw: &mut Draw, noun: &'static Noun, determiner: Determiner) -> Phrase {
    let several = match determiner {
        Determiner::All | Determiner::Many | Determiner::Some | Determiner::Count(_) => true,
        Determiner::The | Determiner::My | Determiner::Our | Determiner::Their => draw.chance(0.3),
        _ => false,
    };
    let (determiner, head) = match (noun.many, several) {
        (Some(_), true) => (determiner, Head::Many(noun)),
        (Some(_), false) => (determiner, Head::One(noun)),
        (None, _) => (without_number(determiner), Head::One(noun)),
    };
    let quality = draw.chance(0.25).then(|| quality(draw, noun.kind)).flatten();
    Phrase::new(determiner, head).with(quality)
}

/// What cannot be counted has no number.
fn without_number(determiner: Determiner) -> Determiner {
    match determiner {
        Determiner::Count(_) | Determiner::Many | Determiner::Every => Determiner::Some,
        other => other,
    }
}

/// A quality that such things have, without any opinion.
pub(super) fn quality(draw: &mut Draw, kind: Kind) -> Option<Quality> {
    let fits = |adjective: &super::lexicon::Adjective| adjective.tone == Tone::Plain && adjective.fits(kind);
    let adjective = draw.filtered(adjectives(), fits)?;
    let degree = draw.chance(0.2).then(|| *draw.of(&[Degree::Very, Degree::Really, Degree::Rather]));
    Some(Quality { degree, adjective })
}

/// All nouns of a kind and of narrower kinds, without the names of kinds.
pub(super) fn nouns(kind: Kind) -> Vec<&'static Noun> {
    NOUNS.iter().filter(|noun| noun.kind.within(kind) && !noun.names_kind).collect()
}

/// How the same one is called when it comes up again.
pub(super) fn again(phrase: &Phrase) -> Phrase {
    match phrase.head {
        Head::Name(Name { bearer: Bearer::Woman, .. }) => Phrase::pronoun(Pronoun::She),
        Head::Name(Name { bearer: Bearer::Man, .. }) => Phrase::pronoun(Pronoun::He),
        Head::Many(_) => Phrase::pronoun(Pronoun::They),
        Head::One(noun) if noun.kind.within(Kind::Living) => Phrase::the(noun),
        Head::One(_) | Head::Name(_) => Phrase::pronoun(Pronoun::It),
        Head::Pronoun(_) | Head::Figure(_) => phrase.clone(),
    }
}
