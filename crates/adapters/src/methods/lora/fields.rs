//! The fields of a [`LoraConfig`] by AdapterHub's names, and its entry among the methods.

use super::config::{AttentionMatrix, Composition, LoraConfig, LoraInit, LoraKind, shape};
use super::dora::Dora;
use super::ia3::{Ia3, Side};
use super::lora::Lora;
use super::vera::Vera;
use crate::core::error::MethodError;
use crate::core::fields::{
    FieldError, boolean, choice, layers, name_of, number, optional_number, seed, unknown, whole, wrong,
};
use crate::core::hub_names::HubNames;
use crate::core::method_config::MethodConfig;
use crate::core::modules::Modules;
use crate::core::point::Point;
use crate::core::size::Size;
use crate::core::stored::{Form, Stored};
use adaptune_tensor::{Scalar, Seed};
use adaptune_transformer::{Config, LinearPoint, Projection};
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

const MATRICES: &[(&str, AttentionMatrix)] = &[
    ("q", AttentionMatrix::Query),
    ("k", AttentionMatrix::Key),
    ("v", AttentionMatrix::Value),
    ("o", AttentionMatrix::Output),
];
const PROJECTIONS: &[(&str, Projection)] = &[
    ("q", Projection::Query),
    ("k", Projection::Key),
    ("v", Projection::Value),
    ("o", Projection::AttentionOutput),
    ("intermediate", Projection::FeedForwardIn),
    ("output", Projection::FeedForwardOut),
    ("gate", Projection::FeedForwardGate),
];
const COMPOSITIONS: &[(&str, Composition)] = &[("add", Composition::Add), ("scale", Composition::Scale)];
const INITS: &[(&str, LoraInit)] =
    &[("lora", LoraInit::Lora), ("bert", LoraInit::Bert), ("ia3", LoraInit::Ia3), ("vera", LoraInit::Vera)];

/// Fields that AdapterHub does not have.
const OURS: [&str; 3] = ["use_rslora", "scale_inputs", "gate_lora"];

impl MethodConfig for LoraConfig {
    const ARCHITECTURE: Option<&'static str> = Some("lora");

    fn ground() -> Self {
        Self::lora()
    }

    fn fields(&self) -> Map<String, Value> {
        let fields = json!({
            "selfattn_lora": self.selfattn_lora,
            "intermediate_lora": self.intermediate_lora,
            "output_lora": self.output_lora,
            "leave_out": self.leave_out,
            "r": self.r,
            "alpha": whole(self.alpha),
            "dropout": self.dropout,
            "attn_matrices": self.attn_matrices.iter().map(|m| name_of(MATRICES, *m)).collect::<Vec<_>>(),
            "composition_mode": name_of(COMPOSITIONS, self.composition_mode),
            "init_weights": name_of(INITS, self.init_weights),
            "init_weights_seed": self.init_weights_seed,
            "use_gating": self.use_gating,
            "use_dora": self.use_dora,
            "vera_d": self.vera_d,
            "vera_b": self.vera_b,
            "dtype": null,
            "use_rslora": self.use_rslora,
            "scale_inputs": self.scale_inputs.iter().map(|p| name_of(PROJECTIONS, *p)).collect::<Vec<_>>(),
            "gate_lora": self.gate_lora,
        });
        fields.as_object().cloned().unwrap_or_default()
    }

    fn set(&mut self, name: &str, value: &Value) -> Result<(), FieldError> {
        match name {
            "selfattn_lora" => self.selfattn_lora = boolean(name, value)?,
            "intermediate_lora" => self.intermediate_lora = boolean(name, value)?,
            "output_lora" => self.output_lora = boolean(name, value)?,
            "leave_out" => self.leave_out = layers(name, value)?,
            "r" => self.r = rank(name, value)?,
            "alpha" => self.alpha = number(name, value)?,
            "dropout" => self.dropout = number(name, value)?,
            "attn_matrices" => self.attn_matrices = several(name, value, MATRICES)?,
            "composition_mode" => self.composition_mode = choice(name, value, COMPOSITIONS)?,
            "init_weights" => self.init_weights = choice(name, value, INITS)?,
            "init_weights_seed" => self.init_weights_seed = seed(name, value)?,
            "use_gating" => self.use_gating = boolean(name, value)?,
            "use_dora" => self.use_dora = boolean(name, value)?,
            "vera_d" => self.vera_d = optional_number(name, value)?,
            "vera_b" => self.vera_b = optional_number(name, value)?,
            "use_rslora" => self.use_rslora = boolean(name, value)?,
            "scale_inputs" => self.scale_inputs = several(name, value, PROJECTIONS)?,
            "gate_lora" => self.gate_lora = boolean(name, value)?,
            // How wide the numbers are is the run's choice.
            "dtype" => {}
            _ => return Err(unknown(name, &self.fields())),
        }
        Ok(())
    }

