//! All methods by their names: [`Method`], the names that configuration strings begin with, and those strings.

pub(crate) mod error;
pub(crate) mod method;
mod parse;
pub(crate) mod presets;
pub(crate) mod without_adapter;

pub use error::ParseMethodError;
pub use method::Method;
pub use presets::{PRESETS, Preset};
pub use without_adapter::WITHOUT_ADAPTER;
