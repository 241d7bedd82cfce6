//! Parametrised hypercomplex multiplication, PHM (Zhang et al., 2021): a linear layer whose weight is a sum of Kronecker
//! products; the layers of Compacter (Mahabadi, Henderson and Ruder, 2021).
//!
//! For `n` matrices `A_i: [n, n]` (the *rule*) and `B_i = L_i R_i: [In/n, Out/n]` of rank `K`:
//!
//! ```text
//! y = x Σ_i A_i ⊗ B_i + b                              [T, In] → [T, Out]
//! ```
//!
//! The product is never written out. With `x` seen as `[T n, In/n]`, each token as `n` pieces, and `y` alike:
//!
//! ```text
//! Z = x [L_0 L_1 …]                                    [T n, n K]
//! C[t u, i] = Σ_p A_i[p, u] Z[t p, i]                  the rule mixes the pieces of a token, [T n, n K]
//! y = C [R_0 ; R_1 ; …] + b                            [T n, Out/n]
//! ```
//!
//! For each token this takes `(In + Out) K + n³ K` products of two numbers in place of `In · Out`: for 768, 24 and `n = 4`,
//! `K = 1`, 3,232 in place of 18,432. Where the `B_i` are no products, `L_i` is `B_i`, and the sum over `i` stands in place
//! of the `R_i`.
//!
//! # Gradients
//!
//! ```text
//! d_R = Cᵀ d_y            d_C = d_y Rᵀ                 or d_y for each i
//! d_A_i[p, u] = Σ_t,k Z[t p, i k] d_C[t u, i k]
//! d_Z[t p, i] = Σ_u A_i[p, u] d_C[t u, i]              the rule mixes back
//! d_L = xᵀ d_Z            d_x = d_Z Lᵀ                 d_b = Σ_t d_y
//! ```
//!
//! `Z` and `C` are thin, and backward computes them again. Where the `A_i` are products too, their gradients go on as
//! those of any product. Rule and `B_i` may belong to all layers ([`PhmShared`]): their gradients are summed.

use super::config::PhmConfig;
use super::side::Side;
use super::stack::{Arrays, Stack, list, list_mut};
use adaptune_tensor::{
    Gradients, Kind, Named, NamedMut, Parameter, Parameters, Scalar, Seed, join, linear_bias_backward, matmul,
};
use ndarray::{Array1, Array2, Array3, ArrayView2, Axis, Ix1};

/// What all layers of an adapter share.
#[derive(Clone, Debug)]
pub struct PhmShared<S> {
    rule: Option<Stack<S>>,
    down: Option<Stack<S>>,
    up: Option<Stack<S>>,
}

/// A layer; what is `None` is shared, but for the bias.
#[derive(Clone, Debug)]
pub(crate) struct PhmLinear<S> {
    side: Side,
    rule: Option<Stack<S>>,
    weight: Option<Stack<S>>,
    bias: Option<Parameter<S, Ix1>>,
}

impl<S: Scalar> PhmShared<S> {
    /// For bottlenecks between these two widths; with `zero_up` their output begins as zero.
    pub(crate) fn new(config: &PhmConfig, (hidden, bottleneck): (usize, usize), zero_up: bool, seed: Seed) -> Self {
        let seed = seed.named("shared");
        let weight = |side, shape, zero| config.shared_w.then(|| config.weight(side, shape, zero, seed));
        Self {
            rule: config.shared_rule.then(|| config.rule(true, seed)),
            down: weight(Side::Down, (hidden, bottleneck), false),
            up: weight(Side::Up, (bottleneck, hidden), zero_up),
        }
    }
}

impl<S: Scalar> PhmLinear<S> {
    pub(crate) fn new(config: &PhmConfig, side: Side, shape: (usize, usize), zero: bool, seed: Seed) -> Self {
        Self {
            side,
            rule: (!config.shared_rule).then(|| config.rule(false, seed.named(side.name()))),
            weight: (!config.shared_w).then(|| config.weight(side, shape, zero, seed)),
            bias: config.bias.then(|| Parameter::new(Kind::Bias, Array1::zeros(shape.1))),
        }
    }

