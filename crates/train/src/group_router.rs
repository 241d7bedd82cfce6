//! To which groups texts belong that do not say so.
//!
//! Every group is known by the mean of its training examples, `μ_g`, where an example is the mean over the tokens of the base's last state, `x: [D]`,
//! with no adapter in it. All groups have one variance in each direction, `v: [D]`, so that
//!
//! ```text
//! p(g | x) = softmax_g(−τ/2 Σ_d (x_d − μ_gd)² / v_d)
//! ```
//!
//! With `τ = 1` that is the posterior of a mixture of Gaussians whose directions are independent. They are not, and the more of them there are, the surer
//! it is of itself without reason; so `τ ≤ 1` is the number by which the training examples' own groups are most probable. The logarithm of their
//! probability is concave in it, and its zero is found by halving. Nothing else is to be learnt: one pass over the data gives the same
//! router on every machine, and a group that comes later is one more mean.

use crate::batching::in_order;
use crate::data::Dataset;
use adaptune_tensor::{Scalar, Seed, in_pool};
use adaptune_transformer::weights::{Reader, TensorFile, WeightError, is_there, resolve, write_safetensors};
use adaptune_transformer::{Base, BatchError, Encoder, Pass, Selection};
use ndarray::{Array1, Array2, ArrayD, ArrayView1, Axis, Ix1, Ix2};
use std::collections::BTreeMap;
use std::path::Path;
use thiserror::Error;

/// The name of its file.
const FILE: &str = "domains.safetensors";
/// How many examples of a group say what it is like.
const MOST_EXAMPLES: usize = 1000;
/// What is less likely is not averaged over: every path costs time.
const LEAST: f64 = 0.01;
/// Halvings of the interval in which the sharpness lies.
const HALVINGS: usize = 60;

/// Says to which groups texts belong, by how near they are to those that it has seen of each: for a [tree](adaptune_adapters::Tree) of adapters,
/// which paths a text outside of the tree is the average of.
///
/// ```
/// use adaptune_tensor::Seed;
/// use adaptune_train::{Dataset, GroupRouter};
/// use adaptune_transformer::{Config, Encoder};
/// let base = Encoder::<f32>::random(Config { vocabulary: 11, positions: 9, ..Config::bert(8, 2, 2, 12) }, 0.1, Seed::new(1));
/// let texts = [[1, 5, 7], [7, 1, 5], [5, 7, 1], [2, 9, 8], [9, 8, 2], [8, 2, 9]].map(Vec::from);
/// let groups = [1, 1, 1, 3, 3, 3].map(|group| vec![(group, 1.0)]);
/// let router = GroupRouter::fit(&base, &Dataset::texts(texts.to_vec())?.with_groups(groups.to_vec())?, 2)?;
/// let found = router.groups(&base, &Dataset::texts(vec![vec![9, 2, 8], vec![7, 5, 1]])?, 2)?;
/// let likely = |groups: &Vec<(usize, f64)>| groups.iter().max_by(|a, b| a.1.total_cmp(&b.1)).map(|(group, _)| *group);
/// assert_eq!(found.iter().map(likely).collect::<Vec<_>>(), [Some(3), Some(1)]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct GroupRouter {
    /// Those that it has seen, in rising order.
    groups: Vec<usize>,
    /// `[G, D]`.
    means: Array2<f32>,
    /// `τ / v`, `[D]`.
    precisions: Array1<f32>,
}

