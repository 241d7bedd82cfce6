//! What it costs that every sequence of a batch has another adapter: 64 sequences at the shape of MiniLM, forward only,
//! eight adapters in turn against one for all, in turn, and medians of their times.

use adaptune_adapters::{Adapter, PerSequence};
use adaptune_benches::median;
use adaptune_tensor::{Parameters, Seed, in_pool};
use adaptune_transformer::{Batch, Config, Encoder, Insertions, Pass};
use std::hint::black_box;
use std::time::Instant;

const SEQUENCES: usize = 64;
const ADAPTERS: usize = 8;
const ROUNDS: usize = 15;
const METHODS: [&str; 4] = ["seq_bn", "double_seq_bn", "lora", "prefix_tuning_flat"];

fn main() {
    // As the command line does.
    adaptune_tensor::kernel::keep_freed_memory();
    in_pool(table);
}

fn table() {
    let config = Config { vocabulary: 30522, ..Config::bert(384, 6, 12, 1536) };
    let base = Encoder::<f32>::random(config, 0.02, Seed::new(0));
    println!("{:<20} {:>6} {:>10} {:>10} {:>10}", "adapters", "tokens", "one", "eight", "eight/one");
    for method in METHODS {
        let adapters: Vec<Adapter<f32>> = (0..ADAPTERS as u64).map(|seed| adapter(method, &base, seed)).collect();
        for length in [32, 128] {
            let parts: Vec<&dyn Insertions<f32>> = adapters.iter().map(|adapter| adapter as _).collect();
            let part_of: Vec<usize> = (0..SEQUENCES).map(|sequence| sequence % ADAPTERS).collect();
            let mixed = PerSequence::new(parts.clone(), &part_of).expect("every part is there");
            let (one, eight) = medians(&base, &batch(length), parts[0], &mixed);
            let tokens = SEQUENCES * length;
            println!("{method:<20} {tokens:>6} {one:>8.1}ms {eight:>8.1}ms {:>10.2}", eight / one);
        }
    }
}

/// An adapter that is not the identity.
fn adapter(method: &str, base: &Encoder<f32>, seed: u64) -> Adapter<f32> {
    let method = method.parse().expect("a method");
    let mut adapter = Adapter::on("bench", &method, base, Seed::new(seed)).expect("fits");
    for (name, parameter) in adapter.parameters_mut() {
        let draws = Seed::new(seed).named(&name);
        parameter.values_mut().iter_mut().enumerate().for_each(|(i, v)| *v += 0.02 * draws.unit(i as u64) as f32);
    }
    adapter
}

fn batch(length: usize) -> Batch {
    let ids = |s: usize| (0..length).map(move |t| ((s * 131 + t * 7) % 30000) as u32).collect::<Vec<_>>();
    let ids: Vec<Vec<u32>> = (0..SEQUENCES).map(ids).collect();
    Batch::from_ids(&ids.iter().map(Vec::as_slice).collect::<Vec<_>>())
}

/// Both in milliseconds.
fn medians(base: &Encoder<f32>, batch: &Batch, one: &dyn Insertions<f32>, eight: &dyn Insertions<f32>) -> (f64, f64) {
    let time = |insertions: &dyn Insertions<f32>| {
        let begun = Instant::now();
        black_box(base.forward(batch, insertions, Pass::evaluate()).expect("a good batch").hidden);
        1e3 * begun.elapsed().as_secs_f64()
    };
    let (mut ones, mut eights) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        ones.push(time(one));
        eights.push(time(eight));
    }
    (median(ones), median(eights))
}
