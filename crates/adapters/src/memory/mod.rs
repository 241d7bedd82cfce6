//! How much memory a run takes at least, computed from its configuration before anything is allocated; and how much there is.
//!
//! ```
//! use adaptune_adapters::memory::{Workload, available_memory};
//! use adaptune_adapters::{HeadConfig, Task, Tuning};
//! use adaptune_transformer::Config;
//! let tuning: Tuning = "prompt_tuning[prompt_length=65536]".parse()?;
//! let head = HeadConfig::new(Task::CLASSIFICATION, vec!["bad".into(), "good".into()]);
//! let memory = tuning.memory(&Config::bert(16, 3, 4, 32), &head, Workload::TRAINING)?;
//! let refused = memory.check(8_000_000_000).unwrap_err().to_string();
//! assert!(refused.contains("attention 34.4 GB"), "{refused}");
//! # let _ = available_memory();
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod available;
mod estimate;

pub use available::available_memory;
pub use estimate::{Memory, MemoryError, Workload};
