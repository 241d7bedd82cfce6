//! The nouns: `one` and `many` are language A's, `b` is language B's word, which does not change in the plural.

use super::kind::Kind::{self, *};

/// A thing that has a name in both languages.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Noun {
    pub(crate) kind: Kind,
    /// True for the name of the kind itself: `fruit`, and not `apple`.
    pub(crate) names_kind: bool,
    pub(crate) one: &'static str,
    /// `None` for what cannot be counted, such as `bread`.
    pub(crate) many: Option<&'static str>,
    pub(crate) b: &'static str,
}

impl Noun {
    /// True if whatever is called `self` may be called `other` too: an apple is a fruit, and an apple.
    pub(crate) fn is_a(&self, other: &Self) -> bool {
        self == other || (other.names_kind && self.kind.within(other.kind))
    }

    /// The names of wider kinds, nearest first.
    pub(crate) fn wider(&'static self) -> impl Iterator<Item = &'static Noun> {
        let up = std::iter::successors(Some(self.kind), |kind| kind.parent());
        up.filter_map(Kind::noun).filter(move |noun| *noun != self)
    }
}

impl Kind {
    /// The noun that names the kind, if there is one.
    pub(crate) fn noun(self) -> Option<&'static Noun> {
        NOUNS.iter().find(|noun| noun.names_kind && noun.kind == self)
    }
}

const fn noun(kind: Kind, one: &'static str, many: &'static str, b: &'static str) -> Noun {
    Noun { kind, names_kind: false, one, many: Some(many), b }
}

const fn mass(kind: Kind, one: &'static str, b: &'static str) -> Noun {
    Noun { kind, names_kind: false, one, many: None, b }
}

const fn class(kind: Kind, one: &'static str, many: &'static str, b: &'static str) -> Noun {
    Noun { kind, names_kind: true, one, many: Some(many), b }
}

const fn mass_class(kind: Kind, one: &'static str, b: &'static str) -> Noun {
    Noun { kind, names_kind: true, one, many: None, b }
}