    /// Rule and weight, the layer's own or the shared ones.
    fn parts<'a>(&'a self, shared: Option<&'a PhmShared<S>>) -> (&'a Stack<S>, &'a Stack<S>) {
        let shared_weight = shared.and_then(|shared| match self.side {
            Side::Down => shared.down.as_ref(),
            Side::Up => shared.up.as_ref(),
        });
        let rule = self.rule.as_ref().or_else(|| shared?.rule.as_ref());
        let weight = self.weight.as_ref().or(shared_weight);
        (rule.expect("a rule is shared or a layer's own"), weight.expect("weights are shared or a layer's own"))
    }

    /// `[T, In] → [T, Out]`.
    pub(crate) fn forward(&self, x: ArrayView2<'_, S>, shared: Option<&PhmShared<S>>) -> Array2<S> {
        let (rule, weight) = self.parts(shared);
        let n = rule.left.view().dim().0;
        let z = matmul(pieces(x, n).view(), side_by_side(weight).view());
        let mixed = mix(&z, &rule.whole());
        let y = match &weight.right {
            Some(right) => matmul(mixed.view(), flat(right).view()),
            None => sum_of_groups(&mixed, n),
        };
        let mut y = tokens(y, n);
        self.bias.iter().for_each(|bias| y += &bias.view());
        y
    }

    /// Adds the gradients of the parameters that train; gives `d_x` if it is wanted.
    pub(crate) fn backward(
        &self,
        x: ArrayView2<'_, S>,
        d_y: ArrayView2<'_, S>,
        shared: Option<&PhmShared<S>>,
        wants_input: bool,
        gradients: &mut Gradients<S>,
    ) -> Option<Array2<S>> {
        let (rule, weight) = self.parts(shared);
        let a = rule.whole();
        let n = a.dim().0;
        if let Some(bias) = self.bias.as_ref().filter(|bias| bias.trains()) {
            gradients.add(bias, linear_bias_backward(d_y));
        }
        let (x, d_y, left) = (pieces(x, n), pieces(d_y, n), side_by_side(weight));
        let z = matmul(x.view(), left.view());
        let d_mixed = match &weight.right {
            Some(right) => {
                if right.trains() {
                    let d = matmul(mix(&z, &a).t(), d_y.view());
                    gradients.add(right, d.into_shape_with_order(right.view().dim()).expect("as many numbers"));
                }
                matmul(d_y.view(), flat(right).t())
            }
            None => group_of_copies(&d_y, n),
        };
        if rule.left.trains() {
            rule.whole_backward(mix_backward(&z, &d_mixed, n), gradients);
        }
        let d_z = mix(&d_mixed, &a.permuted_axes([0, 2, 1]));
        if weight.left.trains() {
            let (n, rows, columns) = weight.left.view().dim();
            let d = matmul(x.t(), d_z.view()).into_shape_with_order((rows, n, columns)).expect("as many numbers");
            gradients.add(&weight.left, d.permuted_axes([1, 0, 2]).as_standard_layout().into_owned());
        }
        wants_input.then(|| tokens(matmul(d_z.view(), left.t()), n))
    }
}

/// Each token as `n` pieces: `[T, n m] → [T n, m]`.
fn pieces<S: Scalar>(x: ArrayView2<'_, S>, n: usize) -> Array2<S> {
    let (tokens, width) = x.dim();
    let x = x.as_standard_layout().into_owned();
    x.into_shape_with_order((tokens * n, width / n)).expect("as many numbers")
}

/// And back: `[T n, m] → [T, n m]`.
fn tokens<S: Scalar>(x: Array2<S>, n: usize) -> Array2<S> {
    let (pieces, width) = x.dim();
    x.into_shape_with_order((pieces / n, width * n)).expect("as many numbers")
}

