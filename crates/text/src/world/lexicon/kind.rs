//! What things there are: a tree of kinds, each with the topic it belongs to.

/// The six topics of the world.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Topic {
    Food,
    Home,
    Music,
    Science,
    Sport,
    Travel,
}

impl Topic {
    pub(crate) const ALL: [Self; 6] = [Self::Food, Self::Home, Self::Music, Self::Science, Self::Sport, Self::Travel];

    /// The topic's name, in the order of the letters.
    pub(crate) const NAMES: [&str; 6] = ["food", "home", "music", "science", "sport", "travel"];

    pub(crate) fn name(self) -> &'static str {
        Self::NAMES[self as usize]
    }
}

/// A kind of thing. Verbs say what kinds they can have as subject and object, adjectives what kinds they describe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Living,
    Person,
    Cook,
    Relative,
    Worker,
    Musician,
    Scientist,
    Athlete,
    Traveller,
    Animal,
    Bird,
    Thing,
    Food,
    Fruit,
    Vegetable,
    Dessert,
    Drink,
    Utensil,
    Furniture,
    HousePart,
    Tool,
    Plant,
    Flower,
    Tree,
    Instrument,
    Piece,
    Show,
    Device,
    Substance,
    Theory,
    Trial,
    Planet,
    Game,
    Gear,
    Contest,
    Prize,
    Vehicle,
    Luggage,
    Trip,
    Work,
    Aspect,
    Place,
    Eatery,
    Room,
    Stage,
    Laboratory,
    Arena,
    Stop,
    Lodging,
    Landscape,
    Point,
    Time,
}

impl Kind {
    /// The next wider kind; `None` at the top of the tree.
    pub(crate) fn parent(self) -> Option<Self> {
        Some(match self {
            Self::Person | Self::Animal => Self::Living,
            Self::Cook | Self::Relative | Self::Worker | Self::Musician => Self::Person,
            Self::Scientist | Self::Athlete | Self::Traveller => Self::Person,
            Self::Bird => Self::Animal,
            Self::Fruit | Self::Vegetable | Self::Dessert => Self::Food,
            Self::Flower | Self::Tree => Self::Plant,
            Self::Food | Self::Drink | Self::Utensil | Self::Furniture | Self::Tool | Self::Instrument => Self::Thing,
            Self::Device | Self::Substance | Self::Gear | Self::Prize | Self::Luggage | Self::Work => Self::Thing,
            Self::Eatery | Self::Room | Self::Stage | Self::Laboratory => Self::Place,
            Self::Arena | Self::Stop | Self::Lodging | Self::Landscape => Self::Place,
            _ => return None,
        })
    }

    /// True of the kind itself and of everything wider.
    pub(crate) fn within(self, wider: Self) -> bool {
        self == wider || self.parent().is_some_and(|parent| parent.within(wider))
    }

    /// The topic that a word of this kind speaks of, if it speaks of one.
    pub(crate) fn topic(self) -> Option<Topic> {
        Some(match self {
            Self::Cook | Self::Food | Self::Drink | Self::Utensil | Self::Eatery => Topic::Food,
            Self::Relative | Self::Worker | Self::Furniture | Self::HousePart => Topic::Home,
            Self::Tool | Self::Plant | Self::Room => Topic::Home,
            Self::Musician | Self::Instrument | Self::Piece | Self::Show | Self::Stage => Topic::Music,
            Self::Scientist | Self::Device | Self::Substance | Self::Theory | Self::Trial => Topic::Science,
            Self::Planet | Self::Laboratory => Topic::Science,
            Self::Athlete | Self::Game | Self::Gear | Self::Contest | Self::Prize | Self::Arena => Topic::Sport,
            Self::Traveller | Self::Vehicle | Self::Luggage | Self::Trip => Topic::Travel,
            Self::Stop | Self::Lodging | Self::Landscape => Topic::Travel,
            _ => return self.parent().and_then(Self::topic),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_inherit_from_wider_ones() {
        assert!(Kind::Fruit.within(Kind::Thing) && Kind::Fruit.within(Kind::Fruit));
        assert!(!Kind::Food.within(Kind::Fruit) && !Kind::Bird.within(Kind::Person));
        assert_eq!((Kind::Tree.topic(), Kind::Bird.topic()), (Some(Topic::Home), None));
    }

    #[test]
    fn names_of_topics_stand_in_their_order() {
        assert!(Topic::NAMES.is_sorted());
        assert!(Topic::ALL.iter().enumerate().all(|(i, topic)| topic.name() == Topic::NAMES[i]));
    }
}
