//! What all methods have in common: insertion points by name, the contracts of modules and configurations, and the parts
//! that several methods are built of. Nothing here knows a method.

pub(crate) mod by_point;
pub(crate) mod checks;
pub(crate) mod error;
pub(crate) mod fields;
pub(crate) mod gate;
pub(crate) mod householder;
pub(crate) mod hub_names;
pub mod init;
pub(crate) mod insertion_points;
pub(crate) mod inverse;
pub(crate) mod layers;
pub mod literal;
pub(crate) mod method_config;
pub(crate) mod module;
pub(crate) mod modules;
pub(crate) mod nearest;
pub(crate) mod point;
pub(crate) mod size;
pub(crate) mod splice;
pub(crate) mod stored;
pub(crate) mod svd;
