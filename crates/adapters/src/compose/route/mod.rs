//! A choice among adapters, for each token or sequence.

mod config;
mod gates;
mod layer;
mod linear;
mod node;
mod router;
mod sublayer;

pub use config::{RoutedBy, RouterConfig};
pub use node::Route;
pub use router::Router;
