//! All methods side by side on one base; then one of them to disk and back.
//!
//! ```sh
//! cargo run --package adaptune-adapters --example compare_methods
//! ```

use adaptune_adapters::{Adapter, AdapterModel, Head, HeadConfig, Method, PRESETS, Task, format};
use adaptune_tensor::Seed;
use adaptune_tensor::ndarray::Array2;
use adaptune_transformer::{Batch, Config, Encoder};
use std::error::Error;
use std::path::Path;
use std::sync::Arc;

fn main() -> Result<(), Box<dyn Error>> {
    let config = Config { vocabulary: 500, ..Config::bert(128, 4, 4, 256) };
    let base = Arc::new(Encoder::<f32>::random(config, 0.1, Seed::new(1)));
    let batch = Batch::from_ids(&[&[2, 104, 77, 310, 3], &[2, 12, 3]]);
    compare(&base, &batch)?;
    there_and_back(base, &batch)
}

/// How many numbers each method trains, and how far it moves the logits before any training.
fn compare(base: &Arc<Encoder<f32>>, batch: &Batch) -> Result<(), Box<dyn Error>> {
    let bare = model(base, None)?.logits(batch)?;
    println!("a base of {} numbers with\n", base.parameter_count());
    println!("{:<26} {:>10} {:>8}  {:>8}", "method", "parameters", "of all", "moves by");
    let presets = PRESETS.iter().map(|preset| preset.name);
    for text in presets.chain(["seq_bn[reduction_factor=4]", "seq_bn[leave_out=[0,1]]", "seq_bn[init_weights=bert]"]) {
        let model = model(base, Some(&text.parse()?))?;
        let counts = model.counts();
        let share = counts.adapter as f64 / (counts.base + counts.adapter) as f64;
        let moved = largest_difference(&model.logits(batch)?, &bare);
        println!("{text:<26} {:>10} {:>6.2} %  {moved:>8.0e}", counts.adapter, 100.0 * share);
    }
    println!(
        "\nMost new adapters are the identity. Prefixes and prompts are not, nor is what is asked not to start at zero."
    );
    Ok(())
}

/// Base, adapter and a head that is the same for all methods.
fn model(base: &Arc<Encoder<f32>>, method: Option<&Method>) -> Result<AdapterModel<f32>, Box<dyn Error>> {
    let adapter = method.map(|method| Adapter::on("example", method, base, Seed::new(2))).transpose()?;
    let labels = ["no", "yes"].map(str::to_owned).to_vec();
    let head = Head::new("example", &HeadConfig::new(Task::CLASSIFICATION, labels), base, Seed::new(3))?;
    Ok(AdapterModel::new(base.clone(), adapter, head))
}

fn largest_difference(a: &Array2<f32>, b: &Array2<f32>) -> f32 {
    // `max` would pass over what is not a number.
    (a - b).iter().map(|d| d.abs()).fold(0.0, |largest, d| if d.is_nan() { f32::INFINITY } else { largest.max(d) })
}

/// Saves an AdapterHub directory, loads it again, and compares the bits of the logits.
fn there_and_back(base: Arc<Encoder<f32>>, batch: &Batch) -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let saved = model(&base, Some(&"houlsby[reduction_factor=8,init_weights=bert]".parse()?))?;
    format::save(&saved, folder.path())?;
    println!("\nsaved as an AdapterHub directory:");
    list(folder.path())?;

    let loaded = format::load(folder.path(), base)?;
    assert_eq!(loaded.logits(batch)?, saved.logits(batch)?);
    println!("\nloaded again: the same logits to the last bit");

    // An adapter fits one base. What would happen to others is said, not computed.
    let other = Encoder::<f32>::random(loaded.base().config().clone(), 0.1, Seed::new(9));
    let error = format::load(folder.path(), Arc::new(other)).expect_err("it was trained on another base");
    println!("loaded into another base: {error}");
    Ok(())
}

fn list(folder: &Path) -> std::io::Result<()> {
    let mut files = folder.read_dir()?.collect::<Result<Vec<_>, _>>()?;
    files.sort_by_key(std::fs::DirEntry::file_name);
    for file in files {
        println!("  {:<24} {:>7} bytes", file.file_name().to_string_lossy(), file.metadata()?.len());
    }
    Ok(())
}
