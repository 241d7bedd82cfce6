//! Trains with an objective that is written here: classes that have an order, such as one to five stars.
//!
//! ```sh
//! cargo run --package adaptune-train --example own_objective
//! ```
//!
//! Cross-entropy takes every wrong class for equally wrong. The squared distance between the cumulative distributions (Hou,
//! Yu, Samaras, *Squared Earth Mover's Distance-based Loss*, 2016) does not: with `p = softmax(x)` and the class `c`
//!
//! ```text
//! F_k = p_0 + … + p_k,   l = Σ_k (F_k − [k ≥ c])²
//! d_F_k = 2 (F_k − [k ≥ c]),   d_p_j = Σ_{k ≥ j} d_F_k,   d_x_j = p_j (d_p_j − Σ_i p_i d_p_i)
//! ```
//!
//! A sentence here has as many stars as good words, read from the mean over its tokens.

use adaptune_adapters::ndarray::{Array2, ArrayView2};
use adaptune_adapters::objective::{Objective, TargetError};
use adaptune_adapters::{Adapter, AdapterModel, Head, HeadConfig, Outputs, Task, TaskDescription};
use adaptune_tensor::{Scalar, Seed, softmax};
use adaptune_train::{
    Dataset, Example, ExampleBatch, Metrics, Supervision, Target, TrainOptions, Trainer, argmax, evaluate_by,
};
use adaptune_transformer::{Config, Encoder, Selection};
use std::error::Error;
use std::sync::Arc;

/// What the head predicts. Files know no such head: its `head_type` is `None`.
static STARS: TaskDescription = TaskDescription {
    name: "stars",
    reads: Selection::Mean,
    outputs: Outputs::Labels { least: 2 },
    layers: 1,
    head_type: None,
    task_type: None,
};

/// The class of each sequence of a batch.
#[derive(Debug)]
struct EarthMover(Vec<usize>);

impl EarthMover {
    /// `F_k − [k ≥ c]` of one row's probabilities.
    fn differences<S: Scalar>(&self, row: usize, p: ArrayView2<'_, S>) -> Vec<S> {
        let mut sum = S::zero();
        let difference = |(k, p): (usize, &S)| {
            sum += *p;
            if k >= self.0[row] { sum - S::one() } else { sum }
        };
        p.row(row).iter().enumerate().map(difference).collect()
    }
}

impl<S: Scalar> Objective<S> for EarthMover {
    fn count(&self) -> usize {
        self.0.len()
    }

    fn loss(&self, logits: ArrayView2<'_, S>, weight: S) -> S {
        let p = softmax(logits.to_owned());
        let of_row = |row| self.differences(row, p.view()).into_iter().map(|d| d * d).sum::<S>();
        (0..self.0.len()).map(of_row).sum::<S>() * weight
    }

    fn loss_backward(&self, logits: Array2<S>, weight: S) -> Array2<S> {
        let p = softmax(logits);
        let mut d = Array2::zeros(p.dim());
        for row in 0..self.0.len() {
            let mut d_p = self.differences(row, p.view());
            let mut sum = S::zero();
            for d in d_p.iter_mut().rev() {
                sum += *d * S::from_f64(2.0) * weight;
                *d = sum;
            }
            let mean = p.row(row).iter().zip(&d_p).map(|(p, d)| *p * *d).sum::<S>();
            for (k, d_p) in d_p.into_iter().enumerate() {
                d[[row, k]] = p[[row, k]] * (d_p - mean);
            }
        }
        d
    }

    /// It is a sum over sequences.
    fn may_be_cut(&self) -> bool {
        true
    }

    fn check(&self, head: &HeadConfig, _: usize) -> Result<(), TargetError> {
        TargetError::check_classes(self.0.iter().copied(), head)
    }
}

/// From examples to that objective, and to scores that know of the order.
struct Ordered;

impl<S: Scalar> Supervision<S> for Ordered {
    fn name(&self) -> String {
        "earth mover's distance".into()
    }

    fn objective(&self, batch: &ExampleBatch<'_>) -> Box<dyn Objective<S>> {
        Box::new(EarthMover(classes(batch)))
    }

