//! Which adapters the fusions and routers of a model listen to, over a data set and by its labels.

use crate::batching::in_order;
use crate::data::Dataset;
use crate::error::TrainError;
use crate::example::{Example, Target};
use adaptune_adapters::{AdapterModel, MixingWeights, Point};
use adaptune_tensor::{Scalar, Seed};
use ndarray::{Array1, Array2, ArrayView1};
use std::collections::BTreeMap;

/// What one fusion or router gave its adapters at one point, over all examples.
#[derive(Clone, Debug)]
pub struct MixingShares {
    /// The kind and name of what weighed: `fusion a,b`.
    pub mixing: String,
    /// Where it stands.
    pub point: Point,
    /// The names of the adapters.
    pub adapters: Vec<String>,
    /// The mean weight of each adapter over all tokens that were seen, `[N]`; of those that a router chose among others the rest is
    /// zero.
    pub mean: Array1<f64>,
    /// The part of the tokens for which each adapter weighed anything, `[N]`: below 1 only where a router chooses.
    pub used: Array1<f64>,
    /// The mean over the examples of each class, or over the tokens of each tag, by its number: those that occur.
    pub by_label: BTreeMap<usize, Array1<f64>>,
    /// For each of the first examples the weights of its tokens, `[t, N]`; in the last block perhaps only of those that the head reads.
    pub first: Vec<Array2<f64>>,
}

/// Sums over examples, or tokens, and how many there were.
#[derive(Clone, Debug)]
struct Sum(Array1<f64>, usize);

impl Sum {
    fn new(adapters: usize) -> Self {
        Self(Array1::zeros(adapters), 0)
    }

    fn add(&mut self, weights: ArrayView1<'_, f64>) {
        self.0 += &weights;
        self.1 += 1;
    }

    fn mean(&self) -> Array1<f64> {
        &self.0 / self.1.max(1) as f64
    }
}

/// What has been seen at one point.
struct Seen {
    adapters: Vec<String>,
    all: Sum,
    used: Sum,
    by_label: BTreeMap<usize, Sum>,
    first: Vec<Array2<f64>>,
}

/// Runs a data set through a model and returns, for each point of each fusion and router in it, how much each adapter weighed; with the
/// weights of every token of the first `first` examples. Nothing is returned for a model without such.
///
/// # Errors
/// If the base cannot take an example.
///
/// # Panics
/// If `batch_size` is 0.
pub fn mixing_shares<S: Scalar>(
    model: &mut AdapterModel<S>,
    data: &Dataset,
    batch_size: usize,
    first: usize,
) -> Result<Vec<MixingShares>, TrainError> {
    let record = model.watch_mixing();
    let mut seen = BTreeMap::new();
    for numbers in in_order(data.len(), batch_size) {
        let batch = data.batch(&numbers, Seed::new(0));
        model.logits(&batch.batch)?;
        for weights in record.take() {
            let examples: Vec<&Example> = numbers.iter().map(|number| &data.examples()[*number]).collect();
            add(&mut seen, weights, &examples, first);
        }
    }
    Ok(seen.into_iter().map(shares).collect())
}

fn add(
    seen: &mut BTreeMap<(String, Point), Seen>,
    MixingWeights { mixing, point, adapters, layout, weights }: MixingWeights,
    examples: &[&Example],
    first: usize,
) {
    let sum = Sum::new(adapters.len());
    let new = Seen { adapters, all: sum.clone(), used: sum, by_label: BTreeMap::new(), first: Vec::new() };
    let seen = seen.entry((mixing, point)).or_insert(new);
    for row in weights.outer_iter() {
        seen.all.add(row);
        seen.used.add(row.mapv(|weight| f64::from(u8::from(weight != 0.0))).view());
    }
    // A part of a batch alone, as a choice by sequence gives its adapters, cannot be told apart by example.
    let sequences: usize = examples.iter().map(|example| example.sequences.len()).sum();
    if layout.sequences() != sequences {
        return;
    }
    let mut ranges = layout.ranges();
    for example in examples {
        let of_example: Vec<usize> = ranges.by_ref().take(example.sequences.len()).flatten().collect();
        let rows = weights.select(ndarray::Axis(0), &of_example);
        seen.add_labels(example, &rows);
        if seen.first.len() < first {
            seen.first.push(rows);
        }
    }
}

