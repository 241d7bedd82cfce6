//! What follows from what: the rule behind the entailment task.
//!
//! It compares statements of one of three forms:
//!
//! | form | example |
//! |---|---|
//! | deed | `Anna did (not) buy a red apple at the market.` |
//! | count | `All / some / no / 3 dogs slept in the garden.` |
//! | state | `The table was (not) very old.` |
//!
//! A description can be *narrower* than another: `a red apple` is narrower than `an apple`, and that than `a fruit`.
//! What is so of the narrower is so of the wider, and what is denied of the wider is denied of the narrower (van Benthem,
//! *Essays in Logical Semantics*, 1986; MacCartney and Manning, *Natural logic for textual inference*, 2007). Numbers
//! mean exactly as many, and `all dogs` means that there are dogs.

use super::lexicon::Determiner;
use super::meaning::{Clause, Denial, Phrase, Predicate, Quality};

/// How a hypothesis stands to a premise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Verdict {
    Contradiction,
    Entailment,
    Neutral,
}

impl Verdict {
    pub(super) const ALL: [Self; 3] = [Self::Contradiction, Self::Entailment, Self::Neutral];
    pub(super) const NAMES: [&str; 3] = ["contradiction", "entailment", "neutral"];

    pub(super) fn name(self) -> &'static str {
        Self::NAMES[self as usize]
    }

    fn if_so(self, holds: bool) -> Self {
        if holds { self } else { Self::Neutral }
    }
}

/// Judges a hypothesis; `None` if people would not agree on it.
pub(super) fn judge(premise: &Clause, hypothesis: &Clause) -> Option<Verdict> {
    match (quantity(premise), quantity(hypothesis)) {
        (None, None) => Some(judge_individuals(premise, hypothesis)),
        (Some(from), Some(to)) => judge_counts(premise, from, hypothesis, to),
        _ => None,
    }
}

/// `All`, `Some`, `No` or a number of things, if the statement counts.
fn quantity(clause: &Clause) -> Option<Determiner> {
    let determiner = clause.subject.first()?.determiner;
    matches!(determiner, Determiner::All | Determiner::Some | Determiner::No | Determiner::Count(_))
        .then_some(determiner)
}

/// Deeds and states of one and the same.
fn judge_individuals(premise: &Clause, hypothesis: &Clause) -> Verdict {
    if premise.subject != hypothesis.subject {
        return Verdict::Neutral;
    }
    let denied = |clause: &Clause| clause.denial == Some(Denial::Not);
    match (denied(premise), denied(hypothesis)) {
        (false, false) if excludes(premise, hypothesis) => Verdict::Contradiction,
        (false, true) if excludes(premise, hypothesis) => Verdict::Entailment,
        (false, false) => Verdict::Entailment.if_so(narrower(premise, hypothesis)),
        (false, true) => Verdict::Contradiction.if_so(narrower(premise, hypothesis)),
        (true, true) => Verdict::Entailment.if_so(narrower(hypothesis, premise)),
        (true, false) => Verdict::Contradiction.if_so(narrower(hypothesis, premise)),
    }
}

/// Nothing is old and new at once, however old or new it is.
fn excludes(one: &Clause, other: &Clause) -> bool {
    match (&one.predicate, &other.predicate) {
        (Predicate::Be(one), Predicate::Be(other)) => match (&one[..], &other[..]) {
            ([one], [other]) => one.adjective.opposite() == Some(other.adjective),
            _ => false,
        },
        _ => false,
    }
}

