//! Which token comes next.

use super::options::GenerateOptions;
use adaptune_tensor::Seed;
use ndarray::ArrayView1;

/// The next token for logits `[V]`, behind these tokens; `None` if a logit is not finite.
pub(super) fn next_token(
    logits: ArrayView1<'_, f32>,
    behind: &[u32],
    options: &GenerateOptions,
    seed: Seed,
) -> Option<u32> {
    if logits.iter().any(|logit| !logit.is_finite()) {
        return None;
    }
    let mut logits: Vec<f64> = logits.iter().map(|logit| f64::from(*logit)).collect();
    penalise(&mut logits, behind, options.repetition_penalty);
    if options.temperature == 0.0 {
        return largest(&logits);
    }
    logits.iter_mut().for_each(|logit| *logit /= options.temperature);
    let candidates = candidates(&logits, options);
    drawn(&candidates, seed.unit(0))
}

fn penalise(logits: &mut [f64], behind: &[u32], penalty: f64) {
    let mut seen: Vec<u32> = behind.to_vec();
    seen.sort_unstable();
    seen.dedup();
    for token in seen {
        if let Some(logit) = logits.get_mut(token as usize) {
            *logit = if *logit > 0.0 { *logit / penalty } else { *logit * penalty };
        }
    }
}

/// The largest; of equal ones the first.
fn largest(logits: &[f64]) -> Option<u32> {
    let mut best = 0;
    for (token, logit) in logits.iter().enumerate() {
        if *logit > logits[best] {
            best = token;
        }
    }
    u32::try_from(best).ok()
}

/// The tokens that may be drawn with their probabilities, the most probable first; of equal ones the first.
fn candidates(logits: &[f64], options: &GenerateOptions) -> Vec<(u32, f64)> {
    let mut order: Vec<u32> = (0..logits.len() as u32).collect();
    order.sort_by(|a, b| logits[*b as usize].total_cmp(&logits[*a as usize]));
    order.truncate(options.top_k.unwrap_or(usize::MAX));
    let most = logits[order[0] as usize];
    let weights: Vec<f64> = order.iter().map(|token| (logits[*token as usize] - most).exp()).collect();
    let sum: f64 = weights.iter().sum();
    let mut before = 0.0;
    let mut kept = Vec::new();
    for (token, weight) in order.into_iter().zip(weights) {
        // The first is always kept; its weight is 1.
        if !kept.is_empty() && (before >= options.top_p * sum || weight < options.min_p) {
            break;
        }
        before += weight;
        kept.push((token, weight));
    }
    kept
}

fn drawn(candidates: &[(u32, f64)], unit: f64) -> Option<u32> {
    let sum: f64 = candidates.iter().map(|(_, weight)| weight).sum();
    let mut rest = unit * sum;
    for (token, weight) in candidates {
        if rest < *weight {
            return Some(*token);
        }
        rest -= weight;
    }
    candidates.last().map(|(token, _)| *token)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(logits: &[f64], options: GenerateOptions) -> Vec<u32> {
        candidates(logits, &options).into_iter().map(|(token, _)| token).collect()
    }

    #[test]
    fn the_most_probable_are_kept_by_number_sum_and_share() {
        // Probabilities 0.1, 0.5, 0.25, 0.15.
        let logits = [0.1_f64, 0.5, 0.25, 0.15].map(f64::ln);
        let all = GenerateOptions::default;
        assert_eq!(kept(&logits, all()), [1, 2, 3, 0]);
        assert_eq!(kept(&logits, GenerateOptions { top_k: Some(2), ..all() }), [1, 2]);
        assert_eq!(kept(&logits, GenerateOptions { top_p: 0.5, ..all() }), [1]);
        assert_eq!(kept(&logits, GenerateOptions { top_p: 0.6, ..all() }), [1, 2]);
        assert_eq!(kept(&logits, GenerateOptions { min_p: 0.29, ..all() }), [1, 2, 3]);
        assert_eq!(kept(&logits, GenerateOptions { top_k: Some(3), top_p: 0.99, ..all() }), [1, 2, 3]);
    }

    #[test]
    fn draws_follow_the_probabilities_and_the_seed() {
        let logits = ndarray::arr1(&[1.0_f32, 2.0, 0.0]);
        let options = GenerateOptions { temperature: 0.5, ..GenerateOptions::default() };
        let mut counts = [0.0; 3];
        for i in 0..20_000 {
            let token = next_token(logits.view(), &[], &options, Seed::new(7).at(i)).expect("finite");
            counts[token as usize] += 1.0 / 20_000.0;
        }
        let weights = [2.0_f64, 4.0, 0.0].map(f64::exp);
        for (count, weight) in counts.iter().zip(weights) {
            assert!((count - weight / weights.iter().sum::<f64>()).abs() < 0.01, "{counts:?}");
        }
        let again = |seed| next_token(logits.view(), &[], &options, Seed::new(seed));
        assert_eq!(again(3), again(3));
    }

    #[test]
    fn what_is_there_already_is_less_probable_by_the_penalty() {
        let logits = ndarray::arr1(&[2.0_f32, 1.9, -1.0]);
        let options = GenerateOptions { repetition_penalty: 1.2, ..GenerateOptions::default() };
        let next = |behind: &[u32]| next_token(logits.view(), behind, &options, Seed::new(1));
        assert_eq!((next(&[]), next(&[0, 0]), next(&[0, 1])), (Some(0), Some(1), Some(0)));
        assert_eq!(next_token(ndarray::arr1(&[f32::NAN]).view(), &[], &options, Seed::new(1)), None);
    }
}
