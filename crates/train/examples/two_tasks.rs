//! Trains two tasks over one base at once: MTL-LoRAs that share matrices, and a head for each task.
//!
//! ```sh
//! cargo run --package adaptune-train --example two_tasks
//! ```
//!
//! A sentence is a few filler words and one word with a mood. One task is to tell good moods from bad ones, the other to give the
//! strength of the mood as a number. Afterwards each task is a model of its own, as any other with an adapter and a head.

use adaptune_adapters::{Head, HeadConfig, MtlLoraConfig, MultiTask, MultiTaskModel, Task};
use adaptune_tensor::Seed;
use adaptune_train::{Dataset, EvaluationRecord, Example, Observer, Target, TaskData, TrainOptions, Trainer, evaluate};
use adaptune_transformer::{Config, Encoder};
use std::error::Error;
use std::sync::Arc;

fn main() -> Result<(), Box<dyn Error>> {
    let config = Config { vocabulary: 40, positions: 16, ..Config::bert(64, 2, 4, 128) };
    let base = Arc::new(Encoder::<f32>::random(config, 0.07, Seed::new(1)));
    let mut method = MtlLoraConfig { n_up_projection: 3, ..MtlLoraConfig::mtl_lora() };
    (method.lora.intermediate_lora, method.lora.output_lora) = (true, true);
    let tasks = MultiTask::new(&["mood", "strength"], &method, base.config(), Seed::new(2))?;
    let mood = HeadConfig::new(Task::CLASSIFICATION, vec!["bad".into(), "good".into()]);
    let mood = Head::new("mood", &mood, &base, Seed::new(3))?;
    let strength = Head::new("strength", &HeadConfig::new(Task::REGRESSION, vec![]), &base, Seed::new(4))?;
    let model = MultiTaskModel::new(base, tasks, vec![mood, strength])?;

    let moods = [moods("train", 512)?, moods("dev", 128)?];
    let strengths = [strengths("train", 384)?, strengths("dev", 128)?];
    let data = [&moods, &strengths].map(|[train, dev]| TaskData::new(train, Some(dev)));
    let options = TrainOptions { epochs: 10, batch_size: 16, learning_rate: 8e-3, ..TrainOptions::default() };
    let trained = Trainer::of_tasks(model, data.to_vec(), options)?.run(&mut Lines)?;
    println!("\nbest epoch, each task by itself");
    println!("mood      {}", evaluate(&trained.model.task(0), &moods[1], 64)?.metrics);
    println!("strength  {}", evaluate(&trained.model.task(1), &strengths[1], 64)?.metrics);
    Ok(())
}

/// Sentences with the class of their mood.
fn moods(name: &str, count: u64) -> Result<Dataset, Box<dyn Error>> {
    let seed = Seed::new(5).named(name);
    let examples = (0..count).map(|i| sentence(seed.at(i), |mood| Target::Class(usize::from(mood > 8))));
    Ok(Dataset::new(Task::CLASSIFICATION, 2, examples.collect())?)
}

/// Other sentences with the strength of their mood, from 0 to 1.
fn strengths(name: &str, count: u64) -> Result<Dataset, Box<dyn Error>> {
    let seed = Seed::new(6).named(name);
    let examples = (0..count).map(|i| sentence(seed.at(i), |mood| Target::Value(f64::from((mood - 1) % 8) / 7.0)));
    Ok(Dataset::new(Task::REGRESSION, 1, examples.collect())?)
}

/// Words 1 to 8 are bad and 9 to 16 good, each group from the weakest to the strongest; the others are fillers.
fn sentence(seed: Seed, target: impl Fn(u32) -> Target) -> Example {
    let draw = |place: u64, count: u64| (seed.unit(place) * count as f64) as u32;
    let mood = 1 + draw(0, 16);
    let mut token_ids: Vec<u32> = (0..2 + draw(1, 4)).map(|i| 17 + draw(u64::from(10 + i), 23)).collect();
    token_ids.insert(draw(2, token_ids.len() as u64) as usize, mood);
    token_ids.insert(0, 0);
    Example::single(token_ids, target(mood))
}

/// A line for each evaluation.
struct Lines;

impl Observer for Lines {
    fn evaluation(&mut self, record: &EvaluationRecord) {
        let scores = record.scores().filter(|(name, _)| ["mean", "mood.accuracy", "strength.pearson"].contains(name));
        let scores: Vec<String> = scores.map(|(name, score)| format!("{name} {score:.3}")).collect();
        println!("epoch {:>2}  loss {:.3}  {}", record.epoch, record.loss, scores.join("  "));
    }
}
