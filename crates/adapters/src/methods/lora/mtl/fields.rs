//! The fields of an [`MtlLoraConfig`] by AdapterHub's names, and its entry among the methods.

use super::config::{MtlLoraConfig, TaskMatrix};
use super::layer::MtlLora;
use crate::core::error::MethodError;
use crate::core::fields::{FieldError, choice, count, name_of, number, unknown};
use crate::core::hub_names::HubNames;
use crate::core::method_config::MethodConfig;
use crate::core::modules::Modules;
use crate::core::point::Point;
use crate::core::size::{PointSize, Size, product, sum};
use crate::core::stored::Stored;
use crate::methods::lora::config::shape;
use crate::methods::lora::size::shapes;
use adaptune_tensor::{Scalar, Seed};
use adaptune_transformer::{Config, LinearPoint};
use serde_json::{Map, Value};

const TASK_MATRICES: &[(&str, TaskMatrix)] =
    &[("singular_values", TaskMatrix::SingularValues), ("linear", TaskMatrix::Linear)];

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

    fn size(&self, model: &Config) -> Result<Size, MethodError> {
        let (r, n) = (self.lora.r, self.n_up_projection);
        let lambda = match self.task_specific_matrix_type {
            TaskMatrix::SingularValues => r as u64,
            TaskMatrix::Linear => product(&[r, r]),
        };
        let shapes = shapes(model, self.lora.projections());
        let one = |point: LinearPoint| {
            let known = shapes.iter().find(|(projection, _)| *projection == point.projection);
            let (outputs, inputs) = known.expect("a point of the configuration").1;
            let numbers = [product(&[r, inputs]), product(&[n, outputs, r]), n as u64, lambda];
            PointSize::trained(Point::from(point), sum(numbers))
        };
        Ok(Size::of(self.points(model)?.into_iter().map(one).collect()))
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

    fn stored(&self, names: &dyn HubNames, adapter: &str, point: Option<Point>, parameter: &str) -> Stored {
        Stored::same(format!("{}.loras.{adapter}.{parameter}", names.module(point)))
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
    use crate::registry::method::Method;

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
            ("mtl_lora[weights_sharpness=1e-300]", "above 0, in f32 too"),
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