    fn file_fields(&self) -> Result<Map<String, Value>, String> {
        if let Some(why) = self.not_adapterhubs() {
            return Err(format!("AdapterHub has no such adapter: {why}"));
        }
        let mut fields = self.fields();
        OURS.iter().for_each(|name| _ = fields.remove(*name));
        Ok(fields)
    }

    /// Before 1.1.0 AdapterHub computed as if `α` were `R`.
    fn written_by(&mut self, version: Option<&str>) -> Result<(), String> {
        if version.is_some_and(before_scaling) && self.kind() != LoraKind::Ia3 {
            self.alpha = self.r as f64;
        }
        match self.use_dora.then(|| self.not_adapterhubs()).flatten() {
            Some(why) => Err(format!("this adapter would compute something else here than in AdapterHub: {why}")),
            None => Ok(()),
        }
    }

    fn needs_base(&self) -> bool {
        self.kind() == LoraKind::Dora
    }

    fn check(&self, model: &Config) -> Result<(), MethodError> {
        self.points(model).map(|_| ())
    }

    fn size(&self, model: &Config) -> Result<Size, MethodError> {
        self.computed_size(model, |projection| self.side(projection) == Side::Input)
    }

    fn modules<S: Scalar>(&self, model: &Config, seed: Seed, modules: &mut Modules<S>) -> Result<(), MethodError> {
        let seed = self.init_weights_seed.map_or(seed, Seed::new);
        let points = self.points(model)?;
        if self.kind() == LoraKind::Vera {
            let module = Vera::new(&points, model, self, seed);
            return modules.share("", points.into_iter().map(Point::from), module);
        }
        for point in points {
            let LinearPoint { layer, projection } = point;
            let (shape, seed) = (shape(projection, model), seed.at(layer as u64).at(projection as u64));
            match self.kind() {
                LoraKind::Dora => modules.place(point, Dora::new(shape, self, seed))?,
                LoraKind::Ia3 => modules.place(point, Ia3::new(shape, self.side(projection), self, seed))?,
                _ => modules.place(point, Lora::new(shape, self, seed))?,
            }
        }
        Ok(())
    }

    fn stored(&self, names: &dyn HubNames, adapter: &str, point: Option<Point>, parameter: &str) -> Stored {
        let path = names.module(point);
        let name = |part: &str| Stored::same(format!("{path}.loras.{adapter}.{part}"));
        match (self.kind(), parameter) {
            _ if point.is_none() => Stored::same(format!("{path}.{adapter}.{parameter}")),
            (LoraKind::Vera, "d") => name("vera_D").as_form(Form::Diagonal),
            (LoraKind::Vera, "b") => name("vera_B").as_form(Form::Diagonal),
            (LoraKind::Ia3, "l") => name("lora_B").as_form(Form::Column),
            (LoraKind::Dora, "m") => name("m.weight").as_form(Form::Column),
            // AdapterHub leaves the scaling out where there is a gate.
            (_, "lora_B") if self.use_gating => name(parameter).as_form(Form::Times(self.scaling())),
            _ => name(parameter),
        }
    }
}

impl LoraConfig {
    fn side(&self, projection: Projection) -> Side {
        if self.scale_inputs.contains(&projection) { Side::Input } else { Side::Output }
    }

    /// Why AdapterHub cannot have this configuration, if it cannot.
    fn not_adapterhubs(&self) -> Option<&'static str> {
        let feed_forward = self.intermediate_lora || self.output_lora;
        let rules = [
            (
                self.selfattn_lora && self.attn_matrices.contains(&AttentionMatrix::Output),
                "it does not adapt the attention's output (attn_matrices holds o)",
            ),
            (self.gate_lora, "it does not adapt the gate of a feed-forward network (gate_lora)"),
            (self.use_rslora, "it knows no use_rslora"),
            (!self.scale_inputs.is_empty(), "its IA3 scales outputs only (scale_inputs is not empty)"),
            (self.use_dora, "its DoRA rescales the bias too and leaves alpha/r out of the norm"),
            (self.kind() == LoraKind::Vera && feed_forward, "its VeRA shares matrices of one shape only"),
            (self.use_gating && self.alpha == 0.0, "its gate stands in place of alpha/r, which is 0 here"),
        ];
        rules.into_iter().find(|(it, _)| *it).map(|(_, why)| why)
    }
}

