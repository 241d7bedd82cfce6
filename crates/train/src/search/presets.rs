//! The presets of a space's methods, as they are in the registry: what a search has to be better than.

use super::candidate::Candidate;
use super::notation::BY_BLOCK;
use super::space::Space;
use adaptune_transformer::Config;
use serde_json::json;

/// The preset of each method, with the middle one of its learning rates. Where it is larger than the limit, all of its blocks are made narrower alike, or the
/// rank is made smaller, by powers of two until it is within; a preset that cannot be made so is left out.
pub(super) fn presets(space: &Space, model: &Config, most: u64) -> Vec<Candidate> {
    let mut found: Vec<Candidate> = Vec::new();
    for (method, searched) in space.methods.iter().enumerate() {
        let rates = space.rates_of(searched);
        let (name, rate) = (searched.name.clone(), rates[rates.len() / 2]);
        let preset = Candidate { method, name, fields: Vec::new(), factors: Vec::new(), rate };
        found.extend(within(preset, model, most).filter(|next| !found.iter().any(|other| other.text() == next.text())));
    }
    found
}

fn within(preset: Candidate, model: &Config, most: u64) -> Option<Candidate> {
    let smaller = || {
        let powers = (0..=16).map(|power| 1_u64 << power);
        let narrower = powers.clone().map(|factor| (BY_BLOCK, factor));
        narrower.chain(powers.rev().map(|rank| ("r", rank)))
    };
    let set = |(name, value): (&str, u64)| {
        let mut next = preset.clone();
        next.set(name, json!(value));
        next
    };
    let size = preset.size(model)?;
    let fits = |candidate: &Candidate| candidate.size(model).is_some_and(|found| found <= most && found <= size);
    std::iter::once(preset.clone()).chain(smaller().map(set)).find(fits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn presets_are_as_they_are_or_as_large_as_the_limit_allows() {
        let model = Config::bert(384, 6, 12, 1536);
        let methods = ["seq_bn", "lora@1e-3|2e-3|4e-3", "ia3", "seq_bn[dropout=0.1]"].map(|text| text.parse().unwrap());
        let space = Space { methods: methods.into(), rates: vec![1e-3] };
        let texts = |most| -> Vec<String> { presets(&space, &model, most).iter().map(Candidate::text).collect() };
        assert_eq!(texts(1_000_000), ["seq_bn", "lora", "ia3"]);
        assert_eq!(texts(22_000), ["seq_bn[reduction_factor=128]", "lora[r=2]", "ia3"]);
        // One unit in each of six blocks has 6 (2 · 384 + 384 + 1) numbers.
        assert_eq!(texts(6_918), ["seq_bn[reduction_factor=256]"]);
        assert!(texts(6_917).is_empty());
        assert_eq!(presets(&space, &model, 1_000_000)[1].rate, 2e-3);
    }
}
