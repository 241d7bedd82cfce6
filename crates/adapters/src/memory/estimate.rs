//! How much memory a run takes at least.

use crate::core::error::MethodError;
use crate::core::point::Point;
use crate::core::size::{Size, sum};
use crate::head::HeadConfig;
use crate::tuning::Tuning;
use adaptune_tensor::AttentionMask;
use adaptune_transformer::{Config, LinearPoint, Selection, SequencePoint, SublayerPoint};
use std::fmt;
use thiserror::Error;

/// What a run does, as far as it matters to its memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Workload {
    /// Sequences that are computed at once: of a batch, or of a micro-batch where batches are accumulated in parts.
    pub sequences: usize,
    /// Tokens of a sequence, without what an adapter puts into it.
    pub tokens: usize,
    /// Threads that compute.
    pub threads: usize,
    /// It trains: it keeps what backward needs, gradients, and what the optimiser remembers.
    pub trains: bool,
    /// Numbers that the optimiser remembers of each that trains: 2 for AdamW.
    pub moments: usize,
    /// Of each block only the input is kept.
    pub checkpointing: bool,
    /// Bytes of a number: 4, or 8 in f64.
    pub number: usize,
    /// Bytes of a number of the base's linear layers: 2 in bf16. 0 leaves the base out, if it has been loaded already.
    pub base_number: usize,
}

impl Workload {
    /// Training of one short sequence with AdamW in f32: the least that a run can be.
    pub const TRAINING: Self = Self {
        sequences: 1,
        tokens: 1,
        threads: 1,
        trains: true,
        moments: 2,
        checkpointing: false,
        number: 4,
        base_number: 4,
    };

    /// Predicting for one short sequence in f32.
    pub const PREDICTING: Self = Self { trains: false, moments: 0, ..Self::TRAINING };
}

/// What a run takes at least, in bytes. Small parts are left out, so that what is refused could not have been done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Memory {
    /// The base's weights.
    pub base: u64,
    /// What trains, with gradients and the optimiser's numbers, and what the adapter draws once.
    pub adapter: u64,
    /// The states of the blocks: all that backward needs, or those of one block.
    pub states: u64,
    /// The scores of the attention that are there at once.
    pub attention: u64,
    /// What the adapter computes for itself, whatever the batch: the network of a prefix.
    pub inside: u64,
    /// The numbers of the adapter's file while it is written.
    pub file: u64,
}

/// A run that takes more memory than there is.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("this takes at least {} of memory, and {} are available ({memory}); {}", bytes(memory.total()), bytes(*available), memory.advice())]
pub struct MemoryError {
    /// What the run takes.
    pub memory: Memory,
    /// What there is, in bytes.
    pub available: u64,
}

impl Memory {
    /// All of it together: a file is written when no step is under way.
    #[must_use]
    pub fn total(&self) -> u64 {
        let step = sum([self.states, self.attention, self.inside]);
        sum([self.base, self.adapter, step.max(self.file)])
    }

    /// Compares it with what there is, as [`available_memory`](super::available_memory) says.
    ///
    /// # Errors
    /// If it is more: with the numbers.
    pub fn check(self, available: u64) -> Result<(), MemoryError> {
        if self.total() <= available { Ok(()) } else { Err(MemoryError { memory: self, available }) }
    }

    fn parts(&self) -> [(&'static str, u64, &'static str); 6] {
        [
            ("base", self.base, "take a smaller base, or hold it in bf16"),
            (
                "what trains",
                self.adapter,
                "let less train: a smaller rank, prompt or prefix, or a larger reduction factor",
            ),
            ("states of the blocks", self.states, "take smaller batches or shorter texts, or gradient checkpointing"),
            ("attention", self.attention, "take a shorter prompt or prefix, or shorter texts"),
            ("the network of the prefix", self.inside, "take a smaller bottleneck_size or prefix_length, or flat=True"),
            ("the adapter's file", self.file, "take a smaller rank"),
        ]
    }

    fn advice(&self) -> &'static str {
        let largest = self.parts().into_iter().max_by_key(|(_, bytes, _)| *bytes);
        largest.map_or("", |(.., advice)| advice)
    }
}

impl fmt::Display for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = self.parts().into_iter().filter(|(_, bytes, _)| *bytes > 0);
        let parts: Vec<String> = parts.map(|(name, part, _)| format!("{name} {}", bytes(part))).collect();
        f.write_str(&parts.join(", "))
    }
}

/// `17.2 GB`
fn bytes(number: u64) -> String {
    let mut number = number as f64;
    for unit in ["bytes", "kB", "MB", "GB", "TB"] {
        if number < 1000.0 {
            return if unit == "bytes" { format!("{number} {unit}") } else { format!("{number:.1} {unit}") };
        }
        number /= 1000.0;
    }
    format!("{number:.1} PB")
}

