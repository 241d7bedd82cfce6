//! What can be tuned without an adapter.

use adaptune_transformer::Thaw;

/// What can be tuned without an adapter: name, what is thawed, and one line about it.
pub const WITHOUT_ADAPTER: &[(&str, Option<Thaw>, &str)] = &[
    ("head", None, "no adapter, the head alone"),
    ("bitfit", Some(Thaw::BIASES), "no adapter, the base's biases (Ben Zaken, Ravfogel and Goldberg, 2022)"),
    ("full", Some(Thaw::ALL), "no adapter, the whole base: full fine-tuning"),
];
