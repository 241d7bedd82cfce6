//! Modules in place of linear layers.

use super::properties::Properties;
use super::shared::SharedOutput;
use crate::base::{BaseLinear, LinearBackward};
use crate::pass::Pass;
use crate::point::LinearPoint;
use adaptune_tensor::{Layout, Scalar};
use ndarray::{ArcArray2, Array2};

/// A module in place of a linear layer of the base: LoRA, DoRA, IA3.
pub trait LinearModule<S: Scalar>: Send + Sync {
    /// Gives the layer's output, `[T, Out]`, and its backward pass if any gradient is wanted.
    fn forward<'a>(&'a self, input: LinearInput<'a, S>) -> (Array2<S>, Option<LinearBackward<'a, S>>);

    /// What it promises about itself at one of its points.
    fn properties(&self, point: LinearPoint) -> Properties;
}

/// What a [`LinearModule`] sees. It has the base's layer rather than its output, so that it may
/// also change what goes in, or compute the product in another way.
///
/// The layer may be thawed: [`LinearInput::layer`] and [`LinearInput::wants_backward`] take that into account, and who
/// computes with [`LinearInput::base`] calls [`BaseLinear::parameters_backward`] beside its own work.
pub struct LinearInput<'a, S> {
    /// Where it is, for modules that stand at several points.
    pub point: LinearPoint,
    /// `x`, `[T, In]`; shared, so keeping it costs nothing.
    pub x: ArcArray2<S>,
    /// The base's layer.
    pub base: BaseLinear<'a, S>,
    /// Modules that are in this layer already, the lowest first; there are some only where
    /// [`Properties::needs_plain_weight`] is false.
    pub below: Vec<&'a dyn LinearModule<S>>,
    /// What the layer gives for `x`, where somebody computed it for several modules: [`LinearInput::layer`] then starts from
    /// it and computes no product.
    pub shared: Option<SharedOutput<S>>,
    /// The sequences.
    pub layout: Layout,
    /// Dropout and whether gradients are wanted at all.
    pub pass: Pass,
    /// True if `d_x` is wanted, because something below trains.
    pub wants_input: bool,
}

impl<'a, S: Scalar> LinearInput<'a, S> {
    /// What the layer gives for an input, `[T, In] → [T, Out]`, and its backward pass: the base's `W x + b`, or what the
    /// module below makes of it.
    #[must_use]
    pub fn layer(&self, x: &ArcArray2<S>, wants_input: bool) -> (Array2<S>, Option<LinearBackward<'a, S>>) {
        if let Some(shared) = self.shared.as_ref().filter(|shared| shared.is_of(x, self.below.len())) {
            return shared.layer();
        }
        let Self { point, base, below, layout, pass, .. } = self;
        let (x, shared, layout) = (x.clone(), self.shared.clone(), layout.clone());
        let mut below = below.clone();
        let Some(module) = below.pop() else {
            return base.layer(x, pass.gradients(), wants_input);
        };
        let pass = pass.at(BELOW);
        module.forward(LinearInput { point: *point, x, base: *base, below, shared, layout, pass, wants_input })
    }

    /// True if backward must run: the module trains, the layer itself does, or `d_x` is wanted.
    #[must_use]
    pub fn wants_backward(&self, module_trains: bool) -> bool {
        self.pass.gradients() && (module_trains || self.base.trains() || self.wants_input)
    }
}

/// Place of the random draws of the next module below.
const BELOW: u64 = 1;