impl Tuning {
    /// Returns what a run takes of memory at least, by formula. Nothing is allocated.
    ///
    /// # Errors
    /// If the method does not fit the model.
    pub fn memory(&self, model: &Config, head: &HeadConfig, work: Workload) -> Result<Memory, MethodError> {
        let size = self.adapter.as_ref().map(|method| method.size(model)).transpose()?.unwrap_or_default();
        let thawed = self.thaw.map_or(0, |thaw| thaw.parameter_count(model, head.reads_pooler()));
        let trained = sum([size.parameters(), thawed, head.parameter_count(model)]);
        let copies = if work.trains { work.moments as u64 + 2 } else { 1 };
        let blocks = if self.thaw.is_some() { model.layers } else { blocks_from_the_lowest(&size, model) };
        let in_bytes = |numbers: u64| numbers.saturating_mul(work.number as u64);
        let inside = if work.trains { size.kept.max(size.transient) } else { size.transient };
        Ok(Memory {
            base: base_bytes(model, work),
            adapter: in_bytes(sum([trained.saturating_mul(copies), size.constants()])),
            states: in_bytes(states(model, work, size.tokens, blocks)),
            attention: in_bytes(scores(
                model,
                work,
                &size,
                blocks,
                matches!(head.selection(), Selection::First | Selection::Last),
            )),
            inside: in_bytes(inside),
            file: if work.trains { in_bytes(size.stored()) } else { 0 },
        })
    }
}

/// Embeddings, norms and biases are held in full, whatever the linear layers are.
fn base_bytes(model: &Config, work: Workload) -> u64 {
    let rows = (model.vocabulary as u64).saturating_add(model.positions as u64);
    let tables = rows.saturating_mul(model.embedding_width() as u64);
    let linears = (model.parameter_count() as u64).saturating_sub(tables);
    let tables = if work.base_number == 0 { 0 } else { tables.saturating_mul(work.number as u64) };
    tables.saturating_add(linears.saturating_mul(work.base_number as u64))
}

/// The blocks through which a gradient goes: from the lowest that has a module.
fn blocks_from_the_lowest(size: &Size, model: &Config) -> usize {
    let layer = |point: Point| match point {
        Point::Sequence(SequencePoint::Embeddings) => 0,
        Point::Sequence(SequencePoint::Block(layer)) | Point::Attention(layer) => layer,
        Point::Linear(LinearPoint { layer, .. }) | Point::Sublayer(SublayerPoint { layer, .. }) => layer,
    };
    let lowest = size.points.iter().filter_map(|size| size.point.map(layer)).min();
    let depth = |block| (0..model.layers).find(|depth| model.block_at(*depth) == block);
    model.layers - lowest.and_then(depth).unwrap_or(model.layers)
}

/// The numbers of states that are there at once. For backward a block keeps queries, keys and values, what its two norms need, and
/// what its activation read, at least.
fn states(model: &Config, work: Workload, prompt: u64, blocks: usize) -> u64 {
    let tokens = (work.tokens as u64).saturating_add(prompt).saturating_mul(work.sequences as u64);
    let [hidden, wide, query, key] =
        [model.hidden, model.feed_forward, model.query_width(), model.key_value_width()].map(|width| width as u64);
    let (plain, kept) = (sum([hidden, hidden, wide]), sum([hidden, hidden, query, key, key, wide]));
    let each = match (work.trains, work.checkpointing) {
        (false, _) => plain,
        (true, false) => kept.saturating_mul(blocks as u64).max(plain),
        (true, true) => hidden.saturating_mul(blocks as u64).saturating_add(plain),
    };
    tokens.saturating_mul(each)
}