fn judge_counts(premise: &Clause, from: Determiner, hypothesis: &Clause, to: Determiner) -> Option<Verdict> {
    use Determiner::{All, Count, No, Some as Few};
    let (things, others) = (&premise.subject[0], &hypothesis.subject[0]);
    let (up, down) = (phrase_narrower(things, others), phrase_narrower(others, things));
    let does = narrower(premise, hypothesis);
    Some(match (from, to) {
        (All, All) => Verdict::Entailment.if_so(down && does),
        (All, Few) => Verdict::Entailment.if_so((up || down) && does),
        (All, No) => Verdict::Contradiction.if_so((up || down) && does),
        (Few | Count(_), Few) => Verdict::Entailment.if_so(up && does),
        (Few | Count(_), No) => Verdict::Contradiction.if_so(up && does),
        (No, No) => Verdict::Entailment.if_so(down && narrower(hypothesis, premise)),
        (No, _) => Verdict::Contradiction.if_so(down && narrower(hypothesis, premise)),
        (Count(from), Count(to)) if up && down && premise.circumstances == hypothesis.circumstances => {
            if from == to {
                Verdict::Entailment
            } else {
                Verdict::Contradiction
            }
        }
        // `3 dogs slept`: did 3 animals sleep?
        (Count(_), Count(_)) => return None,
        _ => Verdict::Neutral,
    })
}

/// True if whatever does `narrow` does `wide`, whoever it is.
fn narrower(narrow: &Clause, wide: &Clause) -> bool {
    let predicates = match (&narrow.predicate, &wide.predicate) {
        (Predicate::Act(verb, objects), Predicate::Act(other, others)) => {
            verb == other
                && objects.len() == others.len()
                && objects.iter().zip(others).all(|(object, other)| phrase_narrower(object, other))
        }
        (Predicate::Be(qualities), Predicate::Be(others)) => qualities_narrower(qualities, others),
        _ => false,
    };
    predicates && wide.circumstances.iter().all(|circumstance| narrow.circumstances.contains(circumstance))
}

fn phrase_narrower(narrow: &Phrase, wide: &Phrase) -> bool {
    let heads = match (narrow.head.noun(), wide.head.noun()) {
        (Some(noun), Some(other)) => noun.is_a(other),
        _ => narrow.head == wide.head,
    };
    heads && qualities_narrower(&narrow.qualities, &wide.qualities)
}

/// `very old` is narrower than `old`, and `old and red` than either.
fn qualities_narrower(narrow: &[Quality], wide: &[Quality]) -> bool {
    let within = |quality: &Quality, other: &Quality| {
        quality.adjective == other.adjective && (other.degree.is_none() || other.degree == quality.degree)
    };
    wide.iter().all(|other| narrow.iter().any(|quality| within(quality, other)))
}

#[cfg(test)]
mod tests {
    use super::super::lexicon::{Degree, LIVE, NAMES, NOUNS, Relation, VERBS, adjectives};
    use super::super::meaning::{Circumstance, Head};
    use super::*;
    use Verdict::{Contradiction, Entailment, Neutral};

    fn head(one: &str) -> Head {
        Head::Many(NOUNS.iter().find(|noun| noun.one == one).unwrap())
    }

    fn quality(degree: Option<Degree>, a: &str) -> Quality {
        Quality { degree, adjective: adjectives().find(|adjective| adjective.a == a).unwrap() }
    }

    /// `+ red apple` or `- red apple`: Anna bought it, or did not.
    fn deed(text: &str) -> Clause {
        let words: Vec<_> = text.split(' ').collect();
        let buy = VERBS.iter().find(|verb| verb.base == "buy").unwrap();
        let what = Phrase::new(Determiner::Indefinite, head(words[words.len() - 1]));
        let what = words[1..words.len() - 1].iter().fold(what, |what, word| what.with(Some(quality(None, word))));
        let clause = Clause::act(Phrase::name(&NAMES[0]), buy, vec![what]);
        clause.denied((words[0] == "-").then_some(Denial::Not))
    }

    /// `All dog`: all dogs lived; with `in` behind it, in the garden.
    fn count(determiner: Determiner, text: &str) -> Clause {
        let noun = text.split(' ').next().unwrap();
        let garden = || Circumstance::Phrase(Relation::In, Phrase::new(Determiner::The, head("garden")));
        let clause = Clause::act(Phrase::new(determiner, head(noun)), &LIVE, Vec::new());
        clause.with(text.ends_with(" in").then(garden))
    }

