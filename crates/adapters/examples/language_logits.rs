//! What a pretrained language model thinks of each place in a sequence of tokens.
//!
//! ```text
//! cargo run --package adaptune-adapters --example language_logits -- MODEL_DIR 2 14 4 87 3
//! ```
//!
//! prints one line of JSON for each token: the logits of the whole vocabulary. Without arguments it makes a small random
//! model, saves it, and loads it again.

use adaptune_adapters::format::{load_language_head, save_language_model};
use adaptune_adapters::{AdapterModel, Head, HeadConfig, Task};
use adaptune_tensor::Seed;
use adaptune_transformer::weights::FloatFormat;
use adaptune_transformer::{Batch, Config, Encoder};
use std::error::Error;
use std::path::Path;
use std::sync::Arc;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let Some((directory, tokens)) = arguments.split_first() else { return of_a_random_model() };
    let tokens: Vec<u32> = tokens.iter().map(|token| token.parse()).collect::<Result<_, _>>()?;
    print(Path::new(directory), &tokens)
}

fn of_a_random_model() -> Result<(), Box<dyn Error>> {
    let config = Config { vocabulary: 7, ..Config::bert(8, 2, 2, 16) };
    let base = Arc::new(Encoder::<f32>::random(Config { positions: 12, ..config }, 0.3, Seed::new(1)));
    let head = HeadConfig::new(Task::MASKED_LANGUAGE, Vec::new());
    let head = Head::new("language", &head, &base, Seed::new(2))?;
    let directory = std::env::temp_dir().join(format!("adaptune-language-{}", std::process::id()));
    std::fs::create_dir_all(&directory)?;
    save_language_model(&AdapterModel::new(base, None, head), &directory, FloatFormat::F32)?;
    print(&directory, &[1, 5, 0, 6])?;
    Ok(std::fs::remove_dir_all(&directory)?)
}

fn print(directory: &Path, tokens: &[u32]) -> Result<(), Box<dyn Error>> {
    let base = Arc::new(Encoder::<f32>::load(directory)?);
    let head = load_language_head(directory, &base)?;
    let logits = AdapterModel::new(base, None, head).logits(&Batch::from_ids(&[tokens]))?;
    for row in logits.rows() {
        println!("{}", serde_json::to_string(&row.to_vec())?);
    }
    Ok(())
}
