//! Names, which the two languages share. People live and work where their topic is at home, in both languages alike:
//! what a text says of Anna or of Lyon ties the two languages together.

use super::kind::Topic;

/// Whose name it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bearer {
    Woman,
    Man,
    Town,
}

/// The name of a person or a town.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Name {
    pub(crate) form: &'static str,
    pub(crate) bearer: Bearer,
    pub(crate) topic: Topic,
    /// Language A's word for what a person is; empty for towns.
    pub(crate) profession: &'static str,
}

const fn woman(form: &'static str, topic: Topic, profession: &'static str) -> Name {
    Name { form, bearer: Bearer::Woman, topic, profession }
}

const fn man(form: &'static str, topic: Topic, profession: &'static str) -> Name {
    Name { form, bearer: Bearer::Man, topic, profession }
}

const fn town(form: &'static str, topic: Topic) -> Name {
    Name { form, bearer: Bearer::Town, topic, profession: "" }
}

/// Four people and two towns for each topic.
#[rustfmt::skip]
pub(crate) static NAMES: &[Name] = &[
    woman("Anna", Topic::Food, "baker"),            man("Bruno", Topic::Food, "cook"),
    woman("Clara", Topic::Food, "waiter"),          man("Dario", Topic::Food, "butcher"),
    woman("Edith", Topic::Home, "gardener"),        man("Felix", Topic::Home, "carpenter"),
    woman("Greta", Topic::Home, "painter"),         man("Henrik", Topic::Home, "plumber"),
    woman("Irene", Topic::Music, "singer"),         man("Jonas", Topic::Music, "drummer"),
    woman("Karin", Topic::Music, "violinist"),      man("Leo", Topic::Music, "pianist"),
    woman("Marta", Topic::Science, "chemist"),      man("Nikolai", Topic::Science, "astronomer"),
    woman("Olga", Topic::Science, "biologist"),     man("Pavel", Topic::Science, "engineer"),
    woman("Rosa", Topic::Sport, "runner"),          man("Stefan", Topic::Sport, "swimmer"),
    woman("Tara", Topic::Sport, "goalkeeper"),      man("Ulrich", Topic::Sport, "coach"),
    woman("Vera", Topic::Travel, "tourist"),        man("Walter", Topic::Travel, "sailor"),
    woman("Yvonne", Topic::Travel, "pilot"),        man("Zeno", Topic::Travel, "guide"),
    town("Lyon", Topic::Food),                      town("Parma", Topic::Food),
    town("Delft", Topic::Home),                     town("Kyoto", Topic::Home),
    town("Vienna", Topic::Music),                   town("Seville", Topic::Music),
    town("Geneva", Topic::Science),                 town("Uppsala", Topic::Science),
    town("Cardiff", Topic::Sport),                  town("Monza", Topic::Sport),
    town("Lisbon", Topic::Travel),                  town("Oslo", Topic::Travel),
];
