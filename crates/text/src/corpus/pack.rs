//! Sequences put together into examples of full length.

use adaptune_train::{Example, Sequence, Target};
use std::collections::BTreeMap;

/// Tokens with, for each, whether it is learnt; the first one never is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Marked {
    pub(super) tokens: Vec<u32>,
    pub(super) counts: Vec<bool>,
}

impl Marked {
    /// How many tokens are learnt.
    pub(super) fn learnt(&self) -> usize {
        self.counts.iter().skip(1).filter(|counts| **counts).count()
    }

    /// The same with the token that ends a text behind it, if it is not there.
    pub(super) fn ended(mut self, end: Option<u32>) -> Self {
        if let Some(end) = end.filter(|end| self.tokens.last() != Some(end)) {
            self.tokens.push(end);
            self.counts.push(true);
        }
        self
    }

    /// Sequences of at most so many tokens, each of which begins with the last token of the one before.
    pub(super) fn pieces(self, most: usize) -> Vec<Self> {
        let (all, step) = (self.tokens.len(), most.max(2) - 1);
        let piece = |start: usize| {
            let range = start..all.min(start + step + 1);
            Self { tokens: self.tokens[range.clone()].to_vec(), counts: self.counts[range].to_vec() }
        };
        (0..all.saturating_sub(1)).step_by(step).map(piece).collect()
    }
}

/// Examples of at most so many tokens: the longest sequences first, each where the least room is left that is enough.
pub(super) fn examples(mut sequences: Vec<Marked>, most: usize) -> Vec<Example> {
    sequences.sort_by_key(|sequence| std::cmp::Reverse(sequence.tokens.len()));
    let (mut packs, mut by_room): (Vec<Vec<Marked>>, BTreeMap<usize, Vec<usize>>) = (Vec::new(), BTreeMap::new());
    for sequence in sequences {
        let length = sequence.tokens.len();
        let room = by_room.range(length..).next().map(|(room, _)| *room);
        let pack = room.and_then(|room| take(&mut by_room, room)).unwrap_or_else(|| {
            packs.push(Vec::new());
            packs.len() - 1
        });
        let left = room.unwrap_or(most).saturating_sub(length);
        packs[pack].push(sequence);
        by_room.entry(left).or_default().push(pack);
    }
    packs.into_iter().map(example).collect()
}

/// Takes out a pack with so much room.
fn take(by_room: &mut BTreeMap<usize, Vec<usize>>, room: usize) -> Option<usize> {
    let packs = by_room.get_mut(&room)?;
    let pack = packs.pop();
    if packs.is_empty() {
        by_room.remove(&room);
    }
    pack
}

fn example(pack: Vec<Marked>) -> Example {
    let counts = pack.iter().flat_map(|sequence| sequence.counts.iter().copied()).collect();
    let sequence = |Marked { tokens, .. }: Marked| Sequence { token_types: vec![0; tokens.len()], token_ids: tokens };
    Example { sequences: pack.into_iter().map(sequence).collect(), target: Target::Next(counts) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use adaptune_tensor::Seed;

    fn marked(from: u32, length: usize) -> Marked {
        Marked { tokens: (from..from + length as u32).collect(), counts: vec![true; length] }
    }

    #[test]
    fn pieces_learn_every_token_but_the_first_once() {
        for (length, most) in [(1, 4), (2, 4), (4, 4), (5, 4), (7, 4), (8, 4), (9, 2)] {
            let pieces = marked(0, length).pieces(most);
            assert!(pieces.iter().all(|piece| (2..=most).contains(&piece.tokens.len())), "{length} {most}: {pieces:?}");
            let learnt: Vec<u32> = pieces.iter().flat_map(|piece| piece.tokens[1..].to_vec()).collect();
            assert_eq!(learnt, (1..length as u32).collect::<Vec<_>>());
        }
    }

    #[test]
    fn an_end_is_put_where_there_is_none() {
        assert_eq!(marked(0, 2).ended(Some(7)).tokens, [0, 1, 7]);
        assert_eq!(marked(0, 2).ended(Some(1)).tokens, [0, 1]);
        assert_eq!(marked(0, 2).ended(None).tokens, [0, 1]);
    }

    #[test]
    fn what_fits_is_put_where_it_fits_best() {
        let all = [3, 5, 8, 2, 1].map(|length| marked(10 * length as u32, length)).to_vec();
        let lengths: Vec<Vec<usize>> = examples(all, 8)
            .iter()
            .map(|example| example.sequences.iter().map(|sequence| sequence.token_ids.len()).collect())
            .collect();
        assert_eq!(lengths, [vec![8], vec![5, 3], vec![2, 1]]);
    }

    #[test]
    fn nothing_is_lost_and_no_example_is_too_long() {
        for round in 0..50 {
            let seed = Seed::new(round);
            let lengths: Vec<usize> = (0..round).map(|i| 1 + (8.0 * seed.unit(i)) as usize).collect();
            let all: Vec<Marked> = lengths.iter().map(|length| marked(100 * *length as u32, *length)).collect();
            let packed = examples(all, 8);
            let of = |example: &Example| example.sequences.iter().map(|s| s.token_ids.len()).collect::<Vec<_>>();
            let (mut found, mut expected): (Vec<usize>, _) = (packed.iter().flat_map(of).collect(), lengths.clone());
            found.sort_unstable();
            expected.sort_unstable();
            assert_eq!(found, expected);
            assert!(packed.iter().all(|example| example.tokens() <= 8));
            // Two that are not half full would be one.
            assert!(packed.iter().filter(|example| example.tokens() <= 4).count() <= 1);
        }
    }
}
