//! Candidates that differ a little from another one.

use super::candidate::Candidate;
use super::draw::{below, one_of};
use super::space::Space;
use adaptune_tensor::Seed;
use adaptune_transformer::Config;

/// What differs in a child.
#[derive(Clone, Copy, PartialEq)]
enum Change {
    /// One block is a step wider, another a step narrower.
    Move,
    /// One block has another width.
    Redraw,
    /// Two blocks change their widths with each other.
    Swap,
    /// A field that blocks have in common.
    Field,
    /// The learning rate.
    Rate,
}

/// A candidate with one or two changes.
pub(super) fn child(space: &Space, model: &Config, parent: &Candidate, seed: Seed) -> Candidate {
    let changes = possible(space, parent);
    let mut child = parent.clone();
    for number in 0..=below(2, seed, 0) as u64 {
        let seed = seed.named("change").at(number);
        apply(*one_of(&changes, seed, 0), space, model, &mut child, seed);
    }
    child
}

/// What can be changed. Widths count three times, since there is most to choose in them.
fn possible(space: &Space, parent: &Candidate) -> Vec<Change> {
    let searched = parent.searched(space);
    let widths = [Change::Move, Change::Redraw, Change::Swap].into_iter().filter(|_| searched.factors.len() > 1);
    let fields = [Change::Field].into_iter().filter(|_| !searched.fields.is_empty());
    widths.chain(fields).chain([Change::Rate]).collect()
}

fn apply(change: Change, space: &Space, model: &Config, child: &mut Candidate, seed: Seed) {
    let searched = child.searched(space);
    match change {
        Change::Field => {
            let (name, values) = one_of(&searched.fields, seed, 1);
            child.set(name, one_of(values, seed, 2).clone());
        }
        Change::Rate => child.rate = *one_of(space.rates_of(searched), seed, 1),
        Change::Move | Change::Redraw | Change::Swap => {
            let mut factors = child.factors_of_blocks(model);
            change_widths(change, &mut factors, &searched.factors, seed);
            // A preset's factor, or a field's, gives way to those of the blocks.
            child.fields.retain(|(name, _)| name != super::notation::BY_BLOCK);
            child.factors = factors;
        }
    }
}

fn change_widths(change: Change, factors: &mut [Option<f64>], known: &[Option<f64>], seed: Seed) {
    if factors.is_empty() {
        return;
    }
    let (one, other) = (below(factors.len(), seed, 1), below(factors.len(), seed, 2));
    match change {
        Change::Move => {
            factors[one] = step(factors[one], known, true);
            factors[other] = step(factors[other], known, false);
        }
        Change::Swap => factors.swap(one, other),
        _ => factors[one] = *one_of(known, seed, 3),
    }
}

/// The next wider or narrower factor of those that are known, which begin with the narrowest; at an end it stays.
fn step(factor: Option<f64>, known: &[Option<f64>], wider: bool) -> Option<f64> {
    let width = |factor: &Option<f64>| factor.map_or(0.0, f64::recip);
    let found = match wider {
        true => known.iter().find(|other| width(other) > width(&factor)),
        false => known.iter().rfind(|other| width(other) < width(&factor)),
    };
    found.copied().unwrap_or(factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_end_at_the_ends() {
        let known = [None, Some(64.0), Some(16.0)];
        assert_eq!((step(None, &known, true), step(Some(64.0), &known, true)), (Some(64.0), Some(16.0)));
        assert_eq!((step(Some(16.0), &known, true), step(None, &known, false)), (Some(16.0), None));
        // A preset's width may be none of those in the space.
        assert_eq!((step(Some(32.0), &known, true), step(Some(32.0), &known, false)), (Some(16.0), Some(64.0)));
    }

    #[test]
    fn children_of_a_preset_differ_from_it_in_one_or_two_things() {
        let model = Config::bert(64, 4, 4, 128);
        let text = "seq_bn[reduction_factor=each(4|8|16|32|none),non_linearity=relu|gelu]@1e-3|3e-3";
        let space = Space { methods: vec![text.parse().unwrap()], rates: vec![] };
        let preset = Candidate { method: 0, name: "seq_bn".into(), fields: vec![], factors: vec![], rate: 1e-3 };
        let children: Vec<Candidate> = (0..200).map(|n| child(&space, &model, &preset, Seed::new(n))).collect();
        let differing = |child: &Candidate| {
            let blocks = child.factors_of_blocks(&model).iter().filter(|factor| **factor != Some(16.0)).count();
            blocks + child.fields.len() + usize::from(child.rate != 1e-3)
        };
        assert!(children.iter().all(|child| differing(child) <= 4));
        assert!(children.iter().filter(|child| differing(child) > 0).count() > 100);
        assert!(children.iter().any(|child| child.factors.contains(&None)));
        assert_eq!(child(&space, &model, &preset, Seed::new(3)), children[3]);
    }
}