/// All nouns, kind by kind.
#[rustfmt::skip]
pub(crate) static NOUNS: &[Noun] = &[
    class(Person, "person", "people", "foduku"),
    noun(Person, "man", "men", "larti"),
    noun(Person, "woman", "women", "gupu"),
    noun(Person, "boy", "boys", "nopi"),
    noun(Person, "girl", "girls", "sanopi"),
    noun(Person, "friend", "friends", "nombi"),
    noun(Cook, "cook", "cooks", "fenetu"),
    noun(Cook, "baker", "bakers", "kogese"),
    noun(Cook, "waiter", "waiters", "rorka"),
    noun(Cook, "butcher", "butchers", "beste"),
    class(Relative, "relative", "relatives", "furvo"),
    noun(Relative, "mother", "mothers", "relmo"),
    noun(Relative, "father", "fathers", "balmo"),
    noun(Relative, "sister", "sisters", "gevote"),
    class(Worker, "worker", "workers", "mogede"),
    noun(Worker, "gardener", "gardeners", "tuni"),
    noun(Worker, "carpenter", "carpenters", "pife"),
    noun(Worker, "painter", "painters", "kildo"),
    noun(Worker, "plumber", "plumbers", "geti"),
    class(Musician, "musician", "musicians", "tulate"),
    noun(Musician, "singer", "singers", "mirmo"),
    noun(Musician, "drummer", "drummers", "zegepe"),
    noun(Musician, "violinist", "violinists", "kensu"),
    noun(Musician, "pianist", "pianists", "kimedo"),
    class(Scientist, "scientist", "scientists", "bafeki"),
    noun(Scientist, "chemist", "chemists", "togide"),
    noun(Scientist, "astronomer", "astronomers", "menule"),
    noun(Scientist, "biologist", "biologists", "beni"),
    noun(Scientist, "engineer", "engineers", "muripu"),
    class(Athlete, "athlete", "athletes", "kafu"),
    noun(Athlete, "runner", "runners", "vidumo"),
    noun(Athlete, "swimmer", "swimmers", "zose"),
    noun(Athlete, "goalkeeper", "goalkeepers", "bame"),
    noun(Athlete, "coach", "coaches", "vegobo"),
    class(Traveller, "traveller", "travellers", "ropu"),
    noun(Traveller, "tourist", "tourists", "veptu"),
    noun(Traveller, "sailor", "sailors", "bugo"),
    noun(Traveller, "pilot", "pilots", "tunsu"),
    noun(Traveller, "guide", "guides", "tobedo"),

    class(Animal, "animal", "animals", "kulte"),
    noun(Animal, "dog", "dogs", "fildu"),
    noun(Animal, "cat", "cats", "genki"),
    noun(Animal, "horse", "horses", "botemi"),
    noun(Animal, "rabbit", "rabbits", "valo"),
    class(Bird, "bird", "birds", "lubeka"),
    noun(Bird, "owl", "owls", "pande"),
    noun(Bird, "duck", "ducks", "zebu"),
    noun(Bird, "swan", "swans", "dekaro"),
    noun(Bird, "eagle", "eagles", "varme"),

    mass_class(Food, "food", "tupte"),
    mass(Food, "bread", "nefido"),
    mass(Food, "cheese", "zuzali"),
    mass(Food, "rice", "digebo"),
    noun(Food, "soup", "soups", "balpo"),
    noun(Food, "egg", "eggs", "farno"),
    class(Fruit, "fruit", "fruits", "vontu"),
    noun(Fruit, "apple", "apples", "talta"),
    noun(Fruit, "pear", "pears", "rupivo"),
    noun(Fruit, "plum", "plums", "leledi"),
    noun(Fruit, "lemon", "lemons", "bambu"),
    noun(Fruit, "orange", "oranges", "noti"),
    class(Vegetable, "vegetable", "vegetables", "zezge"),
    noun(Vegetable, "carrot", "carrots", "vege"),
    noun(Vegetable, "onion", "onions", "rofugo"),
    noun(Vegetable, "bean", "beans", "sikute"),
    noun(Vegetable, "potato", "potatoes", "sizulu"),
    class(Dessert, "dessert", "desserts", "biti"),
    noun(Dessert, "cake", "cakes", "lalde"),
    noun(Dessert, "pie", "pies", "bozu"),
    noun(Dessert, "pudding", "puddings", "vini"),
    class(Drink, "drink", "drinks", "dunatu"),
    mass(Drink, "tea", "gondi"),
    mass(Drink, "coffee", "purdi"),
    mass(Drink, "milk", "rovime"),
    mass(Drink, "juice", "rivoti"),
    mass(Drink, "water", "kazu"),
    class(Utensil, "utensil", "utensils", "dumifi"),
    noun(Utensil, "spoon", "spoons", "lese"),
    noun(Utensil, "knife", "knives", "selote"),
    noun(Utensil, "plate", "plates", "bedo"),
    noun(Utensil, "pan", "pans", "mirke"),
    noun(Eatery, "restaurant", "restaurants", "melazo"),
    noun(Eatery, "bakery", "bakeries", "tolpo"),
    noun(Eatery, "kitchen", "kitchens", "rardi"),
    noun(Eatery, "canteen", "canteens", "maso"),

    mass_class(Furniture, "furniture", "kezusu"),
    noun(Furniture, "table", "tables", "nimba"),
    noun(Furniture, "chair", "chairs", "zirava"),
    noun(Furniture, "bed", "beds", "bete"),
    noun(Furniture, "sofa", "sofas", "dake"),
    noun(Furniture, "shelf", "shelves", "kuso"),
    noun(HousePart, "door", "doors", "fekana"),
    noun(HousePart, "window", "windows", "merta"),
    noun(HousePart, "wall", "walls", "meku"),
    noun(HousePart, "roof", "roofs", "labo"),
    noun(HousePart, "lamp", "lamps", "kepe"),
    noun(HousePart, "light", "lights", "zekute"),
    class(Tool, "tool", "tools", "tambe"),
    noun(Tool, "hammer", "hammers", "ledobu"),
    noun(Tool, "saw", "saws", "tolvi"),
    noun(Tool, "broom", "brooms", "bamo"),
    noun(Tool, "ladder", "ladders", "denke"),
    class(Plant, "plant", "plants", "zirdu"),
    class(Flower, "flower", "flowers", "tusu"),
    noun(Flower, "rose", "roses", "kernul"),
    noun(Flower, "tulip", "tulips", "perapo"),
    noun(Flower, "lily", "lilies", "fekese"),
    class(Tree, "tree", "trees", "suve"),
    noun(Tree, "oak", "oaks", "beldu"),
    noun(Tree, "pine", "pines", "tulmu"),
    class(Room, "room", "rooms", "luzifo"),
    noun(Room, "bedroom", "bedrooms", "terte"),
    noun(Room, "bathroom", "bathrooms", "bugile"),
    noun(Room, "cellar", "cellars", "karni"),
    noun(Room, "attic", "attics", "nolve"),

    class(Instrument, "instrument", "instruments", "lufusu"),
    noun(Instrument, "violin", "violins", "loltu"),
    noun(Instrument, "drum", "drums", "zepto"),
    noun(Instrument, "flute", "flutes", "ponso"),
    noun(Instrument, "piano", "pianos", "sope"),
    noun(Instrument, "guitar", "guitars", "benku"),
    noun(Piece, "song", "songs", "tizga"),
    noun(Piece, "melody", "melodies", "nurde"),
    noun(Piece, "waltz", "waltzes", "tazgo"),
    noun(Piece, "symphony", "symphonies", "papto"),
    noun(Show, "concert", "concerts", "mirko"),
    noun(Show, "opera", "operas", "redevo"),
    noun(Show, "dance", "dances", "felo"),
    noun(Stage, "club", "clubs", "timanu"),
    noun(Stage, "theatre", "theatres", "mubumi"),
    noun(Stage, "studio", "studios", "kozo"),

    class(Device, "device", "devices", "kerku"),
    noun(Device, "microscope", "microscopes", "buroli"),
    noun(Device, "telescope", "telescopes", "talo"),
    noun(Device, "magnet", "magnets", "bolpi"),
    noun(Device, "laser", "lasers", "nipo"),
    class(Substance, "substance", "substances", "kurde"),
    noun(Substance, "acid", "acids", "nedero"),
    noun(Substance, "gas", "gases", "finsor"),
    noun(Substance, "metal", "metals", "talpar"),
    noun(Substance, "crystal", "crystals", "virke"),
    noun(Theory, "theory", "theories", "femu"),
    noun(Theory, "formula", "formulas", "netu"),
    noun(Theory, "proof", "proofs", "varne"),
    noun(Trial, "experiment", "experiments", "zivo"),
    noun(Trial, "test", "tests", "dilpe"),
    noun(Trial, "lecture", "lectures", "rurdu"),
    noun(Planet, "planet", "planets", "nolva"),
    noun(Planet, "star", "stars", "lembu"),
    noun(Planet, "comet", "comets", "dakofu"),
    noun(Planet, "moon", "moons", "perizi"),
    noun(Laboratory, "laboratory", "laboratories", "rulude"),
    noun(Laboratory, "observatory", "observatories", "turezo"),
    noun(Laboratory, "college", "colleges", "dendi"),

    class(Game, "game", "games", "velti"),
    mass(Game, "football", "gifu"),
    mass(Game, "tennis", "zuze"),
    mass(Game, "hockey", "gaso"),
    noun(Gear, "ball", "balls", "bumi"),
    noun(Gear, "racket", "rackets", "dodifo"),
    noun(Gear, "net", "nets", "lunti"),
    noun(Gear, "helmet", "helmets", "galpe"),
    class(Contest, "contest", "contests", "kirage"),
    noun(Contest, "match", "matches", "sulma"),
    noun(Contest, "race", "races", "nelte"),
    noun(Contest, "tournament", "tournaments", "lirnu"),
    noun(Contest, "final", "finals", "rurmi"),
    noun(Prize, "medal", "medals", "dulme"),
    noun(Prize, "trophy", "trophies", "luku"),
    noun(Arena, "stadium", "stadiums", "venate"),
    noun(Arena, "gym", "gyms", "modubo"),
    noun(Arena, "pool", "pools", "tirate"),

    class(Vehicle, "vehicle", "vehicles", "lunsu"),
    noun(Vehicle, "bus", "buses", "riro"),
    noun(Vehicle, "train", "trains", "vuzge"),
    noun(Vehicle, "ship", "ships", "mepti"),
    noun(Vehicle, "taxi", "taxis", "dirve"),
    noun(Vehicle, "tram", "trams", "tento"),
    noun(Luggage, "suitcase", "suitcases", "roze"),
    noun(Luggage, "ticket", "tickets", "pazika"),
    noun(Luggage, "map", "maps", "beveru"),
    noun(Luggage, "passport", "passports", "damino"),
    noun(Luggage, "tent", "tents", "revi"),
    noun(Trip, "journey", "journeys", "goski"),
    noun(Trip, "trip", "trips", "tipti"),
    noun(Trip, "tour", "tours", "lolpo"),
    noun(Trip, "walk", "walks", "zuri"),
    noun(Stop, "station", "stations", "vete"),
    noun(Stop, "airport", "airports", "monte"),
    noun(Stop, "harbour", "harbours", "kubi"),
    noun(Lodging, "hotel", "hotels", "tumi"),
    noun(Lodging, "hostel", "hostels", "sarnu"),
    noun(Landscape, "mountain", "mountains", "zane"),
    noun(Landscape, "island", "islands", "purvi"),
    noun(Landscape, "beach", "beaches", "velazo"),
    noun(Landscape, "river", "rivers", "surda"),

    noun(Work, "film", "films", "dilta"),
    noun(Work, "book", "books", "durmo"),
    noun(Work, "novel", "novels", "virme"),
    noun(Work, "play", "plays", "salto"),
    noun(Work, "painting", "paintings", "tasato"),
    noun(Aspect, "price", "prices", "lafako"),
    noun(Aspect, "service", "services", "tepi"),
    noun(Aspect, "quality", "qualities", "kuzgo"),
    noun(Aspect, "beginning", "beginnings", "lomuti"),
    noun(Aspect, "ending", "endings", "polde"),
    noun(Aspect, "idea", "ideas", "dupero"),
    noun(Place, "market", "markets", "saze"),
    noun(Place, "park", "parks", "vamo"),
    noun(Place, "town", "towns", "pavadu"),
    noun(Place, "garden", "gardens", "merdo"),
    noun(Point, "point", "points", "sato"),
    noun(Time, "morning", "mornings", "lerdo"),
    noun(Time, "evening", "evenings", "susura"),
    noun(Time, "summer", "summers", "dombe"),
    noun(Time, "winter", "winters", "tertur"),
    noun(Time, "night", "nights", "goke"),
];
