//! The small words: those of which each language has only a few, and which carry the grammar.

/// A word that does not change, in both languages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Words {
    pub(crate) a: &'static str,
    pub(crate) b: &'static str,
}

const fn words(a: &'static str, b: &'static str) -> Words {
    Words { a, b }
}

pub(crate) const NOT: Words = words("not", "vit");
pub(crate) const NEVER: Words = words("never", "tam");
pub(crate) const HARDLY: Words = words("hardly", "fuk");
pub(crate) const WHERE: Words = words("where", "kas");
pub(crate) const WILL: Words = words("will", "doz");
pub(crate) const CAN: Words = words("can", "der");

/// How something is done.
pub(crate) static MANNERS: [Words; 8] = [
    words("slowly", "luzin"),
    words("quickly", "niz"),
    words("quietly", "pekan"),
    words("carefully", "duz"),
    words("well", "tolvel"),
    words("alone", "zim"),
    words("fast", "lor"),
    words("hard", "zul"),
];

/// When something happened.
pub(crate) static TIMES: [Words; 4] =
    [words("yesterday", "sek"), words("today", "bez"), words("early", "zimbus"), words("late", "bitis")];

/// How often something happens.
pub(crate) static FREQUENCIES: [Words; 3] = [words("often", "tur"), words("always", "mut"), words("sometimes", "lom")];

/// How strongly an adjective is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Degree {
    Very,
    Really,
    Extremely,
    Rather,
    Quite,
    Slightly,
    /// Two words in language A.
    Bit,
    /// More than one likes: `too loud` is a complaint.
    Too,
}

impl Degree {
    /// All but [`Degree::Too`], which changes what an adjective says.
    pub(crate) const SHADES: [Self; 7] =
        [Self::Very, Self::Really, Self::Extremely, Self::Rather, Self::Quite, Self::Slightly, Self::Bit];

    pub(crate) fn words(self) -> Words {
        match self {
            Self::Very => words("very", "zek"),
            Self::Really => words("really", "suz"),
            Self::Extremely => words("extremely", "vem"),
            Self::Rather => words("rather", "zoz"),
            Self::Quite => words("quite", "mor"),
            Self::Slightly => words("slightly", "fok"),
            Self::Bit => words("a bit", "vik"),
            Self::Too => words("too", "zam"),
        }
    }
}

/// Where something is or how it takes part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Relation {
    In,
    At,
    On,
    With,
    For,
}

impl Relation {
    pub(crate) fn words(self) -> Words {
        match self {
            Self::In => words("in", "vam"),
            Self::At => words("at", "kot"),
            Self::On => words("on", "ver"),
            Self::With => words("with", "fet"),
            Self::For => words("for", "kuk"),
        }
    }
}

/// How two clauses hang together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Link {
    And,
    /// What comes after it is what counts.
    But,
    So,
    Because,
    /// The other clause is what counts.
    Although,
}

impl Link {
    pub(crate) fn words(self) -> Words {
        match self {
            Self::And => words("and", "lis"),
            Self::But => words("but", "guk"),
            Self::So => words("so", "kuk"),
            Self::Because => words("because", "kom"),
            Self::Although => words("although", "lun"),
        }
    }
}

/// What stands for a noun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pronoun {
    I,
    We,
    He,
    She,
    It,
    They,
    Nobody,
    Everybody,
    /// In questions and relative clauses, of people.
    Who,
    /// In relative clauses, of things.
    That,
}

impl Pronoun {
    /// In language A, what stands before the verb.
    pub(crate) fn words(self) -> Words {
        match self {
            Self::I => words("I", "luz"),
            Self::We => words("we", "zos"),
            Self::He => words("he", "git"),
            Self::She => words("she", "git"),
            Self::It => words("it", "gek"),
            Self::They => words("they", "zaz"),
            Self::Nobody => words("nobody", "dum"),
            Self::Everybody => words("everybody", "fel"),
            Self::Who => words("who", "lez"),
            Self::That => words("that", "lez"),
        }
    }

    /// Language A's form behind verbs and prepositions. Language B has one form only.
    pub(crate) fn object(self) -> &'static str {
        match self {
            Self::I => "me",
            Self::We => "us",
            Self::He => "him",
            Self::She => "her",
            Self::They => "them",
            _ => self.words().a,
        }
    }
}

/// What says which, or how many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Determiner {
    The,
    This,
    That,
    /// `a`; nothing in language B, and nothing before what cannot be counted.
    Indefinite,
    Every,
    No,
    Some,
    All,
    Many,
    My,
    Our,
    His,
    Her,
    Their,
    /// Written in figures.
    Count(u16),
}

impl Determiner {
    /// `None` where it is no word: figures, and the indefinite one, which is none in B.
    pub(crate) fn words(self) -> Option<Words> {
        Some(match self {
            Self::The => words("the", "fos"),
            Self::This => words("this", "gek"),
            Self::That => words("that", "dos"),
            Self::Every => words("every", "sut"),
            Self::No => words("no", "sis"),
            Self::Some => words("some", "nol"),
            Self::All => words("all", "vur"),
            Self::Many => words("many", "zok"),
            Self::My => words("my", "kiz"),
            Self::Our => words("our", "luk"),
            Self::His => words("his", "lin"),
            Self::Her => words("her", "lin"),
            Self::Their => words("their", "zaz"),
            Self::Indefinite | Self::Count(_) => return None,
        })
    }
}
