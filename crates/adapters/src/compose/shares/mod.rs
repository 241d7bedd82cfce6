//! Parts of which each sees its share of the tokens, and weighs something for each of them.

mod constant;
mod linear;
mod rows;
mod share;
mod sublayer;

pub(super) use constant::{linear_with, sublayer_with};
pub(super) use linear::linear_parts;
pub(super) use share::Share;
pub(super) use sublayer::sublayer_parts;
