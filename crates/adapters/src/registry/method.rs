//! The configuration of an adapter of any method, and unions of them.

use crate::core::error::MethodError;
use crate::core::fields::FieldError;
use crate::core::hub_names::HubNames;
use crate::core::method_config::MethodConfig;
use crate::core::modules::Modules;
use crate::core::point::Point;
use crate::core::size::Size;
use crate::core::stored::Stored;
use crate::methods::bottleneck::config::BottleneckConfig;
use crate::methods::lora::config::LoraConfig;
use crate::methods::lora::mtl::config::MtlLoraConfig;
use crate::methods::prefix::config::PrefixConfig;
use crate::methods::prompt::config::{PromptConfig, PromptInit};
use crate::methods::reft::config::ReftConfig;
use adaptune_tensor::{Scalar, Seed};
use adaptune_transformer::Config;
use serde_json::{Map, Value, json};

/// The configuration of an adapter of any method.
///
/// It is read from AdapterHub's configuration strings, `name[field=value, …]`, joined by `|` where an adapter is a union
/// of several methods:
///
/// ```
/// use adaptune_adapters::Method;
/// let method: Method = "seq_bn[reduction_factor=8,non_linearity=gelu]".parse()?;
/// assert_eq!(method, "pfeiffer[reduction_factor=8,non_linearity=gelu]".parse()?);
/// assert!("seq_bm".parse::<Method>().unwrap_err().to_string().contains("did you mean `seq_bn`?"));
/// # Ok::<(), adaptune_adapters::ParseMethodError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub enum Method {
    /// Houlsby, Pfeiffer, parallel, AdapterPlus, and what lies between.
    Bottleneck(BottleneckConfig),
    /// LoRA, DoRA, IA3, VeRA.
    Lora(LoraConfig),
    /// MTL-LoRA.
    MtlLora(MtlLoraConfig),
    /// Prefix tuning.
    Prefix(PrefixConfig),
    /// Prompt tuning.
    Prompt(PromptConfig),
    /// LoReFT, NoReFT, DiReFT.
    Reft(ReftConfig),
    /// Several methods in one adapter, none of them a union. Make one with [`Method::union`].
    Union(Vec<Method>),
}

/// Does one thing with the configuration of a method, whichever it is, and another with the members of a union.
macro_rules! each {
    ($method:expr, $config:ident => $one:expr, $members:ident => $union:expr) => {
        match $method {
            Method::Bottleneck($config) => $one,
            Method::Lora($config) => $one,
            Method::MtlLora($config) => $one,
            Method::Prefix($config) => $one,
            Method::Prompt($config) => $one,
            Method::Reft($config) => $one,
            Method::Union($members) => $union,
        }
    };
}

/// The methods but for unions, as files are read on them.
const GROUNDS: &[fn() -> Method] = &[
    || Method::Bottleneck(MethodConfig::ground()),
    || Method::Lora(MethodConfig::ground()),
    || Method::MtlLora(MethodConfig::ground()),
    || Method::Prefix(MethodConfig::ground()),
    || Method::Prompt(MethodConfig::ground()),
    || Method::Reft(MethodConfig::ground()),
];

impl Method {
    /// AdapterHub's `architecture` of unions.
    pub(crate) const UNION: &str = "union";

    /// Several methods in one adapter; unions among them are taken apart, and one alone is itself.
    #[must_use]
    pub fn union(members: Vec<Self>) -> Self {
        let mut flat: Vec<Self> = members.iter().flat_map(Self::members).cloned().collect();
        if flat.len() == 1 { flat.swap_remove(0) } else { Self::Union(flat) }
    }

    /// The members of a union, or the method itself.
    #[must_use]
    pub fn members(&self) -> &[Self] {
        each!(self, _config => std::slice::from_ref(self), members => members)
    }

