//! A forward pass of candle's BERT, as `cargo xtask peers` measures it: no adapter, and weights of one value, since the time
//! of a pass does not depend on them. The words are those of `benches/examples/worker.rs`.

use candle_core::{DType, Device, Result, Tensor};
use candle_nn::{VarBuilder, VarMap};
use candle_transformers::models::bert::{BertModel, Config};
use std::hint::black_box;
use std::time::Instant;

/// Passes that are not counted.
const WARM_UP: usize = 2;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let ["hidden", "minilm", "f32", _, numbers @ ..] = &words[..] else {
        candle_core::bail!("expected: hidden minilm f32 METHOD SEQUENCES TOKENS THREADS STEPS");
    };
    let numbers: Vec<usize> = numbers.iter().filter_map(|n| n.parse().ok()).collect();
    let [sequences, tokens, _threads, steps] = numbers[..] else {
        candle_core::bail!("four numbers: sequences, tokens, threads, steps");
    };
    let config = Config { hidden_size: 384, num_hidden_layers: 6, intermediate_size: 1536, ..Config::default() };
    let (weights, device) = (VarMap::new(), Device::Cpu);
    let model = BertModel::load(VarBuilder::from_varmap(&weights, DType::F32, &device), &config)?;
    let ids = Tensor::ones((sequences, tokens), DType::U32, &device)?;
    let (types, mask) = (ids.zeros_like()?, ids.ones_like()?);
    let once = || {
        let begun = Instant::now();
        black_box(model.forward(&ids, &types, Some(&mask))?);
        Ok(begun.elapsed().as_secs_f64())
    };
    let times = (0..steps + WARM_UP).map(|_| once()).collect::<Result<Vec<f64>>>()?;
    println!("{{\"seconds\": {:?}, \"peak_bytes\": {}}}", &times[WARM_UP..], peak_bytes().unwrap_or(0));
    Ok(())
}

/// The most memory that the process has had, where Linux tells.
fn peak_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    Some(1024 * line.split_whitespace().nth(1)?.parse::<u64>().ok()?)
}
