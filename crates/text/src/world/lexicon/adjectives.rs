//! The adjectives, most of them in pairs of opposites, with the kinds of things that they describe.

use super::kind::Kind::{self, *};
use super::tone::{REVIEWED, Tone};

/// A quality.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Adjective {
    pub(crate) a: &'static str,
    pub(crate) b: &'static str,
    pub(crate) tone: Tone,
    pub(crate) kinds: &'static [Kind],
}

impl Adjective {
    /// True if a thing of this kind can have the quality.
    pub(crate) fn fits(&self, kind: Kind) -> bool {
        self.kinds.iter().any(|&wider| kind.within(wider))
    }

    /// What a thing cannot be at the same time.
    pub(crate) fn opposite(&self) -> Option<&'static Adjective> {
        PAIRS.iter().find_map(|[one, other]| match self {
            _ if self == one => Some(other),
            _ if self == other => Some(one),
            _ => None,
        })
    }
}

/// All adjectives but [`FAMOUS`].
pub(crate) fn adjectives() -> impl Iterator<Item = &'static Adjective> + Clone {
    PAIRS.iter().flatten().chain(OTHERS)
}

/// `famous for`, of towns.
pub(crate) static FAMOUS: Adjective = only("famous", "pelvim", &[Place]);

const fn only(a: &'static str, b: &'static str, kinds: &'static [Kind]) -> Adjective {
    Adjective { a, b, tone: Tone::Plain, kinds }
}

/// Two opposites without opinion, each by its words in A and B.
const fn opposites(
    a: &'static str,
    b: &'static str,
    other_a: &'static str,
    other_b: &'static str,
    kinds: &'static [Kind],
) -> [Adjective; 2] {
    [only(a, b, kinds), only(other_a, other_b, kinds)]
}

/// Praise and its opposite.
const fn judgements(
    good_a: &'static str,
    good_b: &'static str,
    bad_a: &'static str,
    bad_b: &'static str,
    kinds: &'static [Kind],
) -> [Adjective; 2] {
    let [good, bad] = opposites(good_a, good_b, bad_a, bad_b, kinds);
    [Adjective { tone: Tone::Good, ..good }, Adjective { tone: Tone::Bad, ..bad }]
}

const PORTABLE: &[Kind] = &[Tool, Luggage, Instrument, Gear, Device, Utensil, Furniture];
const PAINTED: &[Kind] = &[Furniture, HousePart, Tool, Gear, Luggage, Vehicle, Utensil, Flower, Bird];
const BOUGHT: &[Kind] = &[Thing, Vehicle, Lodging, Trip, Eatery];
const LASTING: &[Kind] = &[Work, Show, Trip, Piece, Contest, Trial];
const LARGE: &[Kind] =
    &[Furniture, Tool, Luggage, Instrument, Device, Vehicle, Animal, Place, Plant, HousePart, Planet];
const MADE: &[Kind] = &[Furniture, Tool, Luggage, Instrument, Device, Vehicle, Gear, Work, Place, HousePart];
const NOISY: &[Kind] = &[Instrument, Show, Vehicle, Room, Eatery, Piece, Animal, Tool];
const WASHED: &[Kind] = &[Furniture, Room, Utensil, HousePart, Lodging, Vehicle, Eatery];
const LEARNT: &[Kind] = &[Theory, Trial, Contest, Game, Piece];
const GRIPPING: &[Kind] = &[Contest, Work, Show, Game, Trial, Trip];
const HOMELY: &[Kind] = &[Room, Lodging, Eatery, Furniture];
const USED: &[Kind] = &[Device, Tool, Vehicle, Gear, Luggage];
const STYLED: &[Kind] = &[Piece, Show, Furniture, Work];
const THOUGHT: &[Kind] = &[Theory, Person, Aspect, Work];