    /// AdapterHub's `architecture`; bottlenecks have none.
    #[must_use]
    pub fn architecture(&self) -> Option<&'static str> {
        fn of<C: MethodConfig>(_: &C) -> Option<&'static str> {
            C::ARCHITECTURE
        }
        each!(self, config => of(config), _members => Some(Self::UNION))
    }

    /// Its kind as text: `bottleneck`, `lora`, `prefix_tuning`, and so on.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        self.architecture().unwrap_or("bottleneck")
    }

    pub(crate) fn required(&self) -> &'static [&'static str] {
        fn of<C: MethodConfig>(_: &C) -> &'static [&'static str] {
            C::REQUIRED
        }
        each!(self, config => of(config), _members => &[])
    }

    /// The text that a prompt is to begin as, if one is: its tokens go to [`Adapter::of_tokens`](crate::Adapter::of_tokens).
    #[must_use]
    pub fn prompt_text(&self) -> Option<&str> {
        self.members().iter().find_map(|member| match member {
            Self::Prompt(config) if config.prompt_init == PromptInit::Text => config.prompt_init_text.as_deref(),
            _ => None,
        })
    }

    /// The configuration of an adapter in its simplest form; see [`Adapter::ejected`](crate::Adapter::ejected).
    pub(crate) fn ejected(&self) -> Self {
        match self {
            Self::Prefix(config) => Self::Prefix(PrefixConfig { flat: true, ..config.clone() }),
            other => other.clone(),
        }
    }

    /// All methods but for unions, with AdapterHub's defaults.
    pub(crate) fn grounds() -> impl Iterator<Item = Self> {
        GROUNDS.iter().map(|ground| ground())
    }

    /// All fields by their AdapterHub names, and those of each member of a union under `configs`.
    #[must_use]
    pub fn fields(&self) -> Map<String, Value> {
        let fields = each!(self, config => config.fields(), members => configs(members.iter().map(Self::fields)));
        self.with_architecture(fields)
    }

    /// The fields as AdapterHub can read them, or why there are none.
    pub(crate) fn file_fields(&self) -> Result<Map<String, Value>, String> {
        let fields = each!(self, config => config.file_fields()?, members => {
            let members: Vec<_> = members.iter().map(Self::file_fields).collect::<Result<_, _>>()?;
            configs(members.into_iter())
        });
        Ok(self.with_architecture(fields))
    }

    fn with_architecture(&self, mut fields: Map<String, Value>) -> Map<String, Value> {
        fields.extend(self.architecture().map(|name| ("architecture".to_owned(), name.into())));
        fields
    }

    /// Sets a field by its AdapterHub name.
    ///
    /// # Errors
    /// If the method has no such field, or the value is of the wrong kind. The fields of a union are those of its members.
    pub fn set(&mut self, name: &str, value: &Value) -> Result<(), FieldError> {
        let set = each!(self, config => config.set(name, value), _members => {
            return Err(FieldError::Union { name: name.into() });
        });
        set.map_err(|error| match (error, owner(name)) {
            (FieldError::Unknown { name, .. }, Some(owner)) => FieldError::OtherMethod { name, owner },
            (error, _) => error,
        })
    }

    pub(crate) fn written_by(&mut self, version: Option<&str>) -> Result<(), String> {
        each!(self, config => config.written_by(version), members => {
            members.iter_mut().try_for_each(|member| member.written_by(version))
        })
    }

    /// True if initial values depend on the base's weights: then [`Adapter::on`](crate::Adapter::on) makes an adapter.
    #[must_use]
    pub fn needs_base(&self) -> bool {
        each!(self, config => config.needs_base(), members => members.iter().any(Self::needs_base))
    }

    /// Checks the configuration by itself and against a model.
    ///
    /// # Errors
    /// If it contradicts itself or does not fit the model.
    pub fn check(&self, model: &Config) -> Result<(), MethodError> {
        each!(self, config => config.check(model), members => {
            check_members(members)?;
            members.iter().try_for_each(|member| member.check(model))
        })
    }

    /// Returns how many numbers an adapter of the method takes in a model, by formula: nothing is allocated, however many they are.
    ///
    /// # Errors
    /// As [`Method::check`].
    pub fn size(&self, model: &Config) -> Result<Size, MethodError> {
        self.check(model)?;
        each!(self, config => config.size(model), members => {
            Ok(Size::union(members.iter().map(|member| member.size(model)).collect::<Result<Vec<_>, _>>()?))
        })
    }

    /// The modules of a new adapter.
    pub(crate) fn modules<S: Scalar>(&self, model: &Config, seed: Seed) -> Result<Modules<S>, MethodError> {
        self.check(model)?;
        let mut modules = Modules::new();
        each!(self, config => config.modules(model, seed, &mut modules)?, members => {
            for (i, member) in members.iter().enumerate() {
                modules.begin_member(i);
                let seed = seed.named("member").at(i as u64);
                each!(member, config => config.modules(model, seed, &mut modules)?, _members => {});
            }
        });
        Ok(modules)
    }

    /// How AdapterHub stores a parameter or constant of this name.
    pub(crate) fn stored(&self, names: &dyn HubNames, adapter: &str, name: &str) -> Stored {
        let (point, parameter) = Point::split(name);
        each!(self, config => config.stored(names, adapter, point, parameter), _members => Stored::same(name))
    }
}

