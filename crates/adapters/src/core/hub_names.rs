//! What AdapterHub's files call the modules of a base.

use crate::core::point::Point;

/// The names that AdapterHub's files have for the modules of one family of models.
///
/// Methods compose the names of their tensors of these; which family it is they need not know.
pub trait HubNames {
    /// The path of the module that holds what adapters have at a point, or, at none, what their points share. It has not
    /// the model's prefix.
    fn module(&self, point: Option<Point>) -> String;

    /// The name under which the prefixes of the attention are kept.
    fn prefix_location(&self) -> &'static str;
}
