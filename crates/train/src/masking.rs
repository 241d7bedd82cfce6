//! Hiding tokens, for masked language modelling (Devlin et al., 2019).

use adaptune_tensor::Seed;

/// How tokens are hidden from a model that is to find them.
///
/// Each token of the text is chosen with probability `rate`, and at least one of every sequence is. Of the chosen ones 80 %
/// are replaced by the mask token, 10 % by a random token, and 10 % stay as they are, so that the model has to have an
/// opinion about every token. Which ones is a matter of the seed alone.
///
/// ```
/// use adaptune_tensor::Seed;
/// use adaptune_train::Masking;
/// let masking = Masking { rate: 0.3, mask: 4, vocabulary: 100, special: vec![0, 1, 2, 3, 4], summarise: false };
/// let text = [2, 17, 23, 42, 3];
/// let hidden = masking.hide(&text, Seed::new(0));
/// assert!(!hidden.places.is_empty() && hidden.places.iter().all(|place| (1..4).contains(place)));
/// assert_eq!(hidden, masking.hide(&text, Seed::new(0)));
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Masking {
    /// The share of tokens that is chosen.
    pub rate: f64,
    /// The token that stands for a hidden one.
    pub mask: u32,
    /// Random tokens are drawn below this.
    pub vocabulary: u32,
    /// Tokens that are never chosen and never drawn: those that mark beginnings, ends and the like.
    pub special: Vec<u32>,
    /// The first token of a text, which marks its beginning, has to predict one of the hidden tokens, drawn at random. Nothing else
    /// would teach it anything about the text, and it is the one that heads read. (RetroMAE, Xiao et al., 2022, has a
    /// decoder find hidden tokens from it.)
    pub summarise: bool,
}

/// A text with some of its tokens hidden.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hidden {
    /// What the model gets to see.
    pub token_ids: Vec<u32>,
    /// Where tokens were chosen.
    pub places: Vec<usize>,
    /// What the first token has to predict.
    pub summary: Option<u32>,
}

impl Masking {
    /// Hides some tokens of a text; none if all are special.
    #[must_use]
    pub fn hide(&self, text: &[u32], seed: Seed) -> Hidden {
        let places = self.choose(text, seed.at(0));
        let mut token_ids = text.to_vec();
        for &place in &places {
            token_ids[place] = self.replacement(text[place], seed.at(1).at(place as u64));
        }
        let summary = if self.summarise { any(&places, seed.at(2)).map(|place| text[place]) } else { None };
        Hidden { token_ids, places, summary }
    }

    /// True if a text has a token that can be hidden.
    pub(crate) fn can_hide(&self, text: &[u32]) -> bool {
        text.iter().any(|token| !self.special.contains(token))
    }

    fn choose(&self, text: &[u32], seed: Seed) -> Vec<usize> {
        let candidates: Vec<usize> = (0..text.len()).filter(|i| !self.special.contains(&text[*i])).collect();
        let chosen: Vec<usize> = candidates.iter().copied().filter(|i| seed.unit(*i as u64) < self.rate).collect();
        if chosen.is_empty() { any(&candidates, seed.at(1)).into_iter().collect() } else { chosen }
    }

    fn replacement(&self, token: u32, seed: Seed) -> u32 {
        match seed.unit(0) {
            kind if kind < 0.8 => self.mask,
            kind if kind < 0.9 => self.random(seed.at(1)).unwrap_or(token),
            _ => token,
        }
    }

    /// A token that is not special; none if chance finds none.
    fn random(&self, seed: Seed) -> Option<u32> {
        let draws = (0..64).map(|i| (seed.unit(i) * f64::from(self.vocabulary)) as u32);
        draws.into_iter().find(|token| !self.special.contains(token))
    }
}

/// One of the places; none if there are none.
fn any(places: &[usize], seed: Seed) -> Option<usize> {
    places.get((seed.unit(0) * places.len() as f64) as usize).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MASKING: Masking = Masking { rate: 0.2, mask: 4, vocabulary: 50, special: Vec::new(), summarise: false };

    fn masking() -> Masking {
        Masking { special: vec![0, 1, 2, 3, 4], ..MASKING }
    }

    #[test]
    fn the_shares_are_as_they_should_be() {
        let text: Vec<u32> = (0..40_000).map(|i| 5 + i % 45).collect();
        let hidden = masking().hide(&text, Seed::new(3));
        let share = |n: usize, of: usize| n as f64 / of as f64;
        let chosen = hidden.places.len();
        let masked = hidden.places.iter().filter(|p| hidden.token_ids[**p] == 4).count();
        let kept = hidden.places.iter().filter(|p| hidden.token_ids[**p] == text[**p]).count();
        // Five standard deviations of the counts.
        assert!((share(chosen, text.len()) - 0.2).abs() < 0.01, "{chosen}");
        assert!((share(masked, chosen) - 0.8).abs() < 0.023, "{masked} of {chosen}");
        assert!((share(kept, chosen) - 0.1 - 0.1 / 45.0).abs() < 0.018, "{kept} of {chosen}");
        let touched = (0..text.len()).filter(|i| hidden.token_ids[*i] != text[*i]);
        assert!(touched.into_iter().all(|i| hidden.places.contains(&i)));
    }

    #[test]
    fn special_tokens_are_neither_hidden_nor_drawn() {
        for seed in 0..200 {
            let hidden = masking().hide(&[2, 7, 3, 8, 3], Seed::new(seed));
            assert!(!hidden.places.is_empty() && hidden.places.iter().all(|p| [1, 3].contains(p)));
            assert!([1, 3].into_iter().all(|p| hidden.token_ids[p] >= 4));
        }
        assert!(masking().hide(&[2, 3], Seed::new(0)).places.is_empty() && !masking().can_hide(&[2, 3]));
    }

    #[test]
    fn the_first_token_is_asked_for_any_of_the_hidden_tokens() {
        let masking = Masking { summarise: true, rate: 0.5, ..masking() };
        let text = [2, 7, 8, 9, 3];
        let (mut first, mut asked) = (0, 0);
        for hidden in (0..400).map(|seed| masking.hide(&text, Seed::new(seed))) {
            let summary = hidden.summary.expect("something is hidden");
            assert!(hidden.places.iter().any(|place| text[*place] == summary));
            if hidden.places.len() == 2 {
                asked += 1;
                first += usize::from(text[hidden.places[0]] == summary);
            }
        }
        assert!(asked > 100 && (asked * 2 / 5..asked * 3 / 5).contains(&first), "{first} of {asked}");
    }

    #[test]
    fn seeds_choose_differently() {
        let text: Vec<u32> = (5..45).collect();
        let places = |seed| masking().hide(&text, Seed::new(seed)).places;
        assert_ne!(places(1), places(2));
    }
}
