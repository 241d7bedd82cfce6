//! Disentangled attention: modules in queries and keys act on relative positions too, each sequence's own on its own, with the same bits
//! alone and among others, on any number of threads, and from blocks that backward runs again.

use crate::common;
use adaptune_adapters::{Adapter, PerSequence};
use adaptune_tensor::{Gradients, Parameters, Seed};
use adaptune_test_support::{largest_difference, on_threads};
use adaptune_transformer::{Base, Batch, Config, Encoder, Insertions, Pass, Thaw, Thawed};
use ndarray::{Array2, s};
use serde_json::Value;
use std::path::Path;
use std::sync::Arc;

/// Longer than there are buckets, and of one token.
const LENGTHS: [usize; 6] = [7, 1, 22, 3, 12, 9];

/// Of what positions are projected through: token by token, with means over what is projected, or not at all.
const METHODS: [&str; 5] = [
    "lora[r=2,alpha=3,attn_matrices=[q,k]]",
    "lora[r=2,alpha=5,attn_matrices=[q,k],use_gating=True]",
    "ia3",
    "prefix_tuning[prefix_length=2,bottleneck_size=3]",
    "dora[r=2,attn_matrices=[k]]",
];

/// The bases of the golden numbers, with other weights and with dropout.
fn bases() -> Vec<Arc<Encoder<f32>>> {
    let text = std::fs::read_to_string(common::folder("families.json")).expect("it is in the repository");
    let file: Value = serde_json::from_str(&text).expect("JSON");
    let base = |name| {
        let config = Config::from_json(&file["families"][name]["config"].to_string(), Path::new("config.json"));
        Arc::new(Encoder::random(config.expect("a configuration").with_dropout(0.2, 0.1), 0.3, Seed::new(4)))
    };
    ["deberta", "deberta_own", "deberta_to_content"].map(base).to_vec()
}

fn adapter(method: &str, base: &Encoder<f32>) -> Adapter<f32> {
    let method = method.parse().expect("a method");
    let mut adapter = Adapter::on("test", &method, base, Seed::new(5)).expect("it fits");
    for (name, parameter) in adapter.parameters_mut() {
        let seed = Seed::new(6).named(&name);
        parameter.values_mut().iter_mut().enumerate().for_each(|(i, v)| *v += seed.unit(i as u64) as f32 - 0.5);
    }
    adapter
}

fn sequences() -> Vec<Vec<u32>> {
    LENGTHS.map(|n| (0..n).map(|t| ((n * 5 + t * 7) % 37) as u32).collect()).to_vec()
}

fn batch(sequences: &[Vec<u32>]) -> Batch {
    Batch::from_ids(&sequences.iter().map(Vec::as_slice).collect::<Vec<_>>())
}

fn hidden(base: &Encoder<f32>, batch: &Batch, insertions: &dyn Insertions<f32>) -> Array2<f32> {
    base.forward(batch, insertions, Pass::evaluate()).expect("a good batch").hidden
}

#[test]
fn a_sequence_is_what_it_is_alone() {
    let sequences = sequences();
    for base in bases() {
        for adapter in METHODS.map(|method| adapter(method, &base)) {
            let (mut first, together) = (0, hidden(&base, &batch(&sequences), &adapter));
            for sequence in &sequences {
                let alone = hidden(&base, &batch(std::slice::from_ref(sequence)), &adapter);
                assert_eq!(alone, together.slice(s![first..first + sequence.len(), ..]), "{:?}", adapter.method());
                first += sequence.len();
            }
            let nothing = hidden(&base, &batch(&sequences), &());
            assert!(largest_difference(nothing.mapv(f64::from), together.mapv(f64::from)) > 1e-3, "it does something");
        }
    }
}

/// Positions go through the adapter of the sequence whose tokens they meet.
#[test]
fn sequences_have_adapters_of_their_own() {
    let sequences = sequences();
    for base in bases() {
        let adapters = METHODS.map(|method| adapter(method, &base));
        let mut parts: Vec<&dyn Insertions<f32>> = adapters.iter().map(|adapter| adapter as _).collect();
        parts.push(&());
        let mixed = PerSequence::new(parts.clone(), &[3, 0, 5, 1, 4, 2]).expect("every part is there");
        let (mut first, together) = (0, hidden(&base, &batch(&sequences), &mixed));
        for (sequence, part) in sequences.iter().zip([3, 0, 5, 1, 4, 2]) {
            let alone = hidden(&base, &batch(std::slice::from_ref(sequence)), parts[part]);
            assert_eq!(alone, together.slice(s![first..first + sequence.len(), ..]), "part {part}");
            first += sequence.len();
        }
    }
}

/// The gradients of a pass that trains, of everything.
fn gradients(base: &Encoder<f32>, adapter: &Adapter<f32>, thawed: &Thawed<f32>, pass: Pass) -> Vec<Vec<u32>> {
    let encoded = Base::new(base, Some(thawed)).forward(&batch(&sequences()), adapter, pass).expect("a good batch");
    let weight = Array2::from_shape_fn(encoded.hidden.dim(), |(t, d)| Seed::new(11).at(t as u64).unit(d as u64) as f32);
    let mut gradients = Gradients::new();
    encoded.trace.backward(weight, &mut gradients);
    let all = adapter.parameters().into_iter().chain(thawed.parameters());
    let of = all.map(|(_, parameter)| gradients.get(parameter.slot().expect("it trains")));
    of.map(|gradient| gradient.iter().flat_map(|array| array.iter()).map(|g| g.to_bits()).collect()).collect()
}

#[test]
fn threads_and_blocks_that_are_run_again_change_no_bit() {
    for base in bases() {
        for method in METHODS {
            let (mut adapter, mut thawed) = (adapter(method, &base), Thawed::new(&base, Thaw::ALL, false));
            let first = adapter.train_from(0);
            thawed.train_from(first);
            let pass = Pass::train(Seed::new(9));
            let on = |threads, pass| on_threads(threads, || gradients(&base, &adapter, &thawed, pass));
            let one = on(1, pass);
            assert!(one.iter().all(|gradient| !gradient.is_empty()), "every tensor has a gradient");
            assert!(on(2, pass) == one && on(3, pass) == one, "{method}: threads");
            assert!(on(2, pass.with_checkpointing(true)) == one, "{method}: blocks that are run again");
        }
    }
}