/// `[L_0 L_1 …]`, `[In/n, n K]`.
fn side_by_side<S: Scalar>(weight: &Stack<S>) -> Array2<S> {
    let (n, rows, columns) = weight.left.view().dim();
    let left = weight.left.view().permuted_axes([1, 0, 2]).as_standard_layout().into_owned();
    left.into_shape_with_order((rows, n * columns)).expect("as many numbers")
}

/// `[R_0 ; R_1 ; …]`, `[n K, Out/n]`.
fn flat<S: Scalar>(right: &Parameter<S, ndarray::Ix3>) -> ArrayView2<'_, S> {
    let (n, rows, columns) = right.view().dim();
    right.view().into_shape_with_order((n * rows, columns)).expect("as many numbers")
}

/// `C[t u, i] = Σ_p A_i[p, u] Z[t p, i]` with groups of `K` columns for each `i`. Groups are too small to be worth views of arrays.
fn mix<S: Scalar>(z: &Array2<S>, a: &Array3<S>) -> Array2<S> {
    let (n, columns) = (a.dim().0, z.ncols());
    let k = columns / n;
    let mut mixed = Array2::zeros(z.dim());
    let into = mixed.as_slice_mut().expect("a new array has standard layout").chunks_mut((n * columns).max(1));
    for (z, mixed) in numbers(z).chunks((n * columns).max(1)).zip(into) {
        for ((i, p, u), a) in a.indexed_iter() {
            let (z, mixed) = (&z[p * columns + i * k..][..k], &mut mixed[u * columns + i * k..][..k]);
            for (mixed, z) in mixed.iter_mut().zip(z) {
                *mixed += *a * *z;
            }
        }
    }
    mixed
}

/// `d_A_i[p, u] = Σ_t,k Z[t p, i k] d_C[t u, i k]`.
fn mix_backward<S: Scalar>(z: &Array2<S>, d_mixed: &Array2<S>, n: usize) -> Array3<S> {
    let columns = z.ncols();
    let (k, token) = (columns / n, (n * columns).max(1));
    let mut d_a = Array3::zeros((n, n, n));
    for (z, d) in numbers(z).chunks(token).zip(numbers(d_mixed).chunks(token)) {
        for ((i, p, u), d_a) in d_a.indexed_iter_mut() {
            let (z, d) = (&z[p * columns + i * k..][..k], &d[u * columns + i * k..][..k]);
            *d_a += z.iter().zip(d).map(|(z, d)| *z * *d).sum::<S>();
        }
    }
    d_a
}

/// The numbers of an array in standard layout, row by row.
fn numbers<S>(x: &Array2<S>) -> &[S] {
    x.as_slice().expect("standard layout")
}

/// The sum of `n` groups of columns.
fn sum_of_groups<S: Scalar>(x: &Array2<S>, n: usize) -> Array2<S> {
    let groups = x.axis_chunks_iter(Axis(1), x.ncols() / n);
    groups.fold(Array2::zeros((x.nrows(), x.ncols() / n)), |sum, group| sum + group)
}

/// `n` groups of columns that are all these.
fn group_of_copies<S: Scalar>(d: &Array2<S>, n: usize) -> Array2<S> {
    let copies = ndarray::concatenate(Axis(1), &vec![d.view(); n]).expect("they have one height");
    copies.as_standard_layout().into_owned()
}

impl<S: Scalar> Arrays<S> for PhmShared<S> {
    fn list_arrays<'a>(&'a self, fixed: bool, name: &str, all: &mut Named<'a, S>) {
        list([("phm_rule", &self.rule), ("W_down", &self.down), ("W_up", &self.up)], fixed, name, all);
    }
    fn list_arrays_mut<'a>(&'a mut self, fixed: bool, name: &str, all: &mut NamedMut<'a, S>) {
        let stacks = [("phm_rule", &mut self.rule), ("W_down", &mut self.down), ("W_up", &mut self.up)];
        list_mut(stacks, fixed, name, all);
    }
}