impl Seen {
    /// Adds the weights of one example's tokens, `[t, N]`, to those of its class, or each to those of the token's tag.
    fn add_labels(&mut self, example: &Example, rows: &Array2<f64>) {
        let (adapters, by_label) = (self.adapters.len(), &mut self.by_label);
        let mut add = |label: usize, weights: ArrayView1<'_, f64>| {
            by_label.entry(label).or_insert_with(|| Sum::new(adapters)).add(weights);
        };
        match &example.target {
            Target::Class(class) => {
                if let Some(mean) = rows.mean_axis(ndarray::Axis(0)) {
                    add(*class, mean.view());
                }
            }
            Target::Tags(tags) if tags.len() == rows.nrows() => {
                for (tag, row) in tags.iter().zip(rows.outer_iter()) {
                    if let Some(tag) = tag {
                        add(*tag, row);
                    }
                }
            }
            _ => {}
        }
    }
}

fn shares(((mixing, point), seen): ((String, Point), Seen)) -> MixingShares {
    let Seen { adapters, all, used, by_label, first } = seen;
    let by_label = by_label.into_iter().map(|(label, sum)| (label, sum.mean())).collect();
    MixingShares { mixing, point, adapters, mean: all.mean(), used: used.mean(), by_label, first }
}

#[cfg(test)]
mod tests {
    use super::*;
    use adaptune_adapters::{Adapter, Head, HeadConfig, Route, Router, RouterConfig, Setup, Task};
    use adaptune_tensor::Parameters;
    use adaptune_transformer::{Config, Encoder};
    use std::sync::Arc;

    /// Two adapters and a router that looks at the first number of the state, by sequence; tokens 1 and 2 have it of other signs.
    fn model(settings: &[(&str, serde_json::Value)]) -> AdapterModel<f64> {
        let config = Config { vocabulary: 7, positions: 9, ..Config::bert(6, 2, 2, 7) };
        let base = Arc::new(Encoder::<f64>::random(config, 0.4, Seed::new(1)));
        let part = |name: &str| Adapter::on(name, &"seq_bn[reduction_factor=2]".parse().unwrap(), &base, Seed::new(2));
        let parts: Vec<Setup<f64>> = ["a", "b"].map(|name| Setup::from(part(name).unwrap())).into();
        let config = RouterConfig::of_fields(settings.iter().map(|(name, value)| (*name, value))).unwrap();
        let mut router = Router::new("r", &config, base.config(), &parts, Seed::new(3)).unwrap();
        for (_, weight) in router.parameters_mut() {
            weight
                .values_mut()
                .iter_mut()
                .enumerate()
                .for_each(|(i, v)| *v = [9.0, -9.0][i / 6] * f64::from(u8::from(i % 6 == 0)));
        }
        let head = HeadConfig::new(Task::CLASSIFICATION, vec!["x".into(), "y".into()]);
        let head = Head::new("h", &head, &base, Seed::new(4)).unwrap();
        let route = Route::new(base.config(), parts, router).unwrap();
        AdapterModel::new(base.clone(), None, head).with_setup(route).unwrap()
    }

    fn data() -> Dataset {
        let example = |(ids, class): (&[u32], usize)| Example::single(ids.to_vec(), Target::Class(class));
        let examples: [(&[u32], usize); 5] = [(&[1, 2, 3], 0), (&[4], 1), (&[5, 6, 1, 2], 1), (&[3, 3], 0), (&[6], 1)];
        Dataset::new(Task::CLASSIFICATION, 2, examples.map(example).into()).unwrap()
    }

    #[test]
    fn weights_are_summed_by_point_and_label_whatever_the_batches() {
        for settings in [vec![], vec![("top", 1.into())], vec![("by", "sequence".into()), ("hard", true.into())]] {
            let (mut model, data) = (model(&settings), data());
            let whole = mixing_shares(&mut model, &data, 5, 2).unwrap();
            let pieces = mixing_shares(&mut model, &data, 2, 2).unwrap();
            assert_eq!(whole.len(), 2, "one end of a sublayer in each of two layers");
            for (a, b) in whole.iter().zip(&pieces) {
                assert_eq!((a.point, &a.adapters), (b.point, &vec!["a".to_owned(), "b".to_owned()]));
                assert!((&a.mean - &b.mean).iter().all(|d| d.abs() < 1e-12), "{settings:?}");
                assert!(a.by_label[&1].iter().zip(&b.by_label[&1]).all(|(a, b)| (a - b).abs() < 1e-12));
                let sum = a.mean.sum();
                assert!(if settings == [("top", 1.into())] { sum <= 1.0 } else { (sum - 1.0).abs() < 1e-9 }, "{sum}");
                let choosing = settings.iter().any(|(name, _)| *name != "by");
                assert!((a.used.sum() - if choosing { 1.0 } else { 2.0 }).abs() < 1e-12, "{:?}", a.used);
            }
            // The head reads first tokens alone, so the last block computes no others.
            assert_eq!(whole[0].first.iter().map(Array2::nrows).collect::<Vec<_>>(), [3, 1]);
            assert!(whole[1].first.iter().all(|rows| rows.nrows() <= 3));
        }
    }
}