/// Why there is no router.
#[derive(Debug, Error)]
pub enum GroupRouterError {
    /// No example belongs to one group alone.
    #[error("no example says which one group it belongs to, so that nothing is known of any")]
    NoGroups,
    /// The base cannot take an example.
    #[error(transparent)]
    Batch(#[from] BatchError),
    /// It was made for a base of another size.
    #[error(
        "the file of domains is for states of {found} numbers, but the base has {expected}: it was made for another base"
    )]
    Size {
        /// What it is for.
        found: usize,
        /// The hidden size of the base.
        expected: usize,
    },
    /// Its file cannot be read or written.
    #[error(transparent)]
    File(#[from] WeightError),
    /// Numbers in its file that are none of groups.
    #[error("{path}: \"groups\" holds {found}, which is no number of a group; the file is damaged")]
    Group {
        /// The file.
        path: String,
        /// The number.
        found: f32,
    },
    /// The file cannot be looked for.
    #[error("cannot look for {FILE}: {0}")]
    Io(#[from] std::io::Error),
}

impl GroupRouter {
    /// The router among the groups of these examples: of those that belong to one alone, the first thousand of each.
    ///
    /// # Errors
    /// If there are none, or the base cannot take an example.
    ///
    /// # Panics
    /// If `batch_size` is 0.
    pub fn fit<S: Scalar>(base: &Encoder<S>, data: &Dataset, batch_size: usize) -> Result<Self, GroupRouterError> {
        let mut by_group: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for (i, groups) in data.groups().unwrap_or_default().iter().enumerate() {
            if let [(group, _)] = groups.as_slice() {
                let its = by_group.entry(*group).or_default();
                if its.len() < MOST_EXAMPLES {
                    its.push(i);
                }
            }
        }
        let numbers = by_group.values().flatten().copied().collect::<Vec<_>>();
        let chosen = data.select(&numbers).map_err(|_| GroupRouterError::NoGroups)?;
        let x = vectors(base, &chosen, batch_size)?;
        let of: Vec<usize> = by_group.values().enumerate().flat_map(|(g, its)| vec![g; its.len()]).collect();
        Ok(Self::of_vectors(by_group.into_keys().collect(), &x, &of))
    }

    /// That of vectors `[N, D]`, of which number `i` is of group number `of[i]` of the list.
    fn of_vectors(groups: Vec<usize>, x: &Array2<f64>, of: &[usize]) -> Self {
        let mut means = Array2::<f64>::zeros((groups.len(), x.ncols()));
        for (row, g) in x.outer_iter().zip(of) {
            means.row_mut(*g).scaled_add(1.0, &row);
        }
        for (g, mut mean) in means.outer_iter_mut().enumerate() {
            mean /= of.iter().filter(|other| **other == g).count() as f64;
        }
        let mut variance = Array1::<f64>::zeros(x.ncols());
        for (row, g) in x.outer_iter().zip(of) {
            variance += &(&row - &means.row(*g)).mapv(|d| d * d);
        }
        // Where nothing differs, a direction says as little as the others on average.
        let floor = (variance.sum() / variance.len().max(1) as f64).max(f64::MIN_POSITIVE) * 1e-6;
        let precisions = variance.mapv(|v| x.nrows() as f64 / v.max(floor));
        let sharpness = sharpness(&distances(x, &means, precisions.view()), of);
        let precisions = precisions.mapv(|precision| (precision * sharpness) as f32);
        Self { groups, means: means.mapv(|mean| mean as f32), precisions }
    }

    /// Returns the groups of each example, with weights that sum to 1: those that are likely, at least by one in a hundred.
    ///
    /// # Errors
    /// If the base cannot take an example, or is another one than it was made for.
    ///
    /// # Panics
    /// If `batch_size` is 0.
    pub fn groups<S: Scalar>(
        &self,
        base: &Encoder<S>,
        data: &Dataset,
        batch_size: usize,
    ) -> Result<Vec<Vec<(usize, f64)>>, GroupRouterError> {
        let (found, expected) = (self.means.ncols(), base.config().hidden);
        if found != expected {
            return Err(GroupRouterError::Size { found, expected });
        }
        let x = vectors(base, data, batch_size)?;
        let precisions = self.precisions.mapv(f64::from);
        let distances = distances(&x, &self.means.mapv(f64::from), precisions.view());
        Ok(distances.outer_iter().map(|row| self.likely(&probabilities(row, 1.0))).collect())
    }

    fn likely(&self, probabilities: &[f64]) -> Vec<(usize, f64)> {
        let most = probabilities.iter().copied().fold(0.0, f64::max);
        let kept = || self.groups.iter().zip(probabilities).filter(|(_, p)| **p >= LEAST.min(most));
        let sum: f64 = kept().map(|(_, p)| p).sum();
        kept().map(|(group, p)| (*group, p / sum)).collect()
    }

    /// Writes it into a folder.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn save(&self, folder: &Path) -> Result<(), GroupRouterError> {
        let groups: Array1<f32> = self.groups.iter().map(|group| *group as f32).collect();
        let tensors: [(String, ArrayD<f32>); 3] = [
            ("groups".into(), groups.into_dyn()),
            ("means".into(), self.means.clone().into_dyn()),
            ("precisions".into(), self.precisions.clone().into_dyn()),
        ];
        Ok(write_safetensors(&folder.join(FILE), &tensors, &BTreeMap::new())?)
    }

    /// Reads that of a folder; nothing if there is none.
    ///
    /// # Errors
    /// If its file is damaged.
    pub fn load(folder: &Path) -> Result<Option<Self>, GroupRouterError> {
        let path = resolve(folder, FILE)?;
        if !is_there(&path) {
            return Ok(None);
        }
        let file = TensorFile::open(&path)?;
        let mut reader = Reader::new(&file, &[""], "means")?;
        let [groups, width] = <[usize; 2]>::try_from(reader.shape("means")?).unwrap_or_default();
        let means: ArrayD<f32> = reader.take("means", &[groups, width])?;
        let numbers: ArrayD<f32> = reader.take("groups", &[groups])?;
        let precisions: ArrayD<f32> = reader.take("precisions", &[width])?;
        reader.finish(|_| false)?;
        let whole = |number: &f32| match *number >= 0.0 && number.fract() == 0.0 && *number < 16_777_216.0 {
            true => Ok(*number as usize),
            false => Err(GroupRouterError::Group { path: path.display().to_string(), found: *number }),
        };
        let groups = numbers.iter().map(whole).collect::<Result<_, _>>()?;
        let (Ok(means), Ok(precisions)) = (means.into_dimensionality::<Ix2>(), precisions.into_dimensionality::<Ix1>())
        else {
            return Ok(None);
        };
        Ok(Some(Self { groups, means, precisions }))
    }
}

