//! The configuration of MTL-LoRA: AdapterHub's `MTLLoRAConfig`, typed and checked.

use crate::core::checks::check_count;
use crate::core::error::MethodError;
use crate::methods::lora::config::{LoraConfig, LoraKind};
use adaptune_transformer::{Config, LinearPoint};

/// The matrix that belongs to a task; AdapterHub's `task_specific_matrix_type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TaskMatrix {
    /// A diagonal, `R` numbers (`singular_values`).
    SingularValues,
    /// A matrix `[R, R]` (`linear`). AdapterHub knows the word but fails when it builds such an adapter.
    Linear,
}

/// Everything that can be chosen about an MTL-LoRA. Field names are AdapterHub's.
///
/// ```
/// use adaptune_adapters::{Method, MtlLoraConfig};
/// let method: Method = "mtl_lora[r=4,alpha=16,n_up_projection=3]".parse()?;
/// let Method::MtlLora(config) = method else { panic!("it is one") };
/// assert_eq!((config.lora.scaling(), config.n_up_projection), (4.0, 3));
/// # Ok::<(), adaptune_adapters::ParseMethodError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct MtlLoraConfig {
    /// What it has in common with LoRA: layers, rank, scaling, dropout, initial values.
    pub lora: LoraConfig,
    /// `N`, how many `B_i` there are.
    pub n_up_projection: usize,
    /// The form of `Λ`.
    pub task_specific_matrix_type: TaskMatrix,
    /// `τ`: the smaller, the more one of the `B_i` outweighs the others.
    pub weights_sharpness: f64,
}

impl MtlLoraConfig {
    /// On queries and values, with `R = α = 8`, one `B` and a diagonal.
    #[must_use]
    pub fn mtl_lora() -> Self {
        Self {
            lora: LoraConfig::lora(),
            n_up_projection: 1,
            task_specific_matrix_type: TaskMatrix::SingularValues,
            weights_sharpness: 0.05,
        }
    }

    /// Checks the configuration by itself and against a model, and gives the places of its modules.
    ///
    /// # Errors
    /// If fields contradict each other, name layers that are not there, or leave nothing to add.
    pub fn points(&self, model: &Config) -> Result<Vec<LinearPoint>, MethodError> {
        check_count("n_up_projection", self.n_up_projection)?;
        let sharpness = self.weights_sharpness;
        // It divides, in f32 too.
        if !((sharpness as f32).is_normal() && sharpness > 0.0) {
            let expected = "a finite number above 0, in f32 too";
            return Err(MethodError::Range { field: "weights_sharpness", found: sharpness, expected });
        }
        if self.lora.kind() != LoraKind::Lora || self.lora.use_gating {
            return Err(MethodError::Contradiction(
                "mtl_lora is neither a DoRA, an IA3 nor a VeRA, and has no gate: leave use_dora, composition_mode, \
                 vera_d, vera_b and use_gating as they are",
            ));
        }
        self.lora.points(model)
    }
}
