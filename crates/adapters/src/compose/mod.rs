//! Several adapters at once, each as it was trained: nothing is copied and nothing is computed twice.
//!
//! | | what it is | paper |
//! |---|---|---|
//! | [`Setup`] | an adapter, or a tree of them, as one value that a model owns, trains and saves | |
//! | [`Stack`] | one adapter upon another, such as a task's upon a language's | Pfeiffer et al., 2020 (MAD-X) |
//! | [`Fuse`] | attention over the outputs of several adapters | Pfeiffer et al., 2021 (AdapterFusion) |
//! | [`Route`] | a choice among several, for each token or sequence | Fedus et al., 2022; Wang et al., 2022 (AdaMix); Ostapenko et al., 2024 (Arrow) |
//! | [`Average`] | the weighted average of what several adapters give | Wang et al., 2021 (EMEA) |
//! | [`Tree`] | a path from root to leaf for each sequence; parents are shared by their children | Chronopoulou et al., 2022 |
//! | [`Split`] | ranges of tokens, each with one of several | |
//! | [`PerSequence`] | every sequence of a batch has an adapter of its own, or none | |
//! | [`LayerDrop`] | an adapter without some of its layers, for speed in use | Rücklé et al., 2021 (AdapterDrop) |
//! | [`MultiTask`] | MTL-LoRAs of several tasks that share matrices while they train | Yang et al., 2024 |
//!
//! Each is made of insertions and is insertions itself, so they can be put into each other: a batch in which some
//! sequences pass through a stack, a stack of adapters that both skip the lowest layers. All have backward passes. The parts
//! of the nodes are owned, as in a [`Setup`], or borrowed:
//!
//! ```
//! use adaptune_adapters::{Adapter, LayerDrop, PerSequence, Stack};
//! use adaptune_tensor::Seed;
//! use adaptune_transformer::{Batch, Config, Encoder, Insertions, Pass};
//! let base = Encoder::<f32>::random(Config { vocabulary: 11, positions: 9, ..Config::bert(8, 2, 2, 12) }, 0.1, Seed::new(1));
//! let adapter = |method: &str| Adapter::new("mine", &method.parse().expect("a method"), base.config(), Seed::new(2));
//! let (language, task, other) = (adapter("seq_bn_inv")?, adapter("seq_bn")?, adapter("lora")?);
//! let stack = Stack::new(base.config(), vec![&language, &task])?;
//! let fast = LayerDrop::new(&other, [0]);
//! // The first two sentences pass through the stack, the third through nothing, the last through upper layers of LoRA.
//! let parts: Vec<&dyn Insertions<f32>> = vec![&stack, &(), &fast];
//! let mixed = PerSequence::new(parts, &[0, 0, 1, 2])?;
//! let batch = Batch::from_ids(&[&[1, 2, 3], &[4], &[5, 6], &[7, 8]]);
//! assert_eq!(base.forward(&batch, &mixed, Pass::evaluate())?.hidden.dim(), (8, 8));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod arrow;
mod average;
mod changes;
pub(crate) mod error;
pub(crate) mod expression;
pub(crate) mod fuse;
pub(crate) mod layer_drop;
mod making;
pub(crate) mod members;
pub(crate) mod mixer;
pub(crate) mod mixing;
pub(crate) mod multi_task;
mod node;
pub(crate) mod per_sequence;
pub(crate) mod points;
mod query;
pub(crate) mod route;
pub(crate) mod setup;
mod shares;
mod split;
pub(crate) mod stack;
pub(crate) mod supply;
mod tree;
pub(crate) mod watch;

pub use arrow::ArrowError;
pub use average::Average;
pub use error::CompositionError;
pub use expression::{Expression, ExpressionError, NodeExpression};
pub use fuse::{Fuse, Fusion, FusionConfig, ParseFusionError};
pub use layer_drop::LayerDrop;
pub use mixer::Mixer;
pub use mixing::{MixerKind, Mixing};
pub use multi_task::{MultiTask, TaskOf};
pub use per_sequence::PerSequence;
pub use route::{Route, RoutedBy, Router, RouterConfig};
pub use setup::Setup;
pub use split::Split;
pub use stack::Stack;
pub use supply::{Supply, WantedMixer};
pub use tree::Tree;
pub use watch::{MixingRecord, MixingWeights};
