//! Opinions: clauses and short reviews that find something good or bad, and the rule by which to tell.

use super::draw::Draw;
use super::lexicon::{
    Adjective, Degree, Determiner, Kind, Link, NOUNS, Noun, Pronoun, REVIEWED, Tone, VERBS, Verb, adjectives,
};
use super::meaning::{Clause, Denial, Head, Phrase, Predicate, Quality, Sentence};
use super::scene;

/// The opinion of a clause: that of its words, turned round if it is denied or true of nobody.
pub(super) fn of_clause(clause: &Clause) -> Tone {
    let said = match &clause.predicate {
        Predicate::Act(verb, _) => verb.tone,
        Predicate::Find(_, quality) => quality.tone(),
        Predicate::Be(qualities) => of_qualities(qualities),
        Predicate::BeOne(phrase) => of_qualities(&phrase.qualities),
        Predicate::Exist => Tone::Plain,
    };
    let nobody = clause.subject.iter().any(|phrase| phrase.head == Head::Pronoun(Pronoun::Nobody));
    if clause.denial.is_some() != nobody { said.reversed() } else { said }
}

fn of_qualities(qualities: &[Quality]) -> Tone {
    qualities.iter().map(|quality| quality.tone()).find(|tone| *tone != Tone::Plain).unwrap_or(Tone::Plain)
}

/// The opinion of a sentence: after `but`, what follows counts; with `although`, the other clause; of what is not so
/// and what is, the latter.
pub(super) fn of_sentence(sentence: &Sentence) -> Tone {
    match sentence {
        Sentence::Say(clause) | Sentence::Exclaim(clause) => of_clause(clause),
        Sentence::Join(_, _, last) | Sentence::Correct(_, last) => of_clause(last),
        Sentence::Ask(_) | Sentence::AskWhere(_) => Tone::Plain,
    }
}

/// The opinion of a review: the last one in it.
pub(super) fn of_review(sentences: &[Sentence]) -> Tone {
    sentences.iter().rev().map(of_sentence).find(|tone| *tone != Tone::Plain).unwrap_or(Tone::Plain)
}

/// A review of something, in one sentence or two, that finds it good or bad.
pub(super) fn review(draw: &mut Draw, tone: Tone) -> Vec<Sentence> {
    review_of(draw, tone).0
}

/// A review, and what it is about.
pub(super) fn review_of(draw: &mut Draw, tone: Tone) -> (Vec<Sentence>, &'static Noun) {
    let noun = target(draw);
    (review_about(draw, noun, tone), noun)
}

/// A review of this, in one sentence or two.
pub(super) fn review_about(draw: &mut Draw, noun: &'static Noun, tone: Tone) -> Vec<Sentence> {
    let it = Phrase::new(*draw.of(&[Determiner::The, Determiner::The, Determiner::This]), Head::One(noun));
    match draw.weighted(&[(30, 0), (24, 1), (16, 2), (10, 3), (12, 4), (8, 5)]) {
        0 => vec![Sentence::Say(opinion(draw, &it, noun, tone))],
        1 => story(draw, &it, noun, tone),
        2 => vec![contrast(draw, Link::But, &it, noun, tone)],
        3 => vec![contrast(draw, Link::Although, &it, noun, tone)],
        4 => vec![harmony(draw, &it, noun, tone)],
        _ => vec![correction(draw, &it, noun, tone)],
    }
}

/// A review in plain words, of one sentence, and what it is about.
pub(super) fn plain_review_of(draw: &mut Draw, tone: Tone) -> (Vec<Sentence>, &'static Noun) {
    let noun = target(draw);
    let it = Phrase::new(Determiner::The, Head::One(noun));
    (vec![Sentence::Say(plain(draw, &it, noun, tone))], noun)
}

fn target(draw: &mut Draw) -> &'static Noun {
    let judged = |noun: &Noun| {
        noun.kind != Kind::Aspect && !noun.names_kind && REVIEWED.iter().any(|&kind| noun.kind.within(kind))
    };
    draw.filtered(NOUNS.iter(), judged).expect("there is much to be judged")
}

/// `It was great`, `nobody liked it`, `we never found it dull`. `it` is how the noun is called.
pub(super) fn opinion(draw: &mut Draw, it: &Phrase, noun: &'static Noun, tone: Tone) -> Clause {
    if draw.chance(0.7) { plain(draw, it, noun, tone) } else { denied(draw, it, noun, tone) }
}

/// An opinion in the words that it takes: `it was rather dull`.
pub(super) fn plain(draw: &mut Draw, it: &Phrase, noun: &'static Noun, tone: Tone) -> Clause {
    said(draw, it, noun, tone, false)
}

/// An opinion in words of the opposite one: `it was not bad`, `nobody hated it`.
fn denied(draw: &mut Draw, it: &Phrase, noun: &'static Noun, tone: Tone) -> Clause {
    let clause = said(draw, it, noun, tone.reversed(), true);
    let nobody = clause.subject == [Phrase::pronoun(Pronoun::Nobody)];
    let denial = draw.weighted(&[(6, Denial::Not), (2, Denial::Never), (2, Denial::Hardly)]);
    clause.denied((!nobody).then_some(denial))
}

