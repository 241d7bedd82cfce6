//! What kind of thing a review is of: a topic, and a kind within it. The review is good or bad besides, and half of the time something of
//! another topic that did not happen stands before it.

use super::draw::Draw;
use super::lexicon::{Kind, NOUNS, Noun, Tone, Topic};
use super::meaning::{Phrase, Sentence};
use super::{opinion, scene, topic};

/// What is reviewed, by the path of its kind; in the order of the letters.
pub(super) const KINDS: [(Kind, &str); 17] = [
    (Kind::Dessert, "food/dessert"),
    (Kind::Food, "food/dish"),
    (Kind::Drink, "food/drink"),
    (Kind::Eatery, "food/eatery"),
    (Kind::Fruit, "food/fruit"),
    (Kind::Vegetable, "food/vegetable"),
    (Kind::Furniture, "home/furniture"),
    (Kind::Room, "home/room"),
    (Kind::Piece, "music/piece"),
    (Kind::Show, "music/show"),
    (Kind::Device, "science/device"),
    (Kind::Trial, "science/trial"),
    (Kind::Contest, "sport/contest"),
    (Kind::Landscape, "travel/landscape"),
    (Kind::Lodging, "travel/lodging"),
    (Kind::Trip, "travel/trip"),
    (Kind::Vehicle, "travel/vehicle"),
];

/// The paths, in the order of the letters.
pub(super) const NAMES: [&str; KINDS.len()] = {
    let (mut names, mut i) = ([""; KINDS.len()], 0);
    while i < KINDS.len() {
        names[i] = KINDS[i].1;
        i += 1;
    }
    names
};

/// A review of something of this kind, good or bad, perhaps behind something else that did not happen.
pub(super) fn text(draw: &mut Draw, kind: Kind, tone: Tone) -> Vec<Sentence> {
    let is_one = |noun: &Noun| noun.kind == kind && !noun.names_kind;
    let noun = draw.filtered(NOUNS.iter(), is_one).expect("every kind has nouns");
    let review = opinion::review_about(draw, noun, tone);
    if draw.chance(0.5) {
        return review;
    }
    let others: Vec<Topic> = Topic::ALL.into_iter().filter(|other| Some(*other) != kind.topic()).collect();
    let another = *draw.of(&others);
    let subject = Phrase::name(scene::somebody(draw, None));
    let aside = Sentence::Say(topic::unlike(draw, another, &subject));
    [aside].into_iter().chain(review).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use adaptune_tensor::Seed;

    #[test]
    fn every_kind_is_below_its_topic_and_has_several_nouns() {
        assert!(NAMES.is_sorted());
        for (kind, path) in KINDS {
            let topic = kind.topic().map(Topic::name);
            assert_eq!(path.split('/').next(), topic, "{path}");
            let nouns = NOUNS.iter().filter(|noun| noun.kind == kind && !noun.names_kind).count();
            assert!(nouns >= 2, "{path}: {nouns}");
        }
    }

    #[test]
    fn what_did_not_happen_changes_no_opinion() {
        for i in 0..600 {
            let (kind, path) = KINDS[i % KINDS.len()];
            let tone = if i % 2 == 0 { Tone::Good } else { Tone::Bad };
            let text = text(&mut Draw::new(Seed::new(5).at(i as u64)), kind, tone);
            assert_eq!(opinion::of_review(&text), tone, "{path}: {text:?}");
        }
    }
}