    fn metrics(&self, all: &ExampleBatch<'_>, logits: ArrayView2<'_, S>, _: f64, _: &[String]) -> Metrics {
        let off = |(row, class): (usize, usize)| argmax(logits.row(row)).abs_diff(class);
        let off: Vec<usize> = classes(all).into_iter().enumerate().map(off).collect();
        let share = |most: usize| off.iter().filter(|off| **off <= most).count() as f64 / off.len() as f64;
        Metrics::new("within_one", share(1)).with("accuracy", share(0))
    }
}

fn classes(batch: &ExampleBatch<'_>) -> Vec<usize> {
    batch.examples.iter().filter_map(|e| if let Target::Class(class) = e.target { Some(class) } else { None }).collect()
}

fn main() -> Result<(), Box<dyn Error>> {
    println!("gradient and finite differences agree to {:.0e}\n", gradient_error());
    let config = Config { vocabulary: 40, positions: 16, ..Config::bert(32, 2, 4, 64) };
    let base = Arc::new(Encoder::<f32>::random(config, 0.1, Seed::new(1)));
    let (train, dev) = (sentences("train", 768)?, sentences("dev", 256)?);
    let options = TrainOptions { epochs: 6, batch_size: 16, learning_rate: 3e-3, ..TrainOptions::default() };
    println!("before: {}", evaluate_by(&model(&base)?, &Ordered, &dev, 64)?.metrics);
    let trained = Trainer::supervised(model(&base)?, &Ordered, &train, Some(&dev), options)?.run(&mut ())?;
    println!("best epoch: {}", evaluate_by(&trained.model, &Ordered, &dev, 64)?.metrics);
    Ok(())
}

/// The largest difference between the gradient and finite differences of the loss, in `f64`.
fn gradient_error() -> f64 {
    let (objective, step, weight) = (EarthMover(vec![2, 0, 4]), 1e-5, 0.3);
    let logits = Array2::from_shape_fn((3, 5), |(row, k)| 3.0 * Seed::new(7).at(row as u64).unit(k as u64) - 1.5);
    let d: Array2<f64> = objective.loss_backward(logits.clone(), weight);
    let difference = |(at, d): ((usize, usize), &f64)| {
        let loss = |step: f64| {
            let mut moved = logits.clone();
            moved[at] += step;
            objective.loss(moved.view(), weight)
        };
        ((loss(step) - loss(-step)) / (2.0 * step) - d).abs()
    };
    d.indexed_iter().map(difference).fold(0.0, f64::max)
}

fn model(base: &Arc<Encoder<f32>>) -> Result<AdapterModel<f32>, Box<dyn Error>> {
    let adapter = Adapter::on("stars", &"double_seq_bn[reduction_factor=2]".parse()?, base, Seed::new(2))?;
    let labels = (0..5).map(|stars| stars.to_string()).collect();
    let head = Head::new("stars", &HeadConfig::new(Task::new(&STARS), labels), base, Seed::new(3))?;
    Ok(AdapterModel::new(base.clone(), Some(adapter), head))
}

/// Sentences of eight words, up to four of which are good.
fn sentences(name: &str, count: u64) -> Result<Dataset, Box<dyn Error>> {
    let seed = Seed::new(4).named(name);
    let examples = (0..count).map(|number| sentence(seed.at(number))).collect();
    Ok(Dataset::new(Task::new(&STARS), 5, examples)?)
}

fn sentence(seed: Seed) -> Example {
    let draw = |place: u64, count: u64| (seed.unit(place) * count as f64) as u32;
    let stars = draw(0, 5);
    // Good words are 1 to 9, others 10 to 39; the good ones stand wherever the sentence is turned to.
    let word = |i: u64| if (i as u32) < stars { 1 + draw(10 + i, 9) } else { 10 + draw(10 + i, 30) };
    let mut token_ids: Vec<u32> = (0..8).map(word).collect();
    token_ids.rotate_left(draw(1, 8) as usize);
    token_ids.insert(0, 0);
    Example::single(token_ids, Target::Class(stars as usize))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gradient_is_that_of_the_loss() {
        assert!(gradient_error() < 1e-9);
    }
}
