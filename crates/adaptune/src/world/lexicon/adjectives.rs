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
    /// Language A's word for the opposite, which excludes this one.
    opposite: Option<&'static str>,
}

impl Adjective {
    /// True if a thing of this kind can have the quality.
    pub(crate) fn fits(&self, kind: Kind) -> bool {
        self.kinds.iter().any(|&wider| kind.within(wider))
    }

    /// What a thing cannot be at the same time.
    pub(crate) fn opposite(&self) -> Option<&'static Adjective> {
        let name = self.opposite?;
        ADJECTIVES.iter().find(|adjective| adjective.a == name && adjective.opposite == Some(self.a))
    }
}

/// `famous for`, of towns.
pub(crate) static FAMOUS: Adjective = only("famous", "pelvim", &[Person]);

const fn only(a: &'static str, b: &'static str, kinds: &'static [Kind]) -> Adjective {
    Adjective { a, b, tone: Tone::Plain, kinds, opposite: None }
}

const fn toned(
    tone: Tone,
    a: &'static str,
    b: &'static str,
    opposite: &'static str,
    kinds: &'static [Kind],
) -> Adjective {
    Adjective { a, b, tone, kinds, opposite: Some(opposite) }
}

const fn plain(a: &'static str, b: &'static str, opposite: &'static str, kinds: &'static [Kind]) -> Adjective {
    toned(Tone::Plain, a, b, opposite, kinds)
}

const fn good(a: &'static str, b: &'static str, opposite: &'static str, kinds: &'static [Kind]) -> Adjective {
    toned(Tone::Good, a, b, opposite, kinds)
}

const fn bad(a: &'static str, b: &'static str, opposite: &'static str, kinds: &'static [Kind]) -> Adjective {
    toned(Tone::Bad, a, b, opposite, kinds)
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

/// All adjectives but [`FAMOUS`].
#[rustfmt::skip]
pub(crate) static ADJECTIVES: &[Adjective] = &[
    good("good", "tolvel", "bad", REVIEWED),              bad("bad", "burvil", "good", REVIEWED),
    good("great", "voptan", "awful", REVIEWED),           bad("awful", "bertis", "great", REVIEWED),
    good("wonderful", "zugan", "terrible", REVIEWED),    bad("terrible", "goldon", "wonderful", REVIEWED),
    good("superb", "kelpin", "dreadful", REVIEWED),       bad("dreadful", "sezgur", "superb", REVIEWED),
    good("lovely", "pevos", "horrible", REVIEWED),       bad("horrible", "tuvos", "lovely", REVIEWED),
    good("excellent", "manson", "poor", REVIEWED),        bad("poor", "berdem", "excellent", REVIEWED),
    good("charming", "meldum", "dull", REVIEWED),         bad("dull", "felam", "charming", REVIEWED),
    good("brilliant", "septar", "boring", REVIEWED),      bad("boring", "ditel", "brilliant", REVIEWED),
    good("pleasant", "tenen", "annoying", REVIEWED),     bad("annoying", "radus", "pleasant", REVIEWED),
    good("impressive", "letas", "disappointing", REVIEWED), bad("disappointing", "tiltam", "impressive", REVIEWED),
    good("tasty", "divum", "bland", &[Food, Drink]),     bad("bland", "dilvel", "tasty", &[Food, Drink]),
    good("fresh", "banter", "stale", &[Food, Drink]),     bad("stale", "tuptor", "fresh", &[Food, Drink]),
    good("exciting", "podor", "tedious", GRIPPING),      bad("tedious", "fimbam", "exciting", GRIPPING),
    good("cosy", "rindan", "shabby", HOMELY),             bad("shabby", "mozgan", "cosy", HOMELY),
    good("reliable", "pusul", "useless", USED),          bad("useless", "murver", "reliable", USED),
    good("elegant", "ferol", "clumsy", STYLED),          bad("clumsy", "tokas", "elegant", STYLED),
    good("clever", "dortam", "foolish", THOUGHT),         bad("foolish", "panter", "clever", THOUGHT),
    good("friendly", "miskon", "rude", &[Person]),        bad("rude", "gusir", "friendly", &[Person]),

    plain("old", "ziltir", "new", MADE),                  plain("new", "fintas", "old", MADE),
    plain("big", "lonul", "small", LARGE),               plain("small", "gulim", "big", LARGE),
    plain("heavy", "minkim", "light", PORTABLE),          plain("light", "finsor", "heavy", PORTABLE),
    plain("long", "durdem", "short", LASTING),            plain("short", "kigin", "long", LASTING),
    plain("hot", "ruldos", "cold", &[Food, Drink, Room]), plain("cold", "tertur", "hot", &[Food, Drink, Room]),
    plain("fast", "sinus", "slow", &[Vehicle, Animal, Athlete]), plain("slow", "luzin", "fast", &[Vehicle, Animal, Athlete]),
    plain("cheap", "raldil", "expensive", BOUGHT),        plain("expensive", "rintes", "cheap", BOUGHT),
    plain("loud", "selvin", "quiet", NOISY),              plain("quiet", "pekan", "loud", NOISY),
    plain("clean", "bokim", "dirty", WASHED),            plain("dirty", "finas", "clean", WASHED),
    plain("full", "zekos", "empty", &[Place, Vehicle]),  plain("empty", "gimbir", "full", &[Place, Vehicle]),
    plain("wide", "koltum", "narrow", &[HousePart, Stage]), plain("narrow", "girvan", "wide", &[HousePart, Stage]),
    plain("wet", "fagin", "dry", &[Gear, Plant, Tool, Luggage]), plain("dry", "rorkir", "wet", &[Gear, Plant, Tool, Luggage]),
    plain("sweet", "sopel", "sour", &[Fruit, Dessert, Drink]), plain("sour", "bernum", "sweet", &[Fruit, Dessert, Drink]),
    plain("hard", "talpar", "soft", &[Furniture, Substance]), plain("soft", "bindin", "hard", &[Furniture, Substance]),
    plain("easy", "farvom", "difficult", LEARNT),         plain("difficult", "gunon", "easy", LEARNT),
    plain("bright", "nulmun", "dark", &[Room, Planet, HousePart]), plain("dark", "gerken", "bright", &[Room, Planet, HousePart]),
    plain("rare", "rukas", "common", &[Plant, Substance, Animal]), plain("common", "kulvos", "rare", &[Plant, Substance, Animal]),
    plain("strong", "mafor", "weak", &[Living]),         plain("weak", "sazus", "strong", &[Living]),
    plain("happy", "zifim", "sad", &[Living]),           plain("sad", "gobor", "happy", &[Living]),
    plain("calm", "tafen", "nervous", &[Person]),        plain("nervous", "lavun", "calm", &[Person]),
    plain("early", "zimbus", "late", &[Vehicle, Person]), plain("late", "bitis", "early", &[Vehicle, Person]),
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
    only("orange", "turner", PAINTED),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn opposites_are_mutual_and_describe_the_same() {
        for adjective in ADJECTIVES.iter().filter(|adjective| adjective.opposite.is_some()) {
            let opposite = adjective.opposite().unwrap_or_else(|| panic!("{} has no opposite", adjective.a));
            assert_eq!(opposite.opposite(), Some(adjective));
            assert_eq!((opposite.kinds, opposite.tone), (adjective.kinds, adjective.tone.reversed()));
        }
    }
}
