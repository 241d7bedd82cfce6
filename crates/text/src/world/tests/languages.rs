//! The same sentences in both languages, word by word.

use super::*;
use crate::world::lexicon::{
    CAN, Degree, Determiner, FIND, LIVE, Link, NAMES, NEVER, NOT, NOUNS, Noun, Pronoun, Relation, VERBS, Verb, WHERE,
    WILL, adjectives,
};
use crate::world::meaning::{Circumstance, Clause, Denial, Head, Phrase, Predicate, Quality, Tense};
use crate::world::word::{Tag, Word};

fn noun(one: &str) -> &'static Noun {
    NOUNS.iter().find(|noun| noun.one == one).unwrap()
}

fn verb(base: &str) -> &'static Verb {
    VERBS.iter().find(|verb| verb.base == base).unwrap()
}

fn quality(degree: Option<Degree>, a: &str) -> Quality {
    Quality { degree, adjective: adjectives().find(|adjective| adjective.a == a).unwrap() }
}

fn many(determiner: Determiner, one: &str) -> Phrase {
    Phrase::new(determiner, Head::Many(noun(one)))
}

fn in_the(one: &str) -> Option<Circumstance> {
    Some(Circumstance::Phrase(Relation::In, Phrase::the(noun(one))))
}

fn anna() -> Phrase {
    Phrase::name(&NAMES[0])
}

fn serving() -> Clause {
    let bread = Phrase::the(noun("bread")).with(Some(quality(Some(Degree::Very), "fresh")));
    Clause::act(Phrase::the(noun("cook")), verb("serve"), vec![bread]).with(in_the("kitchen"))
}

/// Says the sentence in both languages; of B's words it gives A's, one by one, in B's order.
fn assert_said(sentence: &Sentence, a: &str, b: &str) {
    assert_eq!(Language::A.text(std::slice::from_ref(sentence)), a);
    let words = Language::B.say(sentence);
    assert_eq!(words.iter().map(gloss).collect::<Vec<_>>().join(" "), b, "for {a}");
}

/// What a word of language B would be in language A.
fn gloss(word: &Word) -> String {
    let form = word.form.to_lowercase();
    let verbs = VERBS.iter().chain([&FIND, &LIVE]).map(|verb| (verb.stem, verb.base));
    let verbs = verbs.chain([(language_b::BE, "be"), (language_b::EXIST, "exist")]);
    let found = match word.tag {
        Tag::Noun => NOUNS.iter().find(|noun| noun.b == form).map(|noun| noun.one.to_owned()),
        Tag::Adj => adjectives().find(|adjective| adjective.b == form).map(|adjective| adjective.a.to_owned()),
        Tag::Verb | Tag::Aux if form.ends_with("ul") => {
            verbs.into_iter().find(|(stem, _)| form == format!("{stem}ul")).map(|(_, base)| format!("{base}-past"))
        }
        Tag::Verb | Tag::Aux if form.ends_with('a') => {
            verbs.into_iter().find(|(stem, _)| form == format!("{stem}a")).map(|(_, base)| base.to_owned())
        }
        Tag::Propn | Tag::Num | Tag::Punct => Some(word.form.clone()),
        _ => particle(&form, word.tag),
    };
    found.unwrap_or_else(|| panic!("no word {word:?}"))
}

fn particle(form: &str, tag: Tag) -> Option<String> {
    let words = match tag {
        Tag::Adp => vec![Relation::In.words()],
        Tag::Adv => vec![NEVER, WHERE, Degree::Very.words(), Degree::Bit.words()],
        Tag::Aux => vec![WILL, CAN],
        Tag::Conj => [Link::And, Link::But, Link::Although, Link::Because].map(Link::words).into(),
        Tag::Det => [Determiner::The, Determiner::Many].into_iter().filter_map(Determiner::words).collect(),
        Tag::Part => vec![NOT],
        _ => {
            [Pronoun::I, Pronoun::We, Pronoun::They, Pronoun::It, Pronoun::She, Pronoun::Who].map(Pronoun::words).into()
        }
    };
    let own = [(language_b::WHETHER, "whether"), (language_b::PLURAL, "several")];
    let words = words.into_iter().map(|words| (words.b, words.a)).chain(own);
    words.into_iter().find(|(b, _)| *b == form).map(|(_, a)| a.to_owned())
}

/// Words, plural, adjectives, degree, determiner, postposition; object before verb; `not` at the end.
#[test]
fn order_and_negation_differ() {
    assert_said(
        &Sentence::Say(serving()),
        "The cook served the very fresh bread in the kitchen.",
        "cook the kitchen the in bread fresh very the serve-past .",
    );
    let denied = |denial| Sentence::Say(serving().denied(Some(denial)));
    assert_said(
        &denied(Denial::Not),
        "The cook did not serve the very fresh bread in the kitchen.",
        "cook the kitchen the in bread fresh very the serve-past not .",
    );
    assert_said(
        &denied(Denial::Never),
        "The cook never served the very fresh bread in the kitchen.",
        "cook the kitchen the in bread fresh very the never serve-past .",
    );
}

