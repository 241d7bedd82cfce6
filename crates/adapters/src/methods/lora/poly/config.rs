//! The configuration of Polytropon.

use crate::core::checks::check_count;
use crate::core::error::MethodError;
use crate::methods::lora::config::{LoraConfig, LoraKind};
use adaptune_transformer::{Config, LinearPoint};

/// Skills that several tasks choose among: `n_skills` LoRAs of one configuration.
///
/// What a task has at the end is a LoRA, whose matrices are averages of those of its skills.
#[derive(Clone, Debug, PartialEq)]
pub struct PolytroponConfig {
    /// Each skill, and what each task has at the end: layers, rank, scaling, dropout, initial values.
    pub lora: LoraConfig,
    /// `K`, how many skills there are.
    pub n_skills: usize,
}

impl PolytroponConfig {
    /// Four skills, each a LoRA on queries and values with `R = α = 8`.
    #[must_use]
    pub fn polytropon() -> Self {
        Self { lora: LoraConfig::lora(), n_skills: 4 }
    }

    /// Checks the configuration by itself and against a model, and gives the places of its modules.
    ///
    /// # Errors
    /// If fields contradict each other, name layers that are not there, or leave nothing to add.
    pub fn points(&self, model: &Config) -> Result<Vec<LinearPoint>, MethodError> {
        check_count("n_skills", self.n_skills)?;
        if self.lora.kind() != LoraKind::Lora || self.lora.use_gating {
            return Err(MethodError::Contradiction(
                "skills are LoRAs, and neither DoRAs, IA3s nor VeRAs, and have no gate: leave use_dora, composition_mode, vera_d, vera_b and \
                 use_gating as they are",
            ));
        }
        self.lora.points(model)
    }
}
