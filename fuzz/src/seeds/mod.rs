//! Valid inputs, written by the project's own writers, or by hand where it only reads.

mod adapters;
mod bases;
mod tables;
mod texts;
mod tokenizers;
mod torch;

use std::collections::BTreeSet;
use std::error::Error;
use std::fs;
use std::path::Path;

/// Inputs of one target.
pub type Seeds = Vec<Vec<u8>>;
type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// The seeds of every target.
///
/// # Errors
/// A folder for what is written cannot be made.
pub fn all() -> Result<Vec<(&'static str, Seeds)>> {
    Ok(vec![
        ("safetensors", bases::safetensors()?),
        ("sharded", bases::sharded()?),
        ("base_config", bases::configurations()?),
        ("adapter", adapters::adapters()?),
        ("head", adapters::heads()?),
        ("setup", adapters::setups()),
        ("run_file", texts::run_files()?),
        ("torch_bin", torch::archives()),
        ("pickle", torch::pickles()),
        ("checkpoint", adapters::checkpoints()?),
        ("table", tables::tables()),
        ("method", texts::methods()),
        ("composition", texts::compositions()),
        ("tokenizer", tokenizers::tokenizers()),
    ])
}

/// A dictionary for libFuzzer: the words of the seeds, and numbers that often go wrong.
pub fn dictionary(seeds: &[Vec<u8>]) -> String {
    const NUMBERS: [&str; 12] = [
        "0",
        "-1",
        "1e300",
        "1e-320",
        "65536",
        "2147483648",
        "4294967296",
        "18446744073709551615",
        "9223372036854775807",
        "0.5",
        "null",
        "true",
    ];
    let is_word = |byte: &u8| byte.is_ascii_alphanumeric() || b"_-.".contains(byte);
    let words = seeds.iter().flat_map(|seed| seed.split(|byte| !is_word(byte)));
    let words: BTreeSet<&[u8]> = words.filter(|word| (3..32).contains(&word.len())).take(3000).collect();
    let words = words.into_iter().map(|word| String::from_utf8_lossy(word).into_owned());
    let lines = NUMBERS.into_iter().map(str::to_owned).chain(words).chain(["\\x0a=====\\x0a".to_owned()]);
    lines.map(|word| format!("\"{word}\"\n")).collect()
}

/// The files of these names in a folder, as one input; those that are not there are empty at the end of it.
fn read(folder: &Path, names: &[&str]) -> Vec<u8> {
    let files: Vec<Vec<u8>> = names.iter().map_while(|name| fs::read(folder.join(name)).ok()).collect();
    crate::joined(&files)
}