/// The mean of each example's last state over all its tokens, with no adapter in the base, `[N, D]`.
fn vectors<S: Scalar>(base: &Encoder<S>, data: &Dataset, batch_size: usize) -> Result<Array2<f64>, BatchError> {
    let mut x = Array2::zeros((data.len(), base.config().hidden));
    for numbers in in_order(data.len(), batch_size) {
        let batch = data.batch(&numbers, Seed::new(0));
        let read = || Base::from(base).read(&batch.batch, &(), Pass::evaluate(), &Selection::Mean);
        let mut sequences = in_pool(read)?
            .hidden
            .mapv(Scalar::to_f64)
            .outer_iter()
            .map(|row| row.to_owned())
            .collect::<Vec<_>>()
            .into_iter();
        for (number, example) in numbers.into_iter().zip(&batch.examples) {
            let count = example.sequences.len();
            sequences.by_ref().take(count).for_each(|row| x.row_mut(number).scaled_add(1.0 / count as f64, &row));
        }
    }
    Ok(x)
}

/// `½ Σ_d (x_d − μ_gd)² w_d` of each vector and group, `[N, G]`.
fn distances(x: &Array2<f64>, means: &Array2<f64>, weights: ArrayView1<'_, f64>) -> Array2<f64> {
    let one = |(n, g): (usize, usize)| {
        let difference = &x.row(n) - &means.row(g);
        0.5 * difference.iter().zip(weights).map(|(d, w)| d * d * w).sum::<f64>()
    };
    Array2::from_shape_fn((x.nrows(), means.nrows()), one)
}

/// `softmax(−τ d)`.
fn probabilities(distances: ArrayView1<'_, f64>, sharpness: f64) -> Vec<f64> {
    let nearest = distances.iter().copied().fold(f64::INFINITY, f64::min);
    let each: Vec<f64> = distances.iter().map(|d| (sharpness * (nearest - d)).exp()).collect();
    let sum: f64 = each.iter().sum();
    each.into_iter().map(|p| p / sum).collect()
}

