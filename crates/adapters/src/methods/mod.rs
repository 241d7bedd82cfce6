//! One folder a method, mostly with the same files in each: `config` its options, typed and checked; `layer` its formula, the
//! derivation of its gradients, forward and backward; `fields` the same options by AdapterHub's names, and its entry among
//! the methods.

pub mod bottleneck;
pub mod closure;
pub mod lora;
pub mod prefix;
pub mod prompt;
pub mod reft;