fn configs(members: impl Iterator<Item = Map<String, Value>>) -> Map<String, Value> {
    Map::from_iter([("configs".to_owned(), json!(members.collect::<Vec<_>>()))])
}

/// A method that has a field.
fn owner(field: &str) -> Option<&'static str> {
    Method::grounds().find(|ground| ground.fields().contains_key(field)).map(|ground| ground.kind())
}

fn check_members(members: &[Method]) -> Result<(), MethodError> {
    if members.iter().any(|member| matches!(member, Method::Union(_))) {
        return Err(MethodError::Contradiction("the members of a union are no unions: make it with Method::union"));
    }
    if members.is_empty() {
        return Err(MethodError::Nothing("a union needs members"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::methods::bottleneck::layer::Scaling;
    use crate::methods::bottleneck::wiring::InnerResidual;
    use crate::registry::presets::PRESETS;

    fn read(text: &str) -> BottleneckConfig {
        match text.parse().unwrap_or_else(|e| panic!("{text}: {e}")) {
            Method::Bottleneck(config) => config,
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn every_field_can_be_set() {
        let config = read(
            "houlsby[reduction_factor={'0': 2, 'default': 8}, scaling=2, residual_before_ln=post_add, leave_out=[1,3], \
             init_weights=bert, init_weights_seed=0, dropout=0.1, ln_after=True, non_linearity='gelu', original_ln_before=True]",
        );
        assert_eq!((config.reduction_factor.of(0), config.reduction_factor.of(5)), (Some(2.0), Some(8.0)));
        assert_eq!((config.scaling, config.residual_before_ln), (Scaling::Fixed(2.0), InnerResidual::Sum));
        assert_eq!((config.init_weights_seed, config.leave_out.len(), config.mh_adapter), (Some(0), 2, true));
    }

    #[test]
    fn fields_written_and_read_give_the_same_configuration() {
        for text in [
            "seq_bn",
            "houlsby[scaling=2.5]",
            "par_bn[leave_out=[0]]",
            "scaled_par_bn",
            "adapter_plus",
            "seq_bn[reduction_factor={'1': 3, 'default': 0.5},residual_before_ln=post_add]",
        ] {
            let (config, mut copy) = (read(text), BottleneckConfig::base());
            for (name, value) in config.fields() {
                copy.set(&name, &value).unwrap_or_else(|e| panic!("{text}: {e}"));
            }
            assert_eq!(copy, config, "{text}");
        }
    }

    /// What is written into a file is read from it as what it was, for every preset and for odd settings.
    #[test]
    fn every_preset_comes_back_from_its_fields() {
        let odd = [
            "loreft[layers=[1],tied_weights=True,non_linearity=gelu,r=3]",
            "prompt_tuning[combine=prefix_after_bos,prompt_init=from_string,prompt_init_text='a, b']",
            "prefix_tuning[position_shift=True,leave_out=[0],shared_gating=False,dropout=0.25]",
            "compacter[learn_phm=False,phm_c_init=uniform,hypercomplex_nonlinearity=normal,phm_rank=3]",
            "seq_bn_inv[inv_adapter=glow,inv_adapter_reduction_factor=1.5,use_gating=True]",
        ];
        let presets = PRESETS.iter().map(|preset| (preset.method)());
        for method in presets.chain(odd.map(|text| text.parse().unwrap_or_else(|e| panic!("{text}: {e}")))) {
            for member in method.members() {
                let mut copy =
                    Method::grounds().find(|g| g.architecture() == member.architecture()).expect("it has one");
                for (name, value) in member.fields().iter().filter(|(name, _)| *name != "architecture") {
                    copy.set(name, value).unwrap_or_else(|e| panic!("{member:?}: {e}"));
                }
                assert_eq!(copy, *member);
            }
        }
    }

    #[test]
    fn mistakes_are_explained() {
        for (text, words) in [
            ("pfeifer", "did you mean `pfeiffer`?"),
            ("lara", "there is no method `lara`"),
            ("seq_bn[reduction=8]", "there is no field `reduction`"),
            ("seq_bn[reduction_facto=8]", "did you mean `reduction_factor`?"),
            ("seq_bn[reduction_factor=many]", "must be a number, or a map"),
            ("seq_bn[ln_before=1]", "must be True or False"),
            ("seq_bn[phm_c_init=zero]", "must be \"normal\" or \"uniform\""),
            ("seq_bn[inv_adapter=flow]", "\"nice\", \"glow\" or None"),
            ("seq_bn[reduction_factor=8", "the ] is missing"),
            ("seq_bn[leave_out=[0]", "not closed"),
            ("seq_bn[8]", "has no ="),
            ("seq_bn|pra_bn", "did you mean `par_bn`?"),
            ("seq_bn|", "a name is missing"),
            ("", "a name is missing"),
            ("|", "a name is missing"),
            ("seq_bn[leave_out=[0]|par_bn", "not closed"),
        ] {
            let message = text.parse::<Method>().unwrap_err().to_string();
            assert!(message.contains(words), "{text}: {message}");
        }
    }

    #[test]
    fn unions_are_read_member_by_member() {
        let union: Method = "par_bn[scaling=2] | seq_bn[mh_adapter=True,output_adapter=False]".parse().expect("good");
        let members: Vec<Method> = ["par_bn[scaling=2]", "seq_bn[mh_adapter=True,output_adapter=False]"]
            .map(|text| text.parse().expect("good"))
            .into();
        assert_eq!(union, Method::union(members.clone()));
        assert_eq!(union.members(), members);
        assert_eq!(Method::union(vec![union.clone()]), union, "a union of a union is that union");
        assert_eq!("seq_bn".parse::<Method>().expect("good").members().len(), 1);
        let refused = union.clone().set("dropout", &0.5.into()).unwrap_err().to_string();
        assert!(refused.contains("give it to one of the members"), "{refused}");
    }

    #[test]
    fn unions_that_want_one_point_twice_are_refused() {
        let model = Config::bert(8, 2, 2, 12);
        let modules = |text: &str| text.parse::<Method>().expect("good").modules::<f32>(&model, Seed::new(1));
        assert!(modules("par_bn|seq_bn[mh_adapter=True,output_adapter=False]").is_ok());
        assert!(modules("par_bn[leave_out=[0]]|seq_bn[leave_out=[1]]").is_ok());
        let error = modules("par_bn[leave_out=[0]]|seq_bn").err().expect("both are at block 1").to_string();
        assert!(error.contains("two modules at layer.1.feed_forward"), "{error}");
        let nested = Method::Union(vec![Method::Union(vec![])]);
        assert!(nested.check(&model).unwrap_err().to_string().contains("are no unions"));
        assert!(Method::union(vec![]).check(&model).unwrap_err().to_string().contains("needs members"));
    }
}
