//! The work with decoders that `cargo xtask peers` measures, done by this project: steps of causal language modelling with a LoRA on every
//! linear layer, and 128 tokens written behind prompts. The base is a folder with random weights of a known shape in bf16, which `save`
//! writes. Prints one line of JSON. `benches/peers/decoder_worker.py` does the same in PyTorch with PEFT.
//!
//! ```sh
//! cargo run --release -p adaptune-benches --example decoder_worker -- save smollm2-135m target/smollm2-135m
//! cargo run --release -p adaptune-benches --example decoder_worker -- step target/smollm2-135m bf16 4 512 2 5
//! ```

mod support;

use adaptune_adapters::{Adapter, AdapterModel, Head, HeadConfig, Task, format};
use adaptune_tensor::{Precision, Seed, in_pool};
use adaptune_train::{Dataset, Example, Target, TrainOptions, Trainer, argmax};
use adaptune_transformer::weights::FloatFormat;
use adaptune_transformer::{Base, Batch, Config, Encoder, Past, Selection};
use serde_json::{Value, json};
use std::error::Error;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;
use support::{Clock, print};

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// Steps that are not counted: caches fill, threads start.
const WARM_UP: usize = 1;
/// Tokens that are written behind each prompt.
const NEW_TOKENS: usize = 128;
/// What PEFT calls `all-linear`.
const METHOD: &str =
    "lora[r=16,alpha=32,attn_matrices=[q,k,v,o],intermediate_lora=True,output_lora=True,gate_lora=True]";

const USAGE: &str = "expected: save SHAPE FOLDER, or step|generate FOLDER f32|bf16 SEQUENCES TOKENS THREADS STEPS";

fn main() -> Outcome<()> {
    adaptune_tensor::kernel::keep_freed_memory();
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words[..] {
        [] => glance(),
        ["save", shape, folder] => save(config(shape)?, Path::new(folder)),
        [work, folder, dtype, ref numbers @ ..] => {
            let numbers: Vec<usize> = numbers.iter().map(|n| n.parse()).collect::<Result<_, _>>()?;
            let [sequences, tokens, threads, steps] = numbers[..] else { return Err(USAGE.into()) };
            rayon::ThreadPoolBuilder::new().num_threads(threads).build_global()?;
            in_pool(|| measure(work, Path::new(folder), dtype, [sequences, tokens, steps]))
        }
        _ => Err(USAGE.into()),
    }
}

/// What runs when nothing is asked for.
fn glance() -> Outcome<()> {
    let folder = std::env::temp_dir().join(format!("adaptune-decoder-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    save(config("tiny")?, &folder)?;
    for work in ["step", "generate"] {
        measure(work, &folder, "bf16", [2, 16, 1])?;
    }
    Ok(std::fs::remove_dir_all(&folder)?)
}

fn config(shape: &str) -> Outcome<Config> {
    let llama = |sizes: Value| -> Value {
        let mut all =
            json!({ "model_type": "llama", "rms_norm_eps": 1e-5, "tie_word_embeddings": true, "hidden_act": "silu" });
        sizes.as_object().into_iter().flatten().for_each(|(name, value)| all[name] = value.clone());
        all
    };
    let fields = match shape {
        "tiny" => llama(json!({
            "vocab_size": 1024, "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2,
            "intermediate_size": 48, "max_position_embeddings": 256,
        })),
        "smollm2-135m" => llama(json!({
            "vocab_size": 49152, "hidden_size": 576, "num_hidden_layers": 30, "num_attention_heads": 9, "num_key_value_heads": 3,
            "intermediate_size": 1536, "max_position_embeddings": 8192, "rope_theta": 100_000.0,
        })),
        "qwen2.5-0.5b" => llama(json!({
            "model_type": "qwen2", "vocab_size": 151_936, "hidden_size": 896, "num_hidden_layers": 24, "num_attention_heads": 14,
            "num_key_value_heads": 2, "intermediate_size": 4864, "max_position_embeddings": 32768, "rope_theta": 1e6,
            "rms_norm_eps": 1e-6,
        })),
        _ => return Err("expected smollm2-135m, qwen2.5-0.5b or tiny".into()),
    };
    Ok(Config::from_json(&fields.to_string(), Path::new(shape))?)
}

fn save(config: Config, folder: &Path) -> Outcome<()> {
    std::fs::create_dir_all(folder)?;
    let base = Encoder::<f32>::random(config, 0.02, Seed::new(0));
    Ok(format::save_base(&base, folder, FloatFormat::BF16)?)
}

fn measure(work: &str, folder: &Path, dtype: &str, [sequences, tokens, steps]: [usize; 3]) -> Outcome<()> {
    let precision = match dtype {
        "f32" => Precision::Full,
        "bf16" => Precision::Bf16,
        _ => return Err(USAGE.into()),
    };
    let base = Arc::new(Encoder::<f32>::load_in(folder, precision)?);
    let count = steps + WARM_UP;
    let times = match work {
        "step" => training(base, [sequences, tokens, count])?,
        "generate" => (0..count).map(|_| writing(&base, sequences, tokens)).collect::<Outcome<_>>()?,
        _ => return Err(USAGE.into()),
    };
    print(&times, WARM_UP);
    Ok(())
}

fn id(sequence: usize, token: usize) -> u32 {
    3 + ((sequence * 131 + token * 7919) % 1000) as u32
}

/// Seconds of each step: forward, loss over the vocabulary, backward, clipping, the optimiser.
fn training(base: Arc<Encoder<f32>>, [sequences, tokens, steps]: [usize; 3]) -> Outcome<Vec<f64>> {
    let adapter = Adapter::on("bench", &METHOD.parse()?, &base, Seed::new(1))?;
    let head = Head::new("bench", &HeadConfig::new(Task::CAUSAL_LANGUAGE, Vec::new()), &base, Seed::new(2))?;
    let example = |s: usize| Example::single((0..tokens).map(|t| id(s, t)).collect(), Target::Next(vec![true; tokens]));
    let data = Dataset::new(Task::CAUSAL_LANGUAGE, 0, (0..sequences * steps).map(example).collect())?;
    let options = TrainOptions { epochs: 1, batch_size: sequences, learning_rate: 1e-4, ..TrainOptions::default() };
    let mut clock = Clock::start();
    Trainer::new(AdapterModel::new(base, Some(adapter), head), &data, None, options)?.run(&mut clock)?;
    Ok(clock.times)
}

/// Seconds for the tokens behind as many prompts, the most probable one each time.
fn writing(model: &Encoder<f32>, sequences: usize, tokens: usize) -> Outcome<f64> {
    let begun = Instant::now();
    let (base, mut past) = (Base::from(model), Past::new(model, sequences));
    let mut new: Vec<Vec<u32>> = (0..sequences).map(|s| (0..tokens).map(|t| id(s, t)).collect()).collect();
    for _ in 0..NEW_TOKENS {
        let batch = Batch::from_ids(&new.iter().map(Vec::as_slice).collect::<Vec<_>>());
        let hidden = base.extend(&batch, &mut past, &(), &Selection::Last)?;
        let logits = base.next_logits(hidden.view()).ok_or("a decoder has an output layer")?;
        new = logits.rows().into_iter().map(|row| vec![argmax(row) as u32]).collect();
    }
    Ok(begun.elapsed().as_secs_f64())
}
