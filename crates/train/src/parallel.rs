//! Predicting with several adapters and their heads at once.

use crate::batching::in_order;
use crate::data::Dataset;
use crate::error::TrainError;
use crate::evaluate::joined;
use crate::example::Example;
use crate::finite::first;
use adaptune_adapters::AdapterPool;
use adaptune_tensor::{Scalar, Seed};
use ndarray::Array2;

/// Returns the logits of every example of each data set by the adapter and head of its name, in order; each as
/// [`predict`](crate::predict) would return them. All of them are finite.
///
/// Where data sets hold the same tokens, the blocks below the lowest module of their adapters are computed once; see
/// [`AdapterPool::parallel`]. Adapters read one text as other tokens where it was cut at another length in training, or is read word by word.
///
/// ```
/// use adaptune_adapters::{Adapter, AdapterModel, AdapterPool, Head, HeadConfig, Task};
/// use adaptune_tensor::Seed;
/// use adaptune_train::{Dataset, Example, Target, predict_parallel};
/// use adaptune_transformer::{Config, Encoder};
/// use std::sync::Arc;
///
/// let base = Arc::new(Encoder::<f32>::random(Config::bert(16, 2, 2, 32), 0.1, Seed::new(1)));
/// let mut pool = AdapterPool::new(base.clone());
/// for (name, labels) in [("mood", ["good", "bad"]), ("topic", ["food", "music"])] {
///     let adapter = Adapter::on(name, &"seq_bn[leave_out=[0]]".parse()?, &base, Seed::new(2))?;
///     let head = HeadConfig::new(Task::CLASSIFICATION, labels.map(str::to_owned).to_vec());
///     pool.add(name, AdapterModel::new(base.clone(), Some(adapter), Head::new(name, &head, &base, Seed::new(3))?))?;
/// }
/// let examples = (1..9).map(|id| Example::single(vec![0, id], Target::Class(0))).collect();
/// let data = Dataset::new(Task::CLASSIFICATION, 2, examples)?;
/// let logits = predict_parallel(&pool, &[("mood", &data), ("topic", &data)], 4)?;
/// assert_eq!((logits.len(), logits[1].dim()), (2, (8, 2)));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// If an adapter is not loaded, the base cannot take an example, or a logit is not finite: the error names adapter and example.
///
/// # Panics
/// If `batch_size` is 0.
pub fn predict_parallel<S: Scalar>(
    pool: &AdapterPool<S>,
    of: &[(&str, &Dataset)],
    batch_size: usize,
) -> Result<Vec<Array2<S>>, TrainError> {
    let mut found = vec![None; of.len()];
    for group in groups(of) {
        let names: Vec<&str> = group.iter().map(|member| of[*member].0).collect();
        let logits = predict_group(pool, &names, of[group[0]].1, batch_size)?;
        group.into_iter().zip(logits).for_each(|(member, logits)| found[member] = Some(logits));
    }
    Ok(found.into_iter().flatten().collect())
}

/// The members whose data hold the same tokens, together.
fn groups(of: &[(&str, &Dataset)]) -> Vec<Vec<usize>> {
    let mut groups: Vec<Vec<usize>> = Vec::new();
    for (member, (_, data)) in of.iter().enumerate() {
        match groups.iter_mut().find(|group| same_tokens(of[group[0]].1, data)) {
            Some(group) => group.push(member),
            None => groups.push(vec![member]),
        }
    }
    groups
}

fn same_tokens(a: &Dataset, b: &Dataset) -> bool {
    let mut pairs = a.examples().iter().zip(b.examples());
    std::ptr::eq(a, b) || a.len() == b.len() && pairs.all(|(a, b)| a.sequences == b.sequences)
}

/// The logits of all examples by each adapter.
fn predict_group<S: Scalar>(
    pool: &AdapterPool<S>,
    names: &[&str],
    data: &Dataset,
    batch_size: usize,
) -> Result<Vec<Array2<S>>, TrainError> {
    let mut batches: Vec<Vec<Array2<S>>> = vec![Vec::new(); names.len()];
    for examples in in_order(data.len(), batch_size) {
        let batch = data.batch(&examples, Seed::new(0));
        let each = pool.parallel(&batch.batch, names)?;
        for ((name, of_sequences), batches) in names.iter().zip(each).zip(&mut batches) {
            check(name, &batch.examples, &examples, &of_sequences)?;
            batches.push(joined(&of_sequences));
        }
    }
    Ok(batches.iter().map(|batches| joined(batches)).collect())
}

/// Refuses logits, those of each sequence, that are not finite.
fn check<S: Scalar>(
    name: &str,
    examples: &[&Example],
    numbers: &[usize],
    logits: &[Array2<S>],
) -> Result<(), TrainError> {
    let mut sequences = logits.iter();
    for (example, number) in examples.iter().zip(numbers) {
        for found in sequences.by_ref().take(example.sequences.len()) {
            if let Some((_, value)) = first(found.view()) {
                let place = format!("with adapter `{name}`; predict with it alone to see where it began");
                return Err(TrainError::NotFinite { example: *number, value, place });
            }
        }
    }
    Ok(())
}