/// Words of the tone, which are to be denied or not.
fn said(draw: &mut Draw, it: &Phrase, noun: &'static Noun, tone: Tone, denied: bool) -> Clause {
    let judgement = judgement(draw, noun, tone, denied);
    let find = Predicate::Find(it.clone(), judgement);
    let one = Predicate::BeOne(Phrase::a(noun).with(Some(judgement)));
    match draw.weighted(&[(55, 0), (15, 1), (20, 2), (10, 3)]) {
        0 => Clause::be(it.clone(), judgement),
        1 => Clause::new(judge(draw, denied), find),
        2 => Clause::act(judge(draw, denied), verb(draw, tone), vec![it.clone()]),
        _ => Clause::new(Phrase::pronoun(Pronoun::It), one),
    }
}

/// Who judges. `Everybody did not` could be understood in two ways, so it is not said.
fn judge(draw: &mut Draw, denied: bool) -> Phrase {
    let last = if denied { Pronoun::Nobody } else { Pronoun::Everybody };
    match draw.weighted(&[
        (3, Some(Pronoun::I)),
        (3, Some(Pronoun::We)),
        (1, Some(Pronoun::They)),
        (2, Some(last)),
        (3, None),
    ]) {
        Some(pronoun) => Phrase::pronoun(pronoun),
        None => Phrase::name(scene::somebody(draw, None)),
    }
}

fn verb(draw: &mut Draw, tone: Tone) -> &'static Verb {
    draw.filtered(VERBS.iter(), |verb| verb.tone == tone).expect("there are verbs for both opinions")
}

/// An adjective of the tone that fits the noun, more or less strong.
fn judgement(draw: &mut Draw, noun: &Noun, tone: Tone, denied: bool) -> Quality {
    let wanted = if tone == Tone::Bad && draw.chance(0.15) { Tone::Plain } else { tone };
    let fits =
        |adjective: &Adjective| adjective.tone == wanted && adjective.opposite().is_some() && adjective.fits(noun.kind);
    match draw.filtered(adjectives(), fits) {
        Some(adjective) if wanted == Tone::Plain => Quality { degree: Some(Degree::Too), adjective },
        Some(adjective) => Quality { degree: degree(draw, denied), adjective },
        None => judgement(draw, noun, tone, denied),
    }
}

/// Denied adjectives take few degrees: `not very good`, but no `not quite awful`.
fn degree(draw: &mut Draw, denied: bool) -> Option<Degree> {
    let shades = if denied { &Degree::SHADES[..2] } else { &Degree::SHADES };
    draw.chance(if denied { 0.25 } else { 0.45 }).then(|| *draw.of(shades))
}

/// `Anna tried the soup in Oslo. She did not find it bland.`
fn story(draw: &mut Draw, it: &Phrase, noun: &'static Noun, tone: Tone) -> Vec<Sentence> {
    let topic = noun.kind.topic().unwrap_or_else(|| scene::any_topic(draw));
    let neutral = |verb: &Verb| verb.tone == Tone::Plain && scene::takes(verb, noun);
    let verb = draw.filtered(VERBS.iter(), neutral).expect("whatever is judged can be tried");
    let first = Clause::act(scene::person(draw, topic), verb, vec![it.clone()]);
    let first = scene::circumstances(draw, topic, first);
    let second = opinion(draw, &scene::again(it), noun, tone);
    vec![Sentence::Say(first), Sentence::Say(second)]
}

/// `It was dull, but the ending was superb`: only the second opinion counts.
fn contrast(draw: &mut Draw, link: Link, it: &Phrase, noun: &'static Noun, tone: Tone) -> Sentence {
    let (first, second) = both(draw, it, noun, [tone.reversed(), tone]);
    Sentence::Join(link, first, second)
}

/// `It was good and the ending was not dull.`
fn harmony(draw: &mut Draw, it: &Phrase, noun: &'static Noun, tone: Tone) -> Sentence {
    let (first, second) = both(draw, it, noun, [tone, tone]);
    Sentence::Join(Link::And, first, second)
}

/// Two opinions: of the thing and of an aspect of it, in either order.
fn both(draw: &mut Draw, it: &Phrase, noun: &'static Noun, tones: [Tone; 2]) -> (Clause, Clause) {
    let aspect = *draw.of(&scene::nouns(Kind::Aspect));
    let mut order = [(it.clone(), noun), (Phrase::the(aspect), aspect)];
    draw.shuffle(&mut order);
    let [first, second] = order;
    (opinion(draw, &first.0, first.1, tones[0]), opinion(draw, &second.0, second.1, tones[1]))
}

/// `It was not boring, it was rather wonderful.`
fn correction(draw: &mut Draw, it: &Phrase, noun: &'static Noun, tone: Tone) -> Sentence {
    let first = Clause::be(it.clone(), judgement(draw, noun, tone.reversed(), true)).denied(Some(Denial::Not));
    let second = Clause::be(scene::again(it), judgement(draw, noun, tone, false));
    Sentence::Correct(first, second)
}

#[cfg(test)]
mod tests {
    use super::*;
    use adaptune_tensor::Seed;

    #[test]
    fn reviews_say_what_they_are_to_say() {
        for i in 0..2000 {
            let mut draw = Draw::new(Seed::new(3).at(i));
            let tone = if i % 3 == 0 { Tone::Good } else { Tone::Bad };
            let review = review(&mut draw, tone);
            assert_eq!(of_review(&review), tone, "{review:?}");
        }
    }
}
