//! Candidates by chance. Every draw is a function of the seed and of where it is used.

use super::candidate::Candidate;
use super::error::SearchError;
use super::space::{SearchedMethod, Space};
use adaptune_tensor::Seed;
use adaptune_transformer::Config;
use serde_json::Value;

/// Draw number `index` of a stream, as one of a list.
pub(super) fn one_of<T>(list: &[T], seed: Seed, index: u64) -> &T {
    &list[below(list.len(), seed, index)]
}

/// Draw number `index` of a stream, as a whole number below `end`.
pub(super) fn below(end: usize, seed: Seed, index: u64) -> usize {
    ((seed.unit(index) * end as f64) as usize).min(end.saturating_sub(1))
}

/// A candidate, whatever its size.
pub(super) fn candidate(space: &Space, model: &Config, seed: Seed) -> Candidate {
    let method = below(space.methods.len(), seed, 0);
    let searched = &space.methods[method];
    let value = |(i, (name, values)): (usize, &(String, Vec<Value>))| {
        (name.clone(), one_of(values, seed.named("field"), i as u64).clone())
    };
    Candidate {
        method,
        name: searched.name.clone(),
        fields: searched.fields.iter().enumerate().map(value).collect(),
        factors: factors(searched, model.blocks(), seed.named("factors")),
        rate: *one_of(space.rates_of(searched), seed, 1),
    }
}

/// The factors of blocks in one of three forms: all the same, each by itself, or wider from block to block. Upper blocks often
/// need more than lower ones, and in a wide space independent draws are never so by chance.
fn factors(searched: &SearchedMethod, blocks: usize, seed: Seed) -> Vec<Option<f64>> {
    let factors = &searched.factors;
    if factors.is_empty() {
        return Vec::new();
    }
    let (form, of_blocks) = (below(3, seed, 0), seed.named("block"));
    let draw = |block: usize| {
        if form == 0 { below(factors.len(), of_blocks, 0) } else { below(factors.len(), of_blocks, block as u64) }
    };
    let mut places: Vec<usize> = (0..blocks).map(draw).collect();
    if form == 2 {
        places.sort_unstable();
    }
    places.into_iter().map(|place| factors[place]).collect()
}

/// The smallest candidate of a space, with its size: the smallest value of each field, the narrowest width, one block.
///
/// # Errors
/// No configuration of a method fits the model.
pub(super) fn smallest(space: &Space, model: &Config) -> Result<(Candidate, u64), SearchError> {
    let of_methods = (0..space.methods.len()).map(|method| smallest_of(space, method, model));
    let all = of_methods.collect::<Result<Vec<_>, _>>()?;
    all.into_iter().min_by_key(|(_, size)| *size).ok_or(SearchError::Empty("methods"))
}

fn smallest_of(space: &Space, method: usize, model: &Config) -> Result<(Candidate, u64), SearchError> {
    let searched = &space.methods[method];
    let narrowest = searched.factors.iter().flatten().next().copied();
    let first = |(name, values): &(String, Vec<Value>)| (name.clone(), values[0].clone());
    let mut found = Candidate {
        method,
        name: searched.name.clone(),
        fields: searched.fields.iter().map(first).collect(),
        factors: narrowest.map_or_else(Vec::new, |factor| vec![Some(factor); model.blocks()]),
        rate: space.rates_of(searched)[0],
    };
    if searched.factors.first() == Some(&None) {
        found.factors.iter_mut().skip(1).for_each(|factor| *factor = None);
    }
    for (name, values) in &searched.fields {
        let with = |value: &Value| {
            let mut next = found.clone();
            next.set(name, value.clone());
            next
        };
        let sized = values.iter().map(with).filter_map(|next| Some((next.size(model)?, next)));
        found = sized.min_by_key(|(size, _)| *size).map_or(found.clone(), |(_, next)| next);
    }
    let fits = found.read()?.size(model);
    let configuration = found.text();
    match fits {
        Ok(size) => Ok((found, size.parameters())),
        Err(source) => Err(SearchError::DoesNotFit { configuration, source }),
    }
}
