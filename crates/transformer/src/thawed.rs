//! Trainable copies of the base's own tensors, laid over it.
//!
//! The base never changes. What is *thawed* is copied into a [`Parameter`], and every pass that is given
//! the copy computes with it in place of the frozen tensor. So full fine-tuning, BitFit and retrained norms are small or
//! large sets of parameters like an adapter's, and the base beneath them can serve others meanwhile.

use crate::encoder::Encoder;
use crate::family::{Family, TensorNames};
use crate::layers::{Linear, Norm};
use crate::parts::{Parts, Value};
use crate::point::Part;
use crate::thaw::Thaw;
use crate::thawed_layers::{ThawedLinear, ThawedNorm};
use adaptune_tensor::{Kind, Named, NamedMut, Parameter, Parameters, Scalar, join};
use ndarray::{ArrayView, Dimension, Ix2};

/// Trainable copies of some tensors of one [`Encoder`].
///
/// As [`Parameters`] they have the names under which Hugging Face checkpoints keep these tensors, without the family's
/// prefix: `encoder.layer.0.output.dense.bias`. Like all parameters they are frozen until they get a slot.
///
/// ```
/// use adaptune_tensor::{Parameters, Seed};
/// use adaptune_transformer::{Config, Encoder, Thaw, Thawed};
/// let base = Encoder::<f32>::random(Config::bert(8, 2, 2, 16), 0.1, Seed::new(0));
/// let norms = Thawed::new(&base, Thaw::LAYER_NORMS, false);
/// assert_eq!(norms.parameter_count(), (1 + 2 * 2) * 2 * 8); // after the embeddings and twice a block
/// ```
#[derive(Clone, Debug)]
pub struct Thawed<S> {
    family: Family,
    pub(crate) parts: Parts<Option<Parameter<S, Ix2>>, ThawedLinear<S>, ThawedNorm<S>>,
}

impl<S: Scalar> Thawed<S> {
    /// Copies what `thaw` says. The pooler is left out unless something reads it, since it would get no gradient.
    #[must_use]
    pub fn new(base: &Encoder<S>, thaw: Thaw, with_pooler: bool) -> Self {
        let names = base.config().family.tensors();
        let pooler = [Part::Pooler, Part::PoolerNorm].map(|part| names.name(part));
        let of_pooler = |name: &str| pooler.iter().any(|part| !part.is_empty() && name.starts_with(part));
        Self::select(base, |name, kind| thaw.includes(name, kind) && (with_pooler || !of_pooler(name)))
    }

    /// Copies the tensors whose name and kind `wanted` accepts.
    #[must_use]
    pub fn select(base: &Encoder<S>, wanted: impl Fn(&str, Kind) -> bool) -> Self {
        let family = base.config().family;
        let choice = Choice { wanted: &wanted, names: family.tensors() };
        let parts = base.weights.map(
            |part, table| choice.parameter(choice.names.name(part), Kind::Weight, table.view()),
            |part, layer| choice.linear(part, layer),
            |part, norm| choice.norm(part, norm),
        );
        Self { family, parts }
    }
}

/// Which tensors are copied.
struct Choice<'a> {
    wanted: &'a dyn Fn(&str, Kind) -> bool,
    names: &'static TensorNames,
}

impl Choice<'_> {
    fn linear<S: Scalar>(&self, part: Part, layer: &Linear<S>) -> ThawedLinear<S> {
        let name = self.names.name(part);
        let (weight, bias) = (join(&name, "weight"), join(&name, "bias"));
        ThawedLinear {
            // Asked first, because a plain weight is made when it is first looked at.
            weight: (self.wanted)(&weight, Kind::Weight).then(|| Parameter::new(Kind::Weight, layer.to_weight())),
            bias: layer.bias().and_then(|values| self.parameter(bias, Kind::Bias, values)),
        }
    }

    fn norm<S: Scalar>(&self, part: Part, norm: &Norm<S>) -> ThawedNorm<S> {
        let name = self.names.name(part);
        ThawedNorm {
            weight: self.parameter(join(&name, "weight"), Kind::Norm, norm.weight()),
            bias: norm.bias().and_then(|values| self.parameter(join(&name, "bias"), Kind::Norm, values)),
        }
    }

    fn parameter<S: Scalar, D: Dimension>(
        &self,
        name: String,
        kind: Kind,
        tensor: ArrayView<'_, S, D>,
    ) -> Option<Parameter<S, D>> {
        (self.wanted)(&name, kind).then(|| Parameter::new(kind, tensor.to_owned()))
    }
}

/// Lists the parameters of `$thawed` by their names in checkpoints, through `list` or `list_mut`.
macro_rules! list {
    ($thawed:expr, $name:expr, $all:expr, $list:ident, $iter:ident) => {{
        let names = $thawed.family.tensors();
        for (part, value) in $thawed.parts.$iter() {
            let name = join($name, &names.name(part));
            match value {
                Value::Table(table) => table.$list(&name, $all),
                Value::Linear(linear) => linear.$list(&name, $all),
                Value::Norm(norm) => norm.$list(&name, $all),
            }
        }
    }};
}

impl<S: Scalar> Parameters<S> for Thawed<S> {
    fn list<'a>(&'a self, name: &str, all: &mut Named<'a, S>) {
        list!(self, name, all, list, iter);
    }
    fn list_mut<'a>(&'a mut self, name: &str, all: &mut NamedMut<'a, S>) {
        list!(self, name, all, list_mut, iter_mut);
    }
}