/// True of `adapters.x.y.z` before 1.1.0.
fn before_scaling(version: &str) -> bool {
    let Some(version) = version.strip_prefix("adapters.") else { return false };
    let mut numbers = version.split('.').map(|n| n.parse::<u32>().unwrap_or(0));
    (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0)) < (1, 1)
}

fn rank(name: &str, value: &Value) -> Result<usize, FieldError> {
    let rank = value.as_u64().filter(|r| (1..=1 << 16).contains(r));
    rank.map(|r| r as usize).ok_or_else(|| wrong(name, value, "a whole number from 1 to 65536"))
}

fn several<T: Copy + Ord>(name: &str, value: &Value, choices: &[(&str, T)]) -> Result<BTreeSet<T>, FieldError> {
    let names = || choices.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
    let expected = || wrong(name, value, format!("a list of some of {}", names()));
    let list = value.as_array().ok_or_else(expected)?;
    list.iter().map(|item| choice(name, item, choices).map_err(|_| expected())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::method::Method;

    fn read(text: &str) -> LoraConfig {
        match text.parse().unwrap_or_else(|e| panic!("{text}: {e}")) {
            Method::Lora(config) => config,
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn fields_written_and_read_give_the_same_configuration() {
        for text in [
            "lora",
            "lora[r=3,alpha=12,dropout=0.25,attn_matrices=[k,o],intermediate_lora=True,leave_out=[1]]",
            "lora[use_gating=True,init_weights=bert,init_weights_seed=7,alpha=0.5]",
            "dora[use_rslora=True]",
            "ia3[output_lora=True,scale_inputs=[output,k],alpha=2]",
            "vera[vera_d=0.3,vera_b=0.1,output_lora=True,selfattn_lora=False]",
        ] {
            let (config, mut copy) = (read(text), LoraConfig::ground());
            for (name, value) in config.fields() {
                copy.set(&name, &value).unwrap_or_else(|e| panic!("{text}: {e}"));
            }
            assert_eq!(copy, config, "{text}");
        }
    }

    #[test]
    fn mistakes_are_explained() {
        for (text, words) in [
            ("lora[rank=4]", "there is no field `rank`"),
            ("lora[alpa=4]", "did you mean `alpha`?"),
            ("lora[reduction_factor=4]", "`reduction_factor` is no field of this method, but of bottleneck"),
            ("seq_bn[r=4]", "`r` is no field of this method, but of lora"),
            ("lora[r=0]", "must be a whole number from 1"),
            ("lora[attn_matrices=[q,w]]", "must be a list of some of q, k, v, o"),
            ("lora[composition_mode=mul]", "must be one of add, scale"),
        ] {
            let message = text.parse::<Method>().unwrap_err().to_string();
            assert!(message.contains(words), "{text}: {message}");
        }
    }

    #[test]
    fn what_adapterhub_does_not_have_is_not_written_for_it() {
        for (text, words) in [
            ("lora[attn_matrices=[q,o]]", "attention's output"),
            ("lora[use_rslora=True]", "use_rslora"),
            ("dora", "rescales the bias"),
            ("ia3[scale_inputs=[k]]", "scales outputs only"),
            ("vera[intermediate_lora=True]", "one shape only"),
        ] {
            let why = read(text).file_fields().expect_err(text);
            assert!(why.contains(words), "{text}: {why}");
        }
        let fields = read("lora").file_fields().expect("AdapterHub has LoRA");
        assert!(OURS.iter().all(|name| !fields.contains_key(*name)));
    }

    #[test]
    fn old_files_computed_without_alpha() {
        for (version, alpha) in [
            (Some("adapters.1.0.9"), 4.0),
            (Some("adapters.0.2.2"), 4.0),
            (Some("adapters.1.1.0"), 16.0),
            (Some("adapters.2.0.0"), 16.0),
            (Some("3.2.1"), 16.0),
            (None, 16.0),
        ] {
            let mut config = read("lora[r=4,alpha=16]");
            config.written_by(version).expect("AdapterHub has LoRA");
            assert_eq!(config.alpha, alpha, "{version:?}");
        }
        assert!(read("dora").written_by(Some("adapters.1.3.0")).unwrap_err().contains("rescales the bias"));
    }
}