impl<S: Scalar> Arrays<S> for PhmLinear<S> {
    fn list_arrays<'a>(&'a self, fixed: bool, name: &str, all: &mut Named<'a, S>) {
        list([("phm_rule", &self.rule), ("W", &self.weight)], fixed, name, all);
        if !fixed {
            self.bias.list(&join(name, "b"), all);
        }
    }
    fn list_arrays_mut<'a>(&'a mut self, fixed: bool, name: &str, all: &mut NamedMut<'a, S>) {
        list_mut([("phm_rule", &mut self.rule), ("W", &mut self.weight)], fixed, name, all);
        if !fixed {
            self.bias.list_mut(&join(name, "b"), all);
        }
    }
}

impl<S: Scalar> Parameters<S> for PhmShared<S> {
    fn list<'a>(&'a self, name: &str, all: &mut Named<'a, S>) {
        self.list_arrays(false, name, all);
    }
    fn list_mut<'a>(&'a mut self, name: &str, all: &mut NamedMut<'a, S>) {
        self.list_arrays_mut(false, name, all);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::methods::bottleneck::phm::config::PhmInit;
    use adaptune_tensor::matmul_reference;

    /// The weight written out, `Σ_i A_i ⊗ B_i`: the oracle.
    fn kronecker(rule: &Stack<f64>, weight: &Stack<f64>) -> Array2<f64> {
        let (a, b) = (rule.whole(), weight.whole());
        let (n, rows, columns) = b.dim();
        Array2::from_shape_fn((n * rows, n * columns), |(r, c)| {
            (0..n).map(|i| a[[i, r / rows, c / columns]] * b[[i, r % rows, c % columns]]).sum()
        })
    }

    fn redraw(parameters: NamedMut<'_, f64>) {
        for (name, parameter) in parameters {
            let seed = Seed::new(3).named(&name);
            parameter.values_mut().iter_mut().enumerate().for_each(|(i, v)| *v = seed.unit(i as u64) - 0.4);
        }
    }

    #[test]
    fn the_product_is_that_of_the_weight_written_out() {
        let ground = PhmConfig { dim: 3, rank: 2, ..PhmConfig::default() };
        for config in [
            ground,
            PhmConfig { factorized_w: false, ..ground },
            PhmConfig { shared_w: true, factorized_rule: true, ..ground },
            PhmConfig { shared_rule: false, rank: 1, bias: false, init: PhmInit::Normal, ..ground },
        ] {
            let mut shared = PhmShared::new(&config, (15, 6), false, Seed::new(1));
            let mut layer = PhmLinear::new(&config, Side::Up, (6, 15), false, Seed::new(2));
            redraw(shared.parameters_mut());
            let mut arrays = Vec::new();
            layer.list_arrays_mut(false, "", &mut arrays);
            redraw(arrays);
            let x: Array2<f64> = adaptune_tensor::init::normal((4, 6), 1.0, Seed::new(5));
            let (rule, weight) = layer.parts(Some(&shared));
            let mut expected = matmul_reference(x.view(), kronecker(rule, weight).view());
            layer.bias.iter().for_each(|bias| expected += &bias.view());
            let off = (layer.forward(x.view(), Some(&shared)) - expected).mapv(f64::abs);
            assert!(off.iter().all(|off| *off < 1e-14), "{config:?}");
        }
    }

    #[test]
    fn a_rule_that_does_not_train_is_no_parameter() {
        let config = PhmConfig { dim: 2, learn: false, factorized_rule: true, ..PhmConfig::default() };
        let shared = PhmShared::<f64>::new(&config, (4, 2), false, Seed::new(1));
        assert!(shared.parameters().is_empty());
        let mut constants = Vec::new();
        shared.list_arrays(true, "", &mut constants);
        let names: Vec<_> = constants.iter().map(|(name, array)| (name.as_str(), array.shape().to_vec())).collect();
        assert_eq!(names, [("phm_rule_left", vec![2, 2, 1]), ("phm_rule_right", vec![2, 1, 2])]);
    }
}
