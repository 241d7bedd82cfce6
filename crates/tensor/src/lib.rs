#![doc = include_str!("../README.md")]

pub use ndarray;

mod approximate;
mod double;
mod scalar;

mod layout;
mod parameter;
mod pool;
mod random;
mod rows;

mod activation;
mod attention;
mod dropout;
mod elementwise;
mod embedding;
mod gated;
mod layer_norm;
mod linear;
mod linear_cross_entropy;
mod loss;
mod rms_norm;
mod rotary;

pub mod init;
pub mod kernel;
mod matmul;
pub mod profile;
mod softmax;

#[cfg(test)]
mod testing;

pub use activation::{Activation, sigmoid};
pub use attention::{
    Attention, AttentionGradients, AttentionMask, AttentionNeeds, AttentionTrace, PositionTerms, attention,
    attention_backward, attention_reference, attention_reference_backward,
};
pub use dropout::Dropout;
pub use elementwise::{add, copied};
pub use embedding::{gather, gather_backward, scatter};
pub use gated::{gated, gated_backward};
pub use kernel::{PackedMatrix, Precision};
pub use layer_norm::{LayerNormTrace, layer_norm, layer_norm_input_backward, layer_norm_parameters_backward};
pub use layout::Layout;
pub use linear::{linear, linear_bias_backward, linear_input_backward, linear_weight_backward};
pub use linear_cross_entropy::{
    linear_cross_entropy, linear_cross_entropy_backward, linear_cross_entropy_weight_backward,
};
pub use loss::{
    binary_cross_entropy, binary_cross_entropy_backward, cross_entropy, cross_entropy_backward, squared_error,
    squared_error_backward,
};
pub use matmul::{matmul, matmul_add, matmul_in, matmul_into, matmul_reference};
#[doc(hidden)]
pub use parameter::join;
pub use parameter::{AnyParameter, Gradients, Kind, Named, NamedMut, Parameter, Parameters, Slot};
pub use pool::in_pool;
pub use random::{Seed, SeedRng};
pub use rms_norm::{RmsNormTrace, RmsWeight, rms_norm, rms_norm_input_backward, rms_norm_weight_backward};
pub use rotary::{Rotary, rotary_frequencies};
pub use scalar::Scalar;
pub use softmax::{softmax, softmax_backward};
