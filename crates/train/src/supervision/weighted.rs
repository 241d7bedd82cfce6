//! Classes some of which weigh more than others.

use super::classes::Classes;
use super::contract::Supervision;
use super::tags::Tags;
use crate::data::{Dataset, ExampleBatch};
use crate::example::Target;
use crate::metrics::Metrics;
use adaptune_adapters::objective::WeightedClasses;
use adaptune_adapters::{Objective, Task};
use adaptune_tensor::Scalar;
use ndarray::ArrayView2;

/// The supervision of a task of classes, each of which weighs as much as is said here. Scores are those of the task; the loss,
/// that of the development data too, is by these weights.
#[derive(Clone, Debug, PartialEq)]
pub struct Weighted {
    task: Task,
    weights: Vec<f64>,
}

impl Weighted {
    /// A task of classes of these weights, in the order of the logits.
    #[must_use]
    pub fn new(task: Task, weights: Vec<f64>) -> Self {
        Self { task, weights }
    }

    /// Weighs so many classes by how often they occur in the data, so that all of them count the same: of `N` targets `n` of which
    /// have a class, it weighs `N / (C n)`, as in scikit-learn's `balanced`. A class that does not occur weighs 1.
    ///
    /// ```
    /// use adaptune_adapters::Task;
    /// use adaptune_train::{Dataset, Example, Target, supervision::Weighted};
    /// let example = |class| Example::single(vec![1], Target::Class(class));
    /// let data = Dataset::new(Task::CLASSIFICATION, 2, [0, 0, 0, 1].map(example).to_vec())?;
    /// assert_eq!(Weighted::balanced(&data, 2).weights(), [4.0 / 6.0, 2.0]);
    /// # Ok::<(), adaptune_train::DataError>(())
    /// ```
    #[must_use]
    pub fn balanced(data: &Dataset, classes: usize) -> Self {
        let mut counts = vec![0usize; classes];
        for class in data.examples().iter().flat_map(|example| of(&example.target)).flatten() {
            counts[class] += 1;
        }
        let all: usize = counts.iter().sum();
        let weight = |count: usize| if count == 0 { 1.0 } else { all as f64 / (classes * count) as f64 };
        Self { task: data.task(), weights: counts.into_iter().map(weight).collect() }
    }

    /// The weight of each class.
    #[must_use]
    pub fn weights(&self) -> &[f64] {
        &self.weights
    }
}

/// The classes of an example: one, or one for each token.
fn of(target: &Target) -> Vec<Option<usize>> {
    match target {
        Target::Class(class) => vec![Some(*class)],
        Target::Tags(tags) => tags.clone(),
        _ => Vec::new(),
    }
}

impl<S: Scalar> Supervision<S> for Weighted {
    fn name(&self) -> String {
        format!("classes weighing {:?}", self.weights)
    }

    fn objective(&self, batch: &ExampleBatch<'_>) -> Box<dyn Objective<S>> {
        let classes = batch.examples.iter().flat_map(|example| of(&example.target)).collect();
        Box::new(WeightedClasses { classes, weights: self.weights.clone() })
    }

    fn metrics(&self, all: &ExampleBatch<'_>, logits: ArrayView2<'_, S>, loss: f64, labels: &[String]) -> Metrics {
        if self.task.reads_every_token() {
            Tags.metrics(all, logits, loss, labels)
        } else {
            Classes::MOST_PROBABLE.metrics(all, logits, loss, labels)
        }
    }
}
