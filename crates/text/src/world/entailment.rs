//! Pairs of statements: does the second follow from the first?
//!
//! For each hypothesis there are three premises, one of which entails it, one contradicts it, and one leaves it open. So
//! the hypothesis by itself says nothing about the label.

use super::draw::Draw;
use super::inference::{Verdict, judge};
use super::lexicon::{Adjective, Degree, Determiner, Kind, NOUNS, Noun, Tone, VERBS, Verb, adjectives};
use super::meaning::{Circumstance, Clause, Denial, Head, Phrase, Predicate, Quality};
use super::scene;

/// A hypothesis, and a premise for each verdict in the order of [`Verdict::ALL`].
pub(super) fn triple(draw: &mut Draw) -> ([Clause; 3], Clause) {
    loop {
        let hypothesis = statement(draw);
        let premises = Verdict::ALL.map(|verdict| premise(draw, &hypothesis, verdict));
        if let [Some(first), Some(second), Some(third)] = premises {
            return ([first, second, third], hypothesis);
        }
    }
}

/// A premise that is changed from the hypothesis until it stands to it as wanted; `None` if luck fails.
pub(super) fn premise(draw: &mut Draw, hypothesis: &Clause, wanted: Verdict) -> Option<Clause> {
    (0..40).find_map(|_| {
        let mut premise = hypothesis.clone();
        (0..1 + draw.below(3)).for_each(|_| change(draw, &mut premise));
        (premise != *hypothesis && judge(&premise, hypothesis) == Some(wanted)).then_some(premise)
    })
}

/// A statement of one of the three forms that can be judged.
pub(super) fn statement(draw: &mut Draw) -> Clause {
    match draw.weighted(&[(5, 0), (4, 1), (3, 2)]) {
        0 => deed(draw),
        1 => count(draw),
        _ => state(draw),
    }
}

fn deed(draw: &mut Draw) -> Clause {
    let topic = scene::any_topic(draw);
    let subject = Phrase::name(scene::somebody(draw, None));
    let (verb, noun) = loop {
        if let (verb, Some(noun)) = scene::deed(draw, topic) {
            break (verb, noun);
        }
    };
    let noun = sometimes_wider(draw, noun, |wider| scene::takes(verb, wider));
    let object = Phrase::a(noun).with(sometimes_quality(draw, noun));
    let clause = Clause::act(subject, verb, vec![object]).denied(draw.chance(0.4).then_some(Denial::Not));
    clause.with(sometimes_place(draw))
}

fn count(draw: &mut Draw) -> Clause {
    let living = |noun: &Noun| noun.kind.within(Kind::Living) && !noun.names_kind;
    let noun = draw.filtered(NOUNS.iter(), living).expect("there are people and animals");
    let noun = sometimes_wider(draw, noun, |_| true);
    let determiner = quantity(draw);
    let subject = Phrase::new(determiner, Head::Many(noun)).with(sometimes_quality(draw, noun));
    let does = |verb: &Verb| verb.objects.is_empty() && verb.subjects.iter().any(|&kind| noun.kind.within(kind));
    let verb = draw.filtered(VERBS.iter(), does).expect("everybody can sleep");
    Clause::act(subject, verb, Vec::new()).with(sometimes_place(draw))
}

fn state(draw: &mut Draw) -> Clause {
    loop {
        let noun = draw.of(NOUNS);
        let fits = |adjective: &Adjective| adjective.opposite().is_some() && adjective.fits(noun.kind);
        if let Some(adjective) = draw.filtered(adjectives(), fits) {
            let degree = draw.chance(0.4).then(|| intensifier(draw));
            let clause = Clause::be(Phrase::the(noun), Quality { degree, adjective });
            return clause.denied(draw.chance(0.4).then_some(Denial::Not));
        }
    }
}

