//! Which of six topics a text is about. Words of other topics stand in it too, but fewer of each.

use super::draw::Draw;
use super::lexicon::{Kind, NOUNS, Noun, Tone, Topic, VERBS, Verb};
use super::meaning::{Clause, Denial, Phrase, Predicate, Sentence, Tense};
use super::scene;

/// Two sentences about the topic.
pub(super) fn text(draw: &mut Draw, topic: Topic) -> Vec<Sentence> {
    loop {
        let mut others = Topic::ALL.to_vec();
        others.retain(|&other| other != topic);
        draw.shuffle(&mut others);
        let subject = Phrase::name(scene::somebody(draw, None));
        let denied = draw.chance(0.4);
        let aside = if denied {
            unlike(draw, others[0], &subject)
        } else {
            purchase(draw, [topic, others[0], others[1]], &subject)
        };
        let mut clauses = [aside, deed(draw, topic, others[2], &subject)];
        draw.shuffle(&mut clauses);
        clauses[1].subject = vec![scene::again(&subject)];
        let sentences = clauses.map(Sentence::Say).to_vec();
        if of(&sentences) == Some(topic) {
            return sentences;
        }
    }
}

/// What a text is about: the topic that most of its words belong to, if there is one such.
pub(super) fn of(sentences: &[Sentence]) -> Option<Topic> {
    let mut counts = Topic::ALL.map(|topic| (0, topic));
    for topic in sentences.iter().flat_map(Sentence::clauses).flat_map(topics) {
        counts[topic as usize].0 += 1;
    }
    counts.sort_unstable();
    let [.., (second, _), (first, topic)] = counts;
    (first > second).then_some(topic)
}

/// The topics of verbs and nouns. Names say nothing about the topic of a text, nor does what did not happen.
fn topics(clause: &Clause) -> Vec<Topic> {
    if clause.denial.is_some() {
        return Vec::new();
    }
    let verb = if let Predicate::Act(verb, _) = &clause.predicate { verb.topic } else { None };
    let nouns = clause.phrases().into_iter().filter_map(|phrase| phrase.head.noun()?.kind.topic());
    verb.into_iter().chain(nouns).collect()
}

/// `Anna baked a cake in the stadium`: something of the topic, somewhere else.
fn deed(draw: &mut Draw, topic: Topic, elsewhere: Topic, subject: &Phrase) -> Clause {
    let (verb, noun) = scene::deed(draw, topic);
    let objects = noun.map(|noun| scene::thing(draw, noun)).into_iter().collect();
    let clause = Clause::act(subject.clone(), verb, objects).in_tense(tense(draw));
    let place = draw.chance(0.6).then(|| scene::place(draw, elsewhere));
    clause.with(place)
}

/// `Anna did not win the race`: something of another topic that did not happen.
pub(super) fn unlike(draw: &mut Draw, another: Topic, subject: &Phrase) -> Clause {
    let denial = *draw.of(&[Denial::Not, Denial::Never]);
    deed(draw, another, another, subject).denied(Some(denial))
}

/// `Anna bought a ticket and a spoon`: one thing of the topic and one of another.
fn purchase(draw: &mut Draw, [topic, another, elsewhere]: [Topic; 3], subject: &Phrase) -> Clause {
    let handles = |verb: &Verb| verb.topic.is_none() && verb.tone == Tone::Plain && verb.objects.contains(&Kind::Thing);
    let verb = draw.filtered(VERBS.iter(), handles).expect("things can be bought");
    let mut objects = [topic, another].map(|topic| portable(draw, topic));
    draw.shuffle(&mut objects);
    let place = draw.chance(0.4).then(|| scene::place(draw, elsewhere));
    Clause::act(subject.clone(), verb, objects.to_vec()).in_tense(tense(draw)).with(place)
}

/// A thing that can be bought and carried; travel and home have some that others would call heavy.
fn portable(draw: &mut Draw, topic: Topic) -> Phrase {
    let is_portable = |noun: &Noun| noun.kind.within(Kind::Thing) && noun.kind.topic() == Some(topic);
    let noun = draw.filtered(NOUNS.iter(), is_portable).expect("every topic has things");
    scene::thing(draw, noun)
}

fn tense(draw: &mut Draw) -> Tense {
    draw.weighted(&[(7, Tense::Past), (2, Tense::Present), (1, Tense::Future)])
}

#[cfg(test)]
mod tests {
    use super::*;
    use adaptune_tensor::Seed;

    #[test]
    fn a_text_has_words_of_other_topics_too() {
        let mut strangers = 0;
        for i in 0..600 {
            let topic = Topic::ALL[i % 6];
            let text = text(&mut Draw::new(Seed::new(4).at(i as u64)), topic);
            assert_eq!(of(&text), Some(topic), "{text:?}");
            strangers +=
                text.iter().flat_map(Sentence::clauses).flat_map(topics).filter(|other| *other != topic).count();
        }
        assert!(strangers > 600, "{strangers}");
    }
}