/// The scores that are there at once: of each thread a sequence and head, forward one array of them and backward two. Without a mask
/// that is all queries by all keys, with one some queries at a time, which is little; and where one token is read, the last block
/// computes it alone.
fn scores(model: &Config, work: Workload, size: &Size, trained: usize, reads_one: bool) -> u64 {
    let last = model.layers - usize::from(reads_one);
    let whole = |layer: &usize| *model.architecture.mask.at(*layer) == AttentionMask::Full;
    let arrays = match ((0..last).any(|layer| whole(&layer)), (model.layers - trained..last).any(|layer| whole(&layer)))
    {
        (false, _) => return 0,
        (true, backward) => 1 + u64::from(work.trains && backward),
    };
    let queries = (work.tokens as u64).saturating_add(size.tokens);
    let keys = queries.saturating_add(size.keys);
    let at_once = work.sequences.saturating_mul(model.heads).min(work.threads) as u64;
    at_once.saturating_mul(arrays).saturating_mul(queries).saturating_mul(keys)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::head::Task;
    use adaptune_transformer::Architecture;

    fn memory(text: &str, model: &Config, work: Workload) -> Memory {
        let head = HeadConfig::new(Task::CLASSIFICATION, vec!["a".into(), "b".into()]);
        text.parse::<Tuning>().expect("a tuning").memory(model, &head, work).expect("fits")
    }

    fn refusal(text: &str, gigabytes: u64) -> String {
        let small = Config { vocabulary: 99, ..Config::bert(16, 3, 4, 32) };
        let refused = memory(text, &small, Workload::TRAINING).check(gigabytes * 1_000_000_000);
        refused.map_or_else(|error| error.to_string(), |()| String::new())
    }

    #[test]
    fn what_was_aborted_is_refused_with_the_numbers() {
        for (text, words, advice) in [
            ("prefix_tuning[prefix_length=65536,bottleneck_size=65536]", "prefix 103.1 GB", "smaller bottleneck_size"),
            ("prompt_tuning[prompt_length=65536]", "attention 34.4 GB", "shorter prompt"),
            ("vera[r=65536]", "file 103.1 GB", "smaller rank"),
        ] {
            let message = refusal(text, 16);
            assert!(message.contains("and 16.0 GB are available") && message.contains("at least"), "{message}");
            assert!(message.contains(words) && message.contains(advice), "{text}: {message}");
        }
        for text in ["prefix_tuning", "prompt_tuning", "vera", "seq_bn", "full", "head", "mam"] {
            assert_eq!(refusal(text, 1), "", "{text}");
        }
    }

    #[test]
    fn each_part_is_as_large_as_it_should_be() {
        let model = Config { vocabulary: 100, positions: 20, token_types: 0, ..Config::bert(16, 3, 4, 32) };
        let work = Workload { sequences: 5, tokens: 7, threads: 3, ..Workload::TRAINING };
        let head = 16 * 16 + 16 + 2 * 16 + 2;
        let found = memory("lora[r=2]", &model, work);
        assert_eq!(found.base, 4 * model.parameter_count() as u64);
        assert_eq!(found.adapter, 4 * 4 * (3 * 2 * 2 * 32 + head));
        assert_eq!(found.states, 4 * 5 * 7 * 3 * (5 * 16 + 32));
        assert_eq!((found.attention, found.inside), (4 * 3 * 2 * 7 * 7, 0));
        assert_eq!(found.file, 4 * 3 * 2 * 2 * 32);
        assert_eq!(found.total(), found.base + found.adapter + found.states + found.attention);
        let upper = memory("lora[r=2,leave_out=[0,1]]", &model, work);
        assert_eq!((upper.states, upper.attention), (found.states / 3, found.attention / 2));
        let one = memory("lora[r=2]", &Config { layers: 1, ..model.clone() }, work);
        assert_eq!(one.attention, 0, "the last block computes one token");
        let predicting = Workload { trains: false, base_number: 0, ..work };
        let found = memory("lora[r=2]", &model, predicting);
        assert_eq!((found.base, found.file, found.adapter), (0, 0, 4 * (3 * 2 * 2 * 32 + head)));
        let half = memory("head", &model, Workload { base_number: 2, ..work });
        assert_eq!(half.base, 4 * 120 * 16 + 2 * (model.parameter_count() as u64 - 120 * 16));
        assert!(memory("full", &model, work).adapter > 4 * 4 * (model.parameter_count() as u64 - 16 * 17));
    }

    /// Of five depths the first three share a block, the other two another one.
    #[test]
    fn depths_count_for_states_and_stored_blocks_for_parameters() {
        let architecture = Architecture { shared_blocks: Some(2), embedding_width: Some(6), ..Architecture::bert() };
        let model = Config { vocabulary: 100, positions: 20, architecture, ..Config::bert(16, 5, 4, 32) };
        let work = Workload { sequences: 5, tokens: 7, threads: 3, base_number: 2, ..Workload::TRAINING };
        let (all, upper) = (memory("lora[r=2]", &model, work), memory("lora[r=2,leave_out=[0]]", &model, work));
        assert_eq!((5 * upper.states, upper.file), (2 * all.states, all.file / 2));
        assert_eq!(all.file, 4 * 2 * 2 * 2 * 32);
        assert_eq!(all.base, 4 * 120 * 6 + 2 * (model.parameter_count() as u64 - 120 * 6));
    }

    #[test]
    fn numbers_without_end_end_at_the_largest() {
        let endless = Config { layers: 65536, ..Config::bert(1 << 60, 1, 4, 1 << 60) };
        let work = Workload { sequences: usize::MAX, tokens: usize::MAX, threads: usize::MAX, ..Workload::TRAINING };
        assert_eq!(memory("lora", &endless, work).total(), u64::MAX);
        assert!(memory("full", &endless, work).check(u64::MAX - 1).unwrap_err().to_string().contains("PB"));
    }

    #[test]
    fn bytes_are_readable() {
        let texts = [999, 1000, 17_179_869_184, 2_500_000_000_000].map(bytes);
        assert_eq!(texts, ["999 bytes", "1.0 kB", "17.2 GB", "2.5 TB"]);
    }
}
