//! The options of parametrised hypercomplex layers, typed; fields of AdapterHub's `BnConfig`.

use super::side::Side;
use super::stack::Stack;
use crate::core::checks::check_count;
use crate::core::error::MethodError;
use crate::core::fields::{FieldError, boolean, count, number, wrong};
use crate::core::size::{product, sum};
use adaptune_tensor::{Scalar, Seed, init};
use ndarray::{Array2, Array3, Axis};
use serde_json::{Map, Value};

/// How the matrices `B_i` begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PhmInit {
    /// Each factor by Xavier's rule, uniform. (AdapterHub always draws by the normal rule.)
    GlorotUniform,
    /// Each factor by Xavier's rule, normal.
    GlorotNormal,
    /// Each factor normal with deviation [`PhmConfig::init_range`].
    Normal,
}

const INITS: &[(&str, PhmInit)] = &[
    ("glorot-uniform", PhmInit::GlorotUniform),
    ("glorot-normal", PhmInit::GlorotNormal),
    ("normal", PhmInit::Normal),
];

/// The value of a name.
fn one_of<T: Copy>(name: &str, value: &Value, values: &[(&str, T)]) -> Result<T, FieldError> {
    let found = values.iter().find(|(known, _)| *value == **known).map(|(_, found)| *found);
    let names = || values.iter().map(|(name, _)| format!("\"{name}\"")).collect::<Vec<_>>().join(" or ");
    found.ok_or_else(|| wrong(name, value, names()))
}

/// Parametrised hypercomplex layers in place of linear ones: Compacter (Mahabadi, Henderson and Ruder, 2021).
///
/// | field | default | meaning |
/// |---|---|---|
/// | `phm_dim` | 4 | `n` |
/// | `phm_rank` | 1 | `K`, the rank of the `B_i` |
/// | `factorized_phm_W` | true | the `B_i` are products of two thin matrices |
/// | `shared_W_phm` | false | all layers share the `B_i` of their down-projections, and of their up-projections |
/// | `shared_phm_rule` | true | all layers share the `A_i` |
/// | `factorized_phm_rule` | false | the `A_i` are products of a column and a row |
/// | `learn_phm` | true | the `A_i` train |
/// | `phm_bias` | true | the layers have biases |
/// | `phm_c_init`, `phm_init_range` | normal, 0.0001 | how the `A_i` begin |
/// | `hypercomplex_nonlinearity` | glorot-uniform | how the `B_i` begin, see [`PhmInit`] |
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PhmConfig {
    /// `n`.
    pub dim: usize,
    /// `K`.
    pub rank: usize,
    /// The `B_i` are products.
    pub factorized_w: bool,
    /// All layers share the `B_i`.
    pub shared_w: bool,
    /// All layers share the `A_i`.
    pub shared_rule: bool,
    /// The `A_i` are products.
    pub factorized_rule: bool,
    /// The `A_i` train.
    pub learn: bool,
    /// The layers have biases.
    pub bias: bool,
    /// The `A_i` begin normal, not uniform.
    pub normal_rule: bool,
    /// The deviation of shared `A_i`, where they are normal.
    pub init_range: f64,
    /// How the `B_i` begin.
    pub init: PhmInit,
}

impl Default for PhmConfig {
    fn default() -> Self {
        Self {
            dim: 4,
            rank: 1,
            factorized_w: true,
            shared_w: false,
            shared_rule: true,
            factorized_rule: false,
            learn: true,
            bias: true,
            normal_rule: true,
            init_range: 1e-4,
            init: PhmInit::GlorotUniform,
        }
    }
}