#[test]
fn verbs_agree_in_english_only() {
    let sleep = |who: Phrase, tense| Sentence::Say(Clause::act(who, verb("sleep"), Vec::new()).in_tense(tense));
    assert_said(&sleep(many(Determiner::Many, "dog"), Tense::Present), "Many dogs sleep.", "dog several many sleep .");
    assert_said(&sleep(many(Determiner::Count(3), "dog"), Tense::Future), "3 dogs will sleep.", "dog 3 sleep will .");
    assert_said(&sleep(Phrase::a(noun("owl")), Tense::Present), "An owl sleeps.", "owl sleep .");
    assert_said(&sleep(Phrase::a(noun("bread")), Tense::Possible), "Bread can sleep.", "bread sleep can .");
    let tired = |who| Sentence::Say(Clause::be(who, quality(Some(Degree::Bit), "tired")).in_tense(Tense::Present));
    assert_said(&tired(Phrase::pronoun(Pronoun::I)), "I am a bit tired.", "I tired a bit be .");
    assert_said(&tired(Phrase::pronoun(Pronoun::They)), "They are a bit tired.", "they tired a bit be .");
}

#[test]
fn questions_turn_round_or_have_a_particle() {
    assert_said(
        &Sentence::Ask(serving()),
        "Did the cook serve the very fresh bread in the kitchen?",
        "whether cook the kitchen the in bread fresh very the serve-past ?",
    );
    let sings = Clause::act(anna(), verb("sing"), vec![Phrase::a(noun("song"))]).in_tense(Tense::Present);
    assert_said(&Sentence::AskWhere(sings.clone()), "Where does Anna sing a song?", "Anna where song sing ?");
    let who = Clause { subject: vec![Phrase::pronoun(Pronoun::Who)], ..sings };
    assert_said(&Sentence::Ask(who), "Who sings a song?", "who song sing ?");
    let exist = Clause::new(many(Determiner::Count(2), "dog"), Predicate::Exist).with(in_the("garden"));
    assert_said(&Sentence::Say(exist.clone()), "There were 2 dogs in the garden.", "garden the in dog 2 exist-past .");
    assert_said(&Sentence::Ask(exist), "Were there 2 dogs in the garden?", "whether garden the in dog 2 exist-past ?");
}

#[test]
fn clauses_are_joined_before_or_behind() {
    let was = |one, adjective| Clause::be(Phrase::the(noun(one)), quality(None, adjective));
    let join = |link| Sentence::Join(link, was("film", "dull"), was("play", "good"));
    assert_said(
        &join(Link::And),
        "The film was dull and the play was good.",
        "film the dull be-past and play the good be-past .",
    );
    assert_said(
        &join(Link::But),
        "The film was dull, but the play was good.",
        "film the dull be-past , but play the good be-past .",
    );
    assert_said(
        &join(Link::Although),
        "Although the film was dull, the play was good.",
        "film the dull be-past although , play the good be-past .",
    );
    assert_said(
        &join(Link::Because),
        "The film was dull because the play was good.",
        "play the good be-past because , film the dull be-past .",
    );
    let it = Clause::be(Phrase::pronoun(Pronoun::It), quality(None, "good"));
    let correct = Sentence::Correct(was("film", "dull").denied(Some(Denial::Not)), it);
    assert_said(&correct, "The film was not dull, it was good.", "film the dull be-past not , it good be-past .");
}

#[test]
fn lists_opinions_and_relative_clauses() {
    let lives = Clause::act(Phrase::pronoun(Pronoun::Who), &LIVE, Vec::new()).in_tense(Tense::Present);
    let relative = Some(Box::new(lives.with(in_the("town"))));
    let singers = Phrase { relative, ..many(Determiner::The, "singer") };
    let found = Predicate::Find(Phrase::pronoun(Pronoun::She), quality(None, "friendly"));
    let clause = Clause::new(singers, found);
    assert_said(
        &Sentence::Say(clause),
        "The singers who live in the town found her friendly.",
        "singer several the who town the in live she friendly find-past .",
    );
    let things = [Phrase::a(noun("apple")), anna(), Phrase::a(noun("saw"))];
    let clause = Clause::act(Phrase::pronoun(Pronoun::We), verb("see"), things.to_vec());
    assert_said(&Sentence::Say(clause), "We saw an apple, Anna and a saw.", "we apple and Anna and saw see-past .");
    let tool = Phrase::a(noun("tool")).with(Some(quality(None, "useless")));
    let is = Clause::new(Phrase::the(noun("saw")), Predicate::BeOne(tool)).in_tense(Tense::Present);
    assert_said(&Sentence::Say(is), "The saw is a useless tool.", "saw the tool useless be .");
}
