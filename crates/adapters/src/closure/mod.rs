//! An adapter of one's own: a forward pass written as a closure over tape variables, and nothing derived.
//!
//! Each of the four shapes of insertion point has a type that holds named parameters and a closure:
//!
//! | type | the closure sees | and gives |
//! |---|---|---|
//! | [`LinearClosure`] | [`LinearVars`]: `x`, and the base's layer as an operation | `[T, Out]`, in place of `W x + b` |
//! | [`SublayerClosure`] | [`SublayerVars`]: `o`, `r`, and the base's norm as an operation | the next state, `[T, D]`, in place of `norm(o + r)` |
//! | [`SequenceClosure`] | [`SequenceVars`]: tokens and layout | tokens and layout, perhaps longer |
//! | [`AttentionClosure`] | [`AttentionVars`]: keys, values, the hidden state they come from, and layout | keys, values and layout, perhaps longer |
//!
//! A closure computes with [`Var`](adaptune_autograd::Var)s, and finds its parameters in [`ParameterVars`]. Each pass
//! through a module has a tape of its own. Only what a gradient is wanted for is a variable on it: parameters that train,
//! inputs if something below trains, the base's own layer if it is thawed. All else are constants, for which the tape
//! computes and keeps nothing; and without any variable there is no tape. So such a module costs a pass that evaluates no
//! more than one whose gradients were derived by hand, and backward ends below the lowest of them that trains.
//!
//! [`Adapter::of_modules`](crate::Adapter::of_modules) makes an adapter of such modules, and of others that implement
//! [`Module`](crate::Module).
//!
//! A gate on the sublayer's output, `y = LN(σ(W_up φ(W_down o)) ∘ o + r)`, which no method here has:
//!
//! ```
//! use adaptune_adapters::closure::{ParameterSet, SublayerClosure};
//! use adaptune_adapters::{Adapter, AdapterModel, Head, HeadConfig, Targets, Task};
//! use adaptune_tensor::{Activation, Gradients, Parameters, Seed, init};
//! use adaptune_transformer::{Batch, Config, Encoder, Pass, Sublayer, SublayerPoint};
//! use std::sync::Arc;
//!
//! let gate = |layer: usize| {
//!     let seed = Seed::new(2).at(layer as u64);
//!     let parameters = ParameterSet::new()
//!         .weight("down", init::kaiming_uniform((4, 16), seed)) // [R, D]
//!         .weight("up", init::normal((16, 4), 0.1, seed)); // [D, R]
//!     let module = SublayerClosure::new(parameters, |at, p| {
//!         let h = at.output.linear(&p.matrix("down"), None).activate(Activation::Gelu);
//!         let gate = h.linear(&p.matrix("up"), None).sigmoid();
//!         at.add_and_norm(&(gate * &at.output))
//!     });
//!     (SublayerPoint { layer, sublayer: Sublayer::FeedForward }, module)
//! };
//!
//! let base = Arc::new(Encoder::<f32>::random(Config::bert(16, 3, 2, 32), 0.1, Seed::new(1)));
//! let adapter = Adapter::of_modules("gates", base.config(), (0..3).map(gate))?;
//! assert_eq!(adapter.parameter_count(), 3 * 2 * 4 * 16);
//!
//! // It trains, with its head, like any other.
//! let head = HeadConfig::new(Task::Classification, vec!["no".into(), "yes".into()]);
//! let head = Head::new("gates", &head, &base, Seed::new(3))?;
//! let model = AdapterModel::new(base, Some(adapter), head);
//! let (batch, mut gradients) = (Batch::from_ids(&[&[2, 40, 7, 3], &[2, 11, 3]]), Gradients::new());
//! model.loss_and_gradients(&batch, &Targets::Classes(vec![0, 1]), 0.5, Pass::differentiate(), &mut gradients)?;
//! assert_eq!(gradients.len(), model.parameters().len());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What to know
//!
//! - **Dropout.** `at.pass` is the pass as this place sees it: `at.pass.at(0).dropout(0.1)` gives a mask while training and
//!   `None` otherwise, for [`Var::dropout`](adaptune_autograd::Var::dropout). Give each mask of a closure a number of its own.
//! - **Cutting.** What is computed from an array rather than from a variable, or from
//!   [`Var::detach`](adaptune_autograd::Var::detach), hands no gradient on. An input or parameter that the result
//!   does not depend on gets none.
//! - **Memory.** The tape keeps what its operations keep, mostly more than a derivation by hand would.
//!   [`checkpoint`](adaptune_autograd::checkpoint) trades time for it. When a method has proved itself, its gradients can
//!   still be derived, with the closure as their oracle.
//! - **Files.** AdapterHub has no format for it: [`format::save`](crate::format::save) refuses, and
//!   [`format::save_parameters`](crate::format::save_parameters) writes the parameters under their names.

/// What every closure is beside its forward pass: a holder of parameters, and a module of one shape.
macro_rules! module {
    ($type:ident: $shape:ident, $trait:ident) => {
        impl<S: adaptune_tensor::Scalar> adaptune_tensor::Parameters<S> for $type<S> {
            fn list<'a>(&'a self, name: &str, all: &mut adaptune_tensor::Named<'a, S>) {
                self.parameters.list(name, all);
            }
            fn list_mut<'a>(&'a mut self, name: &str, all: &mut adaptune_tensor::NamedMut<'a, S>) {
                self.parameters.list_mut(name, all);
            }
        }

        impl<S: adaptune_tensor::Scalar> crate::Module<S> for $type<S> {
            fn $shape(&self) -> Option<&dyn $trait<S>> {
                Some(self)
            }
        }

        impl<S: adaptune_tensor::Scalar> From<$type<S>> for Box<dyn crate::Module<S>> {
            fn from(module: $type<S>) -> Self {
                Box::new(module)
            }
        }

        impl<S: adaptune_tensor::Scalar> std::fmt::Debug for $type<S> {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.debug_struct(stringify!($type)).field("parameters", &self.parameters).finish_non_exhaustive()
            }
        }
    };
}

mod attention;
mod base;
mod linear;
mod of_modules;
mod parameters;
mod recording;
mod sequence;
mod sublayer;

pub use attention::{AttentionClosure, AttentionVars};
pub use base::{LinearOperation, NormOperation};
pub use linear::{LinearClosure, LinearVars};
pub use of_modules::ModuleError;
pub use parameters::{ParameterSet, ParameterVars};
pub use sequence::{SequenceClosure, SequenceVars, prepend};
pub use sublayer::{SublayerClosure, SublayerVars};