/// What cannot be said of one thing at once.
#[rustfmt::skip]
static PAIRS: &[[Adjective; 2]] = &[
    judgements("good", "tolvel", "bad", "burvil", REVIEWED),
    judgements("great", "voptan", "awful", "bertis", REVIEWED),
    judgements("wonderful", "zugan", "terrible", "goltan", REVIEWED),
    judgements("superb", "kelpin", "dreadful", "sezgur", REVIEWED),
    judgements("lovely", "pevos", "horrible", "tuvos", REVIEWED),
    judgements("excellent", "mansor", "poor", "berdem", REVIEWED),
    judgements("charming", "meldum", "dull", "felam", REVIEWED),
    judgements("brilliant", "septar", "boring", "ditel", REVIEWED),
    judgements("pleasant", "tenen", "annoying", "radus", REVIEWED),
    judgements("impressive", "letas", "disappointing", "tiltam", REVIEWED),
    judgements("tasty", "divum", "bland", "dilvel", &[Food, Drink]),
    judgements("fresh", "bantol", "stale", "tuptor", &[Food, Drink]),
    judgements("exciting", "podor", "tedious", "fimbam", GRIPPING),
    judgements("cosy", "rindan", "shabby", "mozgan", HOMELY),
    judgements("reliable", "pusul", "useless", "murver", USED),
    judgements("elegant", "ferol", "clumsy", "tokas", STYLED),
    judgements("clever", "dortam", "foolish", "pantel", THOUGHT),
    judgements("friendly", "miskon", "rude", "gusir", &[Person]),

    opposites("old", "ziltir", "new", "fintas", MADE),
    opposites("big", "lonul", "small", "gulim", LARGE),
    opposites("heavy", "minkim", "light", "finsor", PORTABLE),
    opposites("long", "durdem", "short", "kigin", LASTING),
    opposites("hot", "ruldos", "cold", "tertur", &[Food, Drink, Room]),
    opposites("fast", "sinus", "slow", "luzin", &[Vehicle, Animal, Athlete]),
    opposites("cheap", "raldil", "expensive", "rintes", BOUGHT),
    opposites("loud", "selvin", "quiet", "pekan", NOISY),
    opposites("clean", "bokim", "dirty", "finas", WASHED),
    opposites("full", "zekos", "empty", "gimbir", &[Place, Vehicle]),
    opposites("wide", "koltum", "narrow", "girvan", &[HousePart, Stage]),
    opposites("wet", "fagin", "dry", "rorkir", &[Gear, Plant, Tool, Luggage]),
    opposites("sweet", "sopel", "sour", "bernum", &[Fruit, Dessert, Drink]),
    opposites("hard", "talpar", "soft", "bindin", &[Furniture, Substance]),
    opposites("easy", "farvom", "difficult", "gunon", LEARNT),
    opposites("bright", "nulmun", "dark", "gerken", &[Room, Planet, HousePart]),
    opposites("rare", "rukas", "common", "kulvos", &[Plant, Substance, Animal]),
    opposites("strong", "mafor", "weak", "sazus", &[Living]),
    opposites("happy", "zifim", "sad", "gobor", &[Living]),
    opposites("calm", "tafen", "nervous", "lavun", &[Person]),
    opposites("early", "zimbus", "late", "bitis", &[Vehicle, Person]),
];

static OTHERS: &[Adjective] = &[
    only("tired", "lubol", &[Living]),
    only("hungry", "pirur", &[Living]),
    only("busy", "rimbar", &[Person]),
    only("wooden", "sopus", &[Furniture, Tool, Instrument, HousePart]),
    only("red", "kernul", PAINTED),
    only("blue", "sambam", PAINTED),
    only("green", "kimil", PAINTED),
    only("white", "vembom", PAINTED),
    only("black", "fensos", PAINTED),
    only("yellow", "milmir", PAINTED),
    only("orange", "turvel", PAINTED),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn opposites_are_mutual_and_describe_the_same() {
        for (adjective, opposite) in adjectives().filter_map(|adjective| Some((adjective, adjective.opposite()?))) {
            assert_ne!(adjective, opposite);
            assert_eq!(opposite.opposite(), Some(adjective));
            assert_eq!((opposite.kinds, opposite.tone), (adjective.kinds, adjective.tone.reversed()));
        }
        let single: Vec<_> = adjectives().filter(|adjective| adjective.opposite().is_none()).collect();
        assert_eq!(single, OTHERS.iter().collect::<Vec<_>>());
    }
}
