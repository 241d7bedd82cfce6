//! The fields of a [`PromptConfig`] by AdapterHub's names, and its entry among the methods.

use super::config::{Combine, PromptConfig, PromptInit};
use super::layer::PromptTuning;
use crate::core::error::MethodError;
use crate::core::fields::{FieldError, count, seed, unknown, wrong};
use crate::core::hub_names::HubNames;
use crate::core::method_config::MethodConfig;
use crate::core::modules::Modules;
use crate::core::point::Point;
use crate::core::size::{PointSize, Size, product};
use crate::core::stored::Stored;
use adaptune_tensor::{Scalar, Seed};
use adaptune_transformer::{Config, SequencePoint};
use serde_json::{Map, Value, json};

impl MethodConfig for PromptConfig {
    const ARCHITECTURE: Option<&'static str> = Some("prompt_tuning");

    fn ground() -> Self {
        Self::prompt_tuning()
    }

    fn fields(&self) -> Map<String, Value> {
        let fields = json!({
            "prompt_length": self.prompt_length,
            "combine": self.combine.name(),
            "prompt_init": if self.prompt_init == PromptInit::Random { "random_uniform" } else { "from_string" },
            "prompt_init_text": self.prompt_init_text,
            "init_weights_seed": self.init_weights_seed,
        });
        fields.as_object().cloned().unwrap_or_default()
    }

    fn set(&mut self, name: &str, value: &Value) -> Result<(), FieldError> {
        match (name, value.as_str()) {
            ("prompt_length", _) => self.prompt_length = count(name, value)?,
            ("combine", Some("prefix")) => self.combine = Combine::First,
            ("combine", Some("prefix_after_bos")) => self.combine = Combine::AfterFirst,
            ("combine", Some("as_tokens")) => self.combine = Combine::AsTokens,
            ("combine", _) => return Err(wrong(name, value, "\"prefix\", \"prefix_after_bos\" or \"as_tokens\"")),
            ("prompt_init", Some("random_uniform")) => self.prompt_init = PromptInit::Random,
            ("prompt_init", Some("from_string")) => self.prompt_init = PromptInit::Text,
            ("prompt_init", _) => return Err(wrong(name, value, "\"random_uniform\" or \"from_string\"")),
            ("prompt_init_text", None) if value.is_null() => self.prompt_init_text = None,
            ("prompt_init_text", Some(text)) => self.prompt_init_text = Some(text.to_owned()),
            ("prompt_init_text", None) => return Err(wrong(name, value, "a text or None")),
            ("init_weights_seed", _) => self.init_weights_seed = seed(name, value)?,
            _ => return Err(unknown(name, &self.fields())),
        }
        Ok(())
    }

    fn file_fields(&self) -> Result<Map<String, Value>, String> {
        match self.combine {
            Combine::AsTokens => {
                Err("AdapterHub has no such adapter: its prompts take no positions and stand behind the \
                                      embeddings' norm (combine is as_tokens)"
                    .into())
            }
            _ => Ok(self.fields()),
        }
    }

    fn check(&self, model: &Config) -> Result<(), MethodError> {
        self.check_against(model)
    }

    fn size(&self, model: &Config) -> Result<Size, MethodError> {
        self.check_against(model)?;
        let point = Point::from(SequencePoint::Embeddings);
        let points = vec![PointSize::trained(point, product(&[self.prompt_length, self.width(model)]))];
        Ok(Size { tokens: self.prompt_length as u64, ..Size::of(points) })
    }

    fn modules<S: Scalar>(&self, model: &Config, seed: Seed, modules: &mut Modules<S>) -> Result<(), MethodError> {
        let seed = self.init_weights_seed.map_or(seed, Seed::new).named("prompt");
        modules.place(SequencePoint::Embeddings, PromptTuning::new(self, self.width(model), seed))
    }

    fn stored(&self, _names: &dyn HubNames, adapter: &str, _point: Option<Point>, _parameter: &str) -> Stored {
        Stored::same(format!("prompt_tuning.prompt_tunings.{adapter}.prompt_embedding.weight"))
    }
}
