//! The verbs: three forms in language A, the stem in language B, and what each takes as subject and object.

use super::kind::Kind::{self, *};
use super::kind::Topic;
use super::tone::{REVIEWED, Tone};

/// Something that is done.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Verb {
    pub(crate) base: &'static str,
    pub(crate) present: &'static str,
    pub(crate) past: &'static str,
    /// Language B's stem, which takes `a` in the present and `ul` in the past.
    pub(crate) stem: &'static str,
    pub(crate) subjects: &'static [Kind],
    /// Empty for verbs without object.
    pub(crate) objects: &'static [Kind],
    pub(crate) topic: Option<Topic>,
    /// What the verb says of its subject's opinion of the object.
    pub(crate) tone: Tone,
}

impl Verb {
    const fn about(self, topic: Topic) -> Self {
        Self { topic: Some(topic), ..self }
    }

    const fn by(self, subjects: &'static [Kind]) -> Self {
        Self { subjects, ..self }
    }
}

const fn verb([base, present, past]: [&'static str; 3], stem: &'static str, objects: &'static [Kind]) -> Verb {
    Verb { base, present, past, stem, subjects: &[Person], objects, topic: None, tone: Tone::Plain }
}

const fn opinion(tone: Tone, forms: [&'static str; 3], stem: &'static str) -> Verb {
    Verb { tone, ..verb(forms, stem, REVIEWED) }
}

/// `to find something good`.
pub(crate) static FIND: Verb = verb(["find", "finds", "found"], "sesat", &[Thing]);

/// `to get nine points`.
pub(crate) static GET: Verb = verb(["get", "gets", "got"], "fark", &[Point]).by(REVIEWED);

/// `to live in Lyon`.
pub(crate) static LIVE: Verb = verb(["live", "lives", "lived"], "dalm", &[]).by(&[Living]);

/// All other verbs.
#[rustfmt::skip]
pub(crate) static VERBS: &[Verb] = &[
    verb(["cook", "cooks", "cooked"], "rork", &[Food]).about(Topic::Food),
    verb(["bake", "bakes", "baked"], "lild", &[Dessert]).about(Topic::Food),
    verb(["eat", "eats", "ate"], "surd", &[Food]).about(Topic::Food).by(&[Living]),
    verb(["drink", "drinks", "drank"], "gumb", &[Drink]).about(Topic::Food).by(&[Living]),
    verb(["order", "orders", "ordered"], "virv", &[Food, Drink]).about(Topic::Food),
    verb(["serve", "serves", "served"], "fubin", &[Food, Drink]).about(Topic::Food),

    verb(["clean", "cleans", "cleaned"], "gubas", &[Furniture, HousePart, Room]).about(Topic::Home),
    verb(["paint", "paints", "painted"], "tizg", &[Furniture, HousePart, Room]).about(Topic::Home),
    verb(["repair", "repairs", "repaired"], "fifek", &[Furniture, HousePart, Tool]).about(Topic::Home),
    verb(["water", "waters", "watered"], "zavuk", &[Plant]).about(Topic::Home),
    verb(["plant", "plants", "planted"], "durn", &[Plant]).about(Topic::Home),

    verb(["sing", "sings", "sang"], "mert", &[Piece]).about(Topic::Music),
    verb(["compose", "composes", "composed"], "divik", &[Piece]).about(Topic::Music),
    verb(["record", "records", "recorded"], "padot", &[Piece, Show]).about(Topic::Music),
    verb(["practise", "practises", "practised"], "sarv", &[Instrument, Piece]).about(Topic::Music),
    verb(["dance", "dances", "danced"], "vagul", &[]).about(Topic::Music),

    verb(["measure", "measures", "measured"], "sulm", &[Substance, Planet]).about(Topic::Science),
    verb(["test", "tests", "tested"], "zekak", &[Device, Substance, Theory]).about(Topic::Science),
    verb(["study", "studies", "studied"], "gemb", &[Substance, Planet, Theory]).about(Topic::Science),
    verb(["discover", "discovers", "discovered"], "fulv", &[Substance, Planet, Theory]).about(Topic::Science),
    verb(["explain", "explains", "explained"], "sanam", &[Theory, Trial]).about(Topic::Science),

    verb(["throw", "throws", "threw"], "silv", &[Gear]).about(Topic::Sport),
    verb(["catch", "catches", "caught"], "dilus", &[Gear]).about(Topic::Sport),
    verb(["win", "wins", "won"], "talt", &[Contest, Prize]).about(Topic::Sport),
    verb(["lose", "loses", "lost"], "mirv", &[Contest, Game]).about(Topic::Sport),
    verb(["train", "trains", "trained"], "zosk", &[]).about(Topic::Sport),

    verb(["visit", "visits", "visited"], "nelt", &[Landscape, Lodging]).about(Topic::Travel),
    verb(["pack", "packs", "packed"], "patam", &[Luggage]).about(Topic::Travel),
    verb(["book", "books", "booked"], "ralt", &[Lodging, Trip]).about(Topic::Travel),
    verb(["reach", "reaches", "reached"], "beror", &[Landscape, Stop]).about(Topic::Travel),
    verb(["miss", "misses", "missed"], "sezg", &[Vehicle]).about(Topic::Travel),
    verb(["guide", "guides", "guided"], "zulv", &[Traveller]).about(Topic::Travel),
    verb(["travel", "travels", "travelled"], "nimb", &[]).about(Topic::Travel),

    verb(["play", "plays", "played"], "komel", &[Instrument, Piece, Game]),
    verb(["buy", "buys", "bought"], "dilt", &[Thing, Vehicle, Plant]),
    verb(["sell", "sells", "sold"], "nekam", &[Thing, Vehicle, Plant]),
    verb(["see", "sees", "saw"], "lubek", &[Living, Thing, Vehicle, Planet, Landscape, Plant]).by(&[Living]),
    verb(["bring", "brings", "brought"], "golv", &[Thing]),
    verb(["carry", "carries", "carried"], "zirav", &[Thing]),
    verb(["need", "needs", "needed"], "zefit", &[Thing, Vehicle]),
    verb(["want", "wants", "wanted"], "susur", &[Thing, Vehicle, Animal]),
    verb(["hide", "hides", "hid"], "salon", &[Thing]),
    verb(["forget", "forgets", "forgot"], "tird", &[Thing, Theory, Trip]),
    verb(["draw", "draws", "drew"], "febur", &[Living, Thing, Vehicle, Plant, Landscape]),
    verb(["try", "tries", "tried"], "figir", REVIEWED),
    verb(["describe", "describes", "described"], "kalm", REVIEWED),
    verb(["meet", "meets", "met"], "dorn", &[Person]),
    verb(["help", "helps", "helped"], "nolv", &[Living]),
    verb(["sleep", "sleeps", "slept"], "pazik", &[]).by(&[Living]),
    verb(["swim", "swims", "swam"], "fosuv", &[]).by(&[Living]),
    verb(["run", "runs", "ran"], "fekan", &[]).by(&[Living]),
    verb(["jump", "jumps", "jumped"], "narv", &[]).by(&[Living]),
    verb(["wait", "waits", "waited"], "detin", &[]).by(&[Living]),
    verb(["work", "works", "worked"], "mosk", &[]),
    verb(["talk", "talks", "talked"], "zilm", &[]),
    verb(["laugh", "laughs", "laughed"], "volm", &[]),
    verb(["arrive", "arrives", "arrived"], "zelp", &[]).by(&[Person, Vehicle]),

    opinion(Tone::Good, ["like", "likes", "liked"], "rulp"),
    opinion(Tone::Good, ["love", "loves", "loved"], "zirk"),
    opinion(Tone::Good, ["enjoy", "enjoys", "enjoyed"], "somam"),
    opinion(Tone::Good, ["praise", "praises", "praised"], "zatus"),
    opinion(Tone::Good, ["admire", "admires", "admired"], "kesk"),
    opinion(Tone::Bad, ["hate", "hates", "hated"], "tupt"),
    opinion(Tone::Bad, ["dislike", "dislikes", "disliked"], "zort"),
    opinion(Tone::Bad, ["regret", "regrets", "regretted"], "bepiv"),
    opinion(Tone::Bad, ["criticise", "criticises", "criticised"], "lalor"),
    opinion(Tone::Bad, ["avoid", "avoids", "avoided"], "boduv"),
];