/// The `τ ≤ 1` by which vectors are most probably of their own groups.
fn sharpness(distances: &Array2<f64>, of: &[usize]) -> f64 {
    // The derivative of Σ log p(own), which falls: the mean distance by p, less that to the own group.
    let slope = |sharpness: f64| -> f64 {
        let of_one = |(row, own): (ArrayView1<'_, f64>, &usize)| {
            let expected: f64 = probabilities(row, sharpness).iter().zip(row).map(|(p, d)| p * d).sum();
            expected - row[*own]
        };
        distances.axis_iter(Axis(0)).zip(of).map(of_one).sum()
    };
    if slope(1.0) >= 0.0 {
        return 1.0;
    }
    let (mut low, mut high) = (0.0, 1.0);
    for _ in 0..HALVINGS {
        let middle = 0.5 * (low + high);
        if slope(middle) > 0.0 { low = middle } else { high = middle }
    }
    0.5 * (low + high)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two clouds around -1 and 1, told apart by the first number alone.
    fn clouds(spread: f64) -> (Array2<f64>, Vec<usize>) {
        let of: Vec<usize> = (0..40).map(|i| i % 2).collect();
        let noise = |i: usize, d: usize| spread * (2.0 * Seed::new(3).at(i as u64).unit(d as u64) - 1.0);
        let x =
            Array2::from_shape_fn((40, 3), |(i, d)| noise(i, d) + if d == 0 { of[i] as f64 * 2.0 - 1.0 } else { 0.0 });
        (x, of)
    }

    #[test]
    fn what_is_near_is_likely_and_what_lies_between_is_both() {
        let (x, of) = clouds(1.5);
        let router = GroupRouter::of_vectors(vec![4, 7], &x, &of);
        let at = |first: f64| {
            let x = Array2::from_shape_vec((1, 3), vec![first, 0.0, 0.0]).expect("three numbers");
            let distances = distances(&x, &router.means.mapv(f64::from), router.precisions.mapv(f64::from).view());
            router.likely(&probabilities(distances.row(0), 1.0))
        };
        let (left, middle, far) = (at(-1.5), at(0.0), at(9.0));
        assert!(left.len() == 2 && left[0].0 == 4 && left[0].1 > 0.7, "{left:?}");
        assert!(
            (middle.iter().map(|(_, p)| p).sum::<f64>() - 1.0).abs() < 1e-12 && middle[0].1 > 0.3 && middle[1].1 > 0.3
        );
        assert_eq!(far, [(7, 1.0)], "the other is less likely than one in a hundred");
    }

    /// At the best sharpness neither a little more nor a little less makes the groups more probable.
    #[test]
    fn the_sharpness_is_the_most_probable_one() {
        let (mut x, of) = clouds(2.0);
        // The same direction ten times over: of independent ones there would be ten times as much to go by.
        x = ndarray::concatenate(Axis(1), &vec![x.view(); 10]).expect("as many rows");
        let mean = |g: usize| {
            let its: Vec<usize> = (0..40).filter(|i| of[*i] == g).collect();
            x.select(Axis(0), &its).mean_axis(Axis(0)).expect("some")
        };
        let means = ndarray::stack(Axis(0), &[mean(0).view(), mean(1).view()]).expect("two rows");
        let distances = distances(&x, &means, Array1::ones(x.ncols()).view());
        let likelihood = |sharpness: f64| -> f64 {
            let own = |(i, row): (usize, ArrayView1<'_, f64>)| probabilities(row, sharpness)[of[i]].ln();
            distances.outer_iter().enumerate().map(own).sum()
        };
        let best = sharpness(&distances, &of);
        assert!(best < 0.5, "{best}");
        assert!(likelihood(best) > likelihood(best * 1.01) && likelihood(best) > likelihood(best * 0.99), "{best}");
        assert_eq!(sharpness(&distances, &of).to_bits(), best.to_bits());
    }

    #[test]
    fn what_was_written_is_read_and_damage_is_told() {
        let (x, of) = clouds(1.0);
        let router = GroupRouter::of_vectors(vec![0, 3], &x, &of);
        let folder = tempfile::tempdir().unwrap();
        assert!(GroupRouter::load(folder.path()).unwrap().is_none());
        router.save(folder.path()).unwrap();
        assert_eq!(GroupRouter::load(folder.path()).unwrap().as_ref(), Some(&router));
        let path = folder.path().join(FILE);
        let half = ndarray::arr1(&[0.5_f32, 1.0]).into_dyn();
        let tensors: [(String, ArrayD<f32>); 3] = [
            ("groups".into(), half),
            ("means".into(), router.means.clone().into_dyn()),
            ("precisions".into(), router.precisions.clone().into_dyn()),
        ];
        write_safetensors(&path, &tensors, &BTreeMap::new()).unwrap();
        let error = GroupRouter::load(folder.path()).unwrap_err().to_string();
        assert!(error.contains("0.5") && error.contains("domains.safetensors"), "{error}");
        std::fs::write(&path, "no tensors").unwrap();
        assert!(GroupRouter::load(folder.path()).is_err());
    }
}