    fn state(denied: bool, degree: Option<Degree>, a: &str) -> Clause {
        let clause = Clause::be(Phrase::new(Determiner::The, head("table")), quality(degree, a));
        clause.denied(denied.then_some(Denial::Not))
    }

    #[test]
    fn deeds_follow_from_narrower_deeds_and_denials_from_wider_denials() {
        for (premise, hypothesis, verdict) in [
            ("+ apple", "+ fruit", Entailment),
            ("+ apple", "+ food", Entailment),
            ("+ red ball", "+ ball", Entailment),
            ("+ fruit", "+ apple", Neutral),
            ("+ apple", "+ pear", Neutral),
            ("+ ball", "+ red ball", Neutral),
            ("+ apple", "- fruit", Contradiction),
            ("+ apple", "- pear", Neutral),
            ("- fruit", "- apple", Entailment),
            ("- ball", "- red ball", Entailment),
            ("- apple", "- fruit", Neutral),
            ("- fruit", "+ apple", Contradiction),
            ("- apple", "+ fruit", Neutral),
        ] {
            assert_eq!(judge(&deed(premise), &deed(hypothesis)), Some(verdict), "{premise} / {hypothesis}");
        }
    }

    #[test]
    fn quantities_follow_from_one_another() {
        use Determiner::{All, Count, No, Some as Few};
        for (from, premise, to, hypothesis, verdict) in [
            (All, "animal", All, "dog", Some(Entailment)),
            (All, "dog", All, "animal", Some(Neutral)),
            (All, "dog in", Few, "animal", Some(Entailment)),
            (All, "dog", No, "animal", Some(Contradiction)),
            (All, "dog", Count(3), "dog", Some(Neutral)),
            (Few, "dog in", Few, "animal", Some(Entailment)),
            (Few, "dog", Few, "animal in", Some(Neutral)),
            (Few, "dog", All, "dog", Some(Neutral)),
            (Few, "dog", No, "animal", Some(Contradiction)),
            (Few, "animal", No, "dog", Some(Neutral)),
            (No, "animal", No, "dog in", Some(Entailment)),
            (No, "dog in", No, "dog", Some(Neutral)),
            (No, "animal", Few, "dog in", Some(Contradiction)),
            (No, "animal", Count(2), "dog", Some(Contradiction)),
            (Count(2), "dog", Few, "animal", Some(Entailment)),
            (Count(2), "dog", No, "dog", Some(Contradiction)),
            (Count(2), "dog", Count(5), "dog", Some(Contradiction)),
            (Count(2), "dog in", Count(2), "dog in", Some(Entailment)),
            (Count(2), "dog", Count(2), "animal", None),
        ] {
            let found = judge(&count(from, premise), &count(to, hypothesis));
            assert_eq!(found, verdict, "{from:?} {premise} / {to:?} {hypothesis}");
        }
    }

    #[test]
    fn opposites_exclude_each_other() {
        let very = Some(Degree::Very);
        for (premise, hypothesis, verdict) in [
            (state(false, very, "old"), state(false, None, "old"), Entailment),
            (state(false, None, "old"), state(false, very, "old"), Neutral),
            (state(false, None, "old"), state(false, very, "new"), Contradiction),
            (state(false, None, "old"), state(true, very, "new"), Entailment),
            (state(true, None, "old"), state(false, None, "new"), Neutral),
            (state(true, None, "old"), state(true, very, "old"), Entailment),
            (state(true, very, "old"), state(false, very, "old"), Contradiction),
            (state(true, very, "old"), state(true, None, "old"), Neutral),
            (state(false, None, "old"), state(false, None, "red"), Neutral),
        ] {
            assert_eq!(judge(&premise, &hypothesis), Some(verdict), "{premise:?}\n{hypothesis:?}");
        }
        assert_eq!(
            judge(&deed("+ apple"), &count(Determiner::All, "dog")),
            None,
            "they have nothing to do with each other"
        );
    }
}