/// Half of the time the name of a wider kind.
fn sometimes_wider(draw: &mut Draw, noun: &'static Noun, fits: impl Fn(&Noun) -> bool) -> &'static Noun {
    let wider: Vec<_> = noun.wider().filter(|wider| fits(wider)).collect();
    if wider.is_empty() || draw.chance(0.5) { noun } else { wider[0] }
}

fn sometimes_quality(draw: &mut Draw, noun: &Noun) -> Option<Quality> {
    if draw.chance(0.3) { plain_quality(draw, noun) } else { None }
}

fn plain_quality(draw: &mut Draw, noun: &Noun) -> Option<Quality> {
    let fits = |adjective: &Adjective| adjective.tone == Tone::Plain && adjective.fits(noun.kind);
    draw.filtered(adjectives(), fits).map(Quality::plain)
}

fn sometimes_place(draw: &mut Draw) -> Option<Circumstance> {
    draw.chance(0.35).then(|| plain_place(draw))
}

/// A place without adjective.
fn plain_place(draw: &mut Draw) -> Circumstance {
    let noun = *draw.of(&scene::nouns(Kind::Place));
    Circumstance::Phrase(scene::relation_to(noun.kind), Phrase::the(noun))
}

fn quantity(draw: &mut Draw) -> Determiner {
    let number = 2 + draw.below(9) as u16;
    *draw.of(&[Determiner::All, Determiner::Some, Determiner::No, Determiner::Count(number)])
}

fn intensifier(draw: &mut Draw) -> Degree {
    *draw.of(&[Degree::Very, Degree::Extremely])
}

/// Changes one thing about a statement, so that it stays one of its form.
fn change(draw: &mut Draw, clause: &mut Clause) {
    match &mut clause.predicate {
        Predicate::Be(qualities) => match draw.below(3) {
            0 => flip_denial(&mut clause.denial),
            1 => qualities.iter_mut().for_each(|quality| change_degree(draw, quality)),
            _ => qualities.iter_mut().for_each(reverse),
        },
        Predicate::Act(_, objects) => match (draw.below(4), objects.first_mut()) {
            (0, Some(_)) => flip_denial(&mut clause.denial),
            (0, None) => clause.subject.iter_mut().for_each(|subject| subject.determiner = quantity(draw)),
            (1, _) => change_place(draw, &mut clause.circumstances),
            (2, Some(object)) => change_noun(draw, object),
            (_, Some(object)) => change_quality(draw, object),
            (2, None) => clause.subject.iter_mut().for_each(|subject| change_noun(draw, subject)),
            (_, None) => clause.subject.iter_mut().for_each(|subject| change_quality(draw, subject)),
        },
        _ => {}
    }
}

fn flip_denial(denial: &mut Option<Denial>) {
    *denial = if denial.is_some() { None } else { Some(Denial::Not) };
}

fn change_degree(draw: &mut Draw, quality: &mut Quality) {
    quality.degree = if quality.degree.is_some() { None } else { Some(intensifier(draw)) };
}

fn reverse(quality: &mut Quality) {
    quality.adjective = quality.adjective.opposite().unwrap_or(quality.adjective);
}

fn change_place(draw: &mut Draw, circumstances: &mut Vec<Circumstance>) {
    if circumstances.is_empty() || draw.chance(0.3) {
        *circumstances = vec![plain_place(draw)];
    } else {
        circumstances.clear();
    }
}

/// Something narrower, something wider, or another of the same kind.
fn change_noun(draw: &mut Draw, phrase: &mut Phrase) {
    let Some(noun) = phrase.head.noun() else { return };
    let near = |other: &Noun| {
        *other != *noun && (other.is_a(noun) || noun.is_a(other) || (other.kind == noun.kind && !noun.names_kind))
    };
    let fits = |other: &Noun| phrase.qualities.iter().all(|quality| quality.adjective.fits(other.kind));
    let countable = |other: &Noun| other.many.is_some() || matches!(phrase.head, Head::One(_));
    if let Some(other) = draw.filtered(NOUNS.iter(), |other| near(other) && fits(other) && countable(other)) {
        phrase.head = if matches!(phrase.head, Head::One(_)) { Head::One(other) } else { Head::Many(other) };
    }
}

fn change_quality(draw: &mut Draw, phrase: &mut Phrase) {
    let Some(noun) = phrase.head.noun() else { return };
    if phrase.qualities.is_empty() || draw.chance(0.3) {
        phrase.qualities = plain_quality(draw, noun).into_iter().collect();
    } else {
        phrase.qualities.clear();
    }
}
