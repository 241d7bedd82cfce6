//! AdapterHub directories: an adapter or a head alone.

pub(super) mod adapter;
mod adapter_file;
pub(super) mod head;
mod legacy;
pub(super) mod mixer;
pub(super) mod name;
mod of_family;
pub(super) mod static_head;

pub use adapter::{save_adapter, save_adapterhub};
pub use head::save_head;
pub use mixer::{load_fusion, load_router, save_mixing};
