//! The last hidden state of a Hugging Face directory's model.
//!
//! ```text
//! cargo run --package adaptune-transformer --example hidden_states -- MODEL_DIR 2 14 4 87 3
//! ```
//!
//! prints one line for each token, its numbers with spaces between them. Without arguments it makes a small random model.

use adaptune_tensor::Seed;
use adaptune_transformer::{Batch, Config, Encoder, Pass};
use std::error::Error;
use std::path::Path;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let Some((directory, tokens)) = arguments.split_first() else {
        let config = Config { vocabulary: 7, positions: 12, ..Config::bert(4, 2, 2, 16) };
        return print(&Encoder::random(config, 0.3, Seed::new(1)), &[1, 5, 0, 6]);
    };
    let tokens: Vec<u32> = tokens.iter().map(|token| token.parse()).collect::<Result<_, _>>()?;
    print(&Encoder::load(Path::new(directory))?, &tokens)
}

fn print(model: &Encoder<f32>, tokens: &[u32]) -> Result<(), Box<dyn Error>> {
    let hidden = model.forward(&Batch::from_ids(&[tokens]), &(), Pass::evaluate())?.hidden;
    for row in hidden.rows() {
        println!("{}", row.iter().map(f32::to_string).collect::<Vec<_>>().join(" "));
    }
    Ok(())
}