impl PhmConfig {
    /// Sets a field by its AdapterHub name; false if there is none of this name.
    pub(crate) fn set(&mut self, name: &str, value: &Value) -> Result<bool, FieldError> {
        match name {
            "phm_dim" => self.dim = count(name, value)?,
            "phm_rank" => self.rank = count(name, value)?,
            "factorized_phm_W" => self.factorized_w = boolean(name, value)?,
            "shared_W_phm" => self.shared_w = boolean(name, value)?,
            "shared_phm_rule" => self.shared_rule = boolean(name, value)?,
            "factorized_phm_rule" => self.factorized_rule = boolean(name, value)?,
            "learn_phm" => self.learn = boolean(name, value)?,
            "phm_bias" => self.bias = boolean(name, value)?,
            "phm_init_range" => self.init_range = number(name, value)?,
            "phm_c_init" => self.normal_rule = one_of(name, value, &[("normal", true), ("uniform", false)])?,
            "hypercomplex_nonlinearity" => self.init = one_of(name, value, INITS)?,
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Adds all fields by their AdapterHub names.
    pub(crate) fn fields(&self, fields: &mut Map<String, Value>) {
        let mut set = |name: &str, value: Value| fields.insert(name.to_owned(), value);
        set("phm_dim", self.dim.into());
        set("phm_rank", self.rank.into());
        set("factorized_phm_W", self.factorized_w.into());
        set("shared_W_phm", self.shared_w.into());
        set("shared_phm_rule", self.shared_rule.into());
        set("factorized_phm_rule", self.factorized_rule.into());
        set("learn_phm", self.learn.into());
        set("phm_bias", self.bias.into());
        set("phm_init_range", self.init_range.into());
        set("phm_c_init", if self.normal_rule { "normal" } else { "uniform" }.into());
        let init = INITS.iter().find(|(_, init)| *init == self.init).map_or("", |(name, _)| *name);
        set("hypercomplex_nonlinearity", init.into());
    }

    /// True if layers share anything.
    pub(crate) fn shares(&self) -> bool {
        self.shared_w || self.shared_rule
    }

    /// `n` must divide the widths of the layers.
    pub(crate) fn check(&self, widths: impl IntoIterator<Item = usize>) -> Result<(), MethodError> {
        check_count("phm_dim", self.dim)?;
        check_count("phm_rank", self.rank)?;
        if !(self.init_range >= 0.0 && (self.init_range as f32).is_finite()) {
            let expected = "a deviation, from 0 on";
            return Err(MethodError::Range { field: "phm_init_range", found: self.init_range, expected });
        }
        if widths.into_iter().any(|width| width % self.dim != 0) {
            let expected = "a divisor of the hidden size and of every bottleneck's width";
            return Err(MethodError::Range { field: "phm_dim", found: self.dim as f64, expected });
        }
        Ok(())
    }

    /// How many numbers the `A_i` are.
    pub(crate) fn rule_size(&self) -> u64 {
        if self.factorized_rule { product(&[2, self.dim, self.dim]) } else { product(&[self.dim; 3]) }
    }

    /// How many numbers the `B_i` between these widths are, which `n` divides.
    pub(crate) fn weight_size(&self, input: usize, output: usize) -> u64 {
        match self.factorized_w {
            true => sum([product(&[input, self.rank]), product(&[output, self.rank])]),
            false => product(&[input, output / self.dim]),
        }
    }

    /// New `A_i`, `[n, n, n]`; shared ones begin otherwise than a layer's own.
    pub(super) fn rule<S: Scalar>(&self, shared: bool, seed: Seed) -> Stack<S> {
        let (deviation, limit) = if shared { (self.init_range, 1.0) } else { (0.01, 0.01) };
        let n = self.dim;
        let draw = |rows, columns, name| {
            let seed = seed.named("rule").named(name);
            stacked(n, |i| {
                let seed = seed.at(i as u64);
                if self.normal_rule {
                    return init::normal((rows, columns), deviation, seed);
                }
                Array2::from_shape_fn((rows, columns), |(j, k)| {
                    S::from_f64(limit * (2.0 * seed.unit((j * columns + k) as u64) - 1.0))
                })
            })
        };
        match self.factorized_rule {
            true => Stack::new(draw(n, 1, "left"), Some(draw(1, n, "right")), !self.learn),
            false => Stack::new(draw(n, n, "whole"), None, !self.learn),
        }
    }

    /// New `B_i`, `[n, In/n, Out/n]`; with `zero` the last factor is zero, and so are they.
    pub(super) fn weight<S: Scalar>(
        &self,
        side: Side,
        (input, output): (usize, usize),
        zero: bool,
        seed: Seed,
    ) -> Stack<S> {
        let (n, seed) = (self.dim, seed.named(side.name()));
        let draw = |rows, columns, name| stacked(n, |i| self.matrix((rows, columns), seed.named(name).at(i as u64)));
        let last = |rows, columns, name| {
            if zero { Array3::zeros((n, rows, columns)) } else { draw(rows, columns, name) }
        };
        match self.factorized_w {
            true => Stack::new(draw(input / n, self.rank, "left"), Some(last(self.rank, output / n, "right")), false),
            false => Stack::new(last(input / n, output / n, "whole"), None, false),
        }
    }

    fn matrix<S: Scalar>(&self, shape: (usize, usize), seed: Seed) -> Array2<S> {
        match self.init {
            PhmInit::GlorotUniform => init::xavier_uniform(shape, seed),
            PhmInit::GlorotNormal => init::normal(shape, (2.0 / (shape.0 + shape.1) as f64).sqrt(), seed),
            PhmInit::Normal => init::normal(shape, self.init_range, seed),
        }
    }
}

fn stacked<S: Scalar>(n: usize, matrix: impl Fn(usize) -> Array2<S>) -> Array3<S> {
    let matrices: Vec<Array2<S>> = (0..n).map(matrix).collect();
    let views: Vec<_> = matrices.iter().map(|matrix| matrix.view()).collect();
    ndarray::stack(Axis(0), &views).expect("they have one shape, and there is at least one")
}
