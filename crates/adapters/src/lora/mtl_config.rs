//! The configuration of MTL-LoRA: AdapterHub's `MTLLoRAConfig`, its fields, and its entry among the methods.

use super::config::{LoraConfig, LoraKind, shape};
use super::mtl::MtlLora;
use crate::format::{Stored, names};
use crate::method::fields::{choice, count, name_of, number, unknown};
use crate::method::{FieldError, MethodConfig, MethodError, check_count};
use crate::modules::Modules;
use crate::point::Point;
use adaptune_tensor::{Scalar, Seed};
use adaptune_transformer::{Config, Family, LinearPoint};
use serde_json::{Map, Value};

/// The matrix that belongs to a task; AdapterHub's `task_specific_matrix_type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TaskMatrix {
    /// A diagonal, `R` numbers (`singular_values`).
    SingularValues,
    /// A matrix `[R, R]` (`linear`). AdapterHub knows the word but fails when it builds such an adapter.
    Linear,
}

const TASK_MATRICES: &[(&str, TaskMatrix)] =
    &[("singular_values", TaskMatrix::SingularValues), ("linear", TaskMatrix::Linear)];

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
        if !(sharpness.is_finite() && sharpness > 0.0) {
            let expected = "a finite number above 0";
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

impl MethodConfig for MtlLoraConfig {
    const ARCHITECTURE: Option<&'static str> = Some("mtl_lora");

    fn ground() -> Self {
        Self::mtl_lora()
    }

    fn fields(&self) -> Map<String, Value> {
        self.with_own(self.lora.fields())
    }

    fn set(&mut self, name: &str, value: &Value) -> Result<(), FieldError> {
        match name {
            "n_up_projection" => self.n_up_projection = count(name, value)?,
            "task_specific_matrix_type" => self.task_specific_matrix_type = choice(name, value, TASK_MATRICES)?,
            "weights_sharpness" => self.weights_sharpness = number(name, value)?,
            _ => {
                let known = self.fields();
                if !known.contains_key(name) {
                    return Err(unknown(name, &known));
                }
                self.lora.set(name, value)?;
            }
        }
        Ok(())
    }

    fn file_fields(&self) -> Result<Map<String, Value>, String> {
        Ok(self.with_own(self.lora.file_fields()?))
    }

    fn check(&self, model: &Config) -> Result<(), MethodError> {
        self.points(model).map(|_| ())
    }

    fn modules<S: Scalar>(&self, model: &Config, seed: Seed, modules: &mut Modules<S>) -> Result<(), MethodError> {
        let seed = self.lora.init_weights_seed.map_or(seed, Seed::new);
        for point in self.points(model)? {
            let LinearPoint { layer, projection } = point;
            let seed = seed.at(layer as u64).at(projection as u64);
            modules.place(point, MtlLora::new(shape(projection, model), self, seed))?;
        }
        Ok(())
    }

    fn stored(&self, family: Family, adapter: &str, point: Option<Point>, parameter: &str) -> Stored {
        Stored::same(format!("{}.loras.{adapter}.{parameter}", names::module_path(family, point)))
    }
}

impl MtlLoraConfig {
    /// Fields of LoRA, and those that it does not have.
    fn with_own(&self, mut fields: Map<String, Value>) -> Map<String, Value> {
        fields.insert("n_up_projection".to_owned(), self.n_up_projection.into());
        let matrix = name_of(TASK_MATRICES, self.task_specific_matrix_type);
        fields.insert("task_specific_matrix_type".to_owned(), matrix.into());
        fields.insert("weights_sharpness".to_owned(), self.weights_sharpness.into());
        fields
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::method::Method;

    fn read(text: &str) -> MtlLoraConfig {
        match text.parse().unwrap_or_else(|e| panic!("{text}: {e}")) {
            Method::MtlLora(config) => config,
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn fields_written_and_read_give_the_same_configuration() {
        for text in [
            "mtl_lora",
            "mtl_lora[r=3,alpha=12,dropout=0.25,n_up_projection=3,weights_sharpness=0.5,attn_matrices=[k]]",
            "mtl_lora[task_specific_matrix_type=linear,use_rslora=True,output_lora=True,leave_out=[1]]",
        ] {
            let (config, mut copy) = (read(text), MtlLoraConfig::ground());
            for (name, value) in config.fields() {
                copy.set(&name, &value).unwrap_or_else(|e| panic!("{text}: {e}"));
            }
            assert_eq!(copy, config, "{text}");
        }
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let model = Config::bert(12, 3, 2, 20);
        for (text, words) in [
            ("mtl_lora[n_up_projection=0]", "n_up_projection is 0"),
            ("mtl_lora[weights_sharpness=0]", "above 0"),
            ("mtl_lora[use_gating=True]", "has no gate"),
            ("mtl_lora[use_dora=True]", "neither a DoRA"),
            ("mtl_lora[vera_d=0.1]", "neither a DoRA"),
            ("mtl_lora[leave_out=[3]]", "leave_out names layer 3"),
        ] {
            let error = read(text).check(&model).expect_err(text).to_string();
            assert!(error.contains(words), "{text}: {error}");
        }
        for (text, words) in [
            ("mtl_lora[n_up_projections=2]", "did you mean `n_up_projection`?"),
            ("mtl_lora[task_specific_matrix_type=diagonal]", "must be one of singular_values, linear"),
            ("lora[weights_sharpness=1]", "is no field of this method, but of mtl_lora"),
        ] {
            let error = text.parse::<Method>().expect_err(text).to_string();
            assert!(error.contains(words), "{text}: {error}");
        }
    }

    #[test]
    fn what_adapterhub_does_not_have_is_not_written_for_it() {
        assert!(read("mtl_lora[use_rslora=True]").file_fields().unwrap_err().contains("use_rslora"));
        let fields = read("mtl_lora[task_specific_matrix_type=linear]").file_fields().expect("it has the field");
        assert_eq!(fields["task_specific_matrix_type"], "linear");
        assert!(!fields.contains_key("use_rslora"));
    }
}
