//! What several tasks share: the matrices of MTL-LoRAs, or skills.

use super::super::super::misused::{misuse, misused, unreadable};
use adaptune_adapters::{Method, MtlLoraConfig, MultiTask, PolytroponConfig};
use adaptune_tensor::Seed;
use adaptune_transformer::Config;
use anyhow::{Context, Result};

/// What skills are called in `--method`.
const POLYTROPON: &str = "polytropon";
/// How many skills there are.
const COUNT: &str = "n_skills";
/// More skills than anybody trains.
const MOST: usize = 1024;

/// What `--method` says that tasks share.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Sharing {
    Mtl(MtlLoraConfig),
    /// And the method of the adapter that each task has at the end, as it would be written.
    Polytropon(PolytroponConfig, String),
}

impl Sharing {
    /// That of a method as it was written.
    pub(super) fn of(method: &str) -> Result<Self> {
        let of_skills = method.split(['[', '(']).next().is_some_and(|name| name.trim() == POLYTROPON);
        if of_skills {
            return polytropon(method).with_context(|| format!("--method {method}"));
        }
        match method.parse().map_err(unreadable("--method"))? {
            Method::MtlLora(config) => Ok(Self::Mtl(config)),
            _ => misuse!(
                "--method {method}: tasks that are trained together share the matrices of an MTL-LoRA, or skills; expected mtl_lora, such as \
                 'mtl_lora[r=8,n_up_projection=3]', or 'polytropon[r=8,n_skills=4]'"
            ),
        }
    }

    /// The method of the adapter that each task has at the end, where it is another one than was written.
    pub(super) fn of_each(&self) -> Option<&str> {
        match self {
            Self::Mtl(_) => None,
            Self::Polytropon(_, lora) => Some(lora),
        }
    }

    /// What tasks of these names train together.
    pub(super) fn tasks(&self, names: &[&str], model: &Config, seed: Seed) -> Result<MultiTask<f32>> {
        let tasks = match self {
            Self::Mtl(config) => MultiTask::new(names, config, model, seed),
            Self::Polytropon(config, _) => MultiTask::polytropon(names, config, model, seed),
        };
        tasks.context("--method")
    }
}

/// The fields are those of LoRA, and the number of skills.
fn polytropon(method: &str) -> Result<Sharing> {
    let fields = method.trim().strip_prefix(POLYTROPON).unwrap_or_default();
    let inner = fields.strip_prefix('[').and_then(|fields| fields.strip_suffix(']'));
    let Some(inner) = inner.or(fields.is_empty().then_some("")) else {
        misuse!("expected fields in brackets, {POLYTROPON}[r=8,n_skills=4]");
    };
    let mut config = PolytroponConfig::polytropon();
    let mut of_lora = Vec::new();
    for field in inner.split(',') {
        match field.split_once('=').filter(|(name, _)| name.trim() == COUNT) {
            Some((_, count)) => {
                let count = count.trim().parse().ok().filter(|count| (1..=MOST).contains(count));
                config.n_skills =
                    count.ok_or_else(|| misused(format_args!("{COUNT} must be a whole number from 1 to {MOST}")))?;
            }
            None => of_lora.push(field),
        }
    }
    let lora = format!("lora[{}]", of_lora.join(","));
    match lora.parse() {
        Ok(Method::Lora(each)) => Ok(Sharing::Polytropon(PolytroponConfig { lora: each, ..config }, lora)),
        Ok(_) => misuse!("skills are LoRAs"),
        Err(error) => misuse!("{error}; besides those of lora there is {COUNT}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn skills_are_loras_of_which_there_are_some() {
        let of = |text: &str| match Sharing::of(text).unwrap_or_else(|e| panic!("{text}: {e:#}")) {
            Sharing::Polytropon(config, _) => (config.lora.r, config.n_skills, config.lora.alpha),
            other => panic!("{other:?}"),
        };
        assert_eq!(of("polytropon"), (8, 4, 8.0));
        assert_eq!(of("polytropon[ n_skills = 3 ,r=2,attn_matrices=[q,k]]"), (2, 3, 8.0));
        assert!(matches!(Sharing::of("mtl_lora[r=2]"), Ok(Sharing::Mtl(_))));
        for (text, words) in [
            ("polytropon[n_skills=0]", "from 1 to 1024"),
            ("polytropon[skills=3]", "besides those of lora there is n_skills"),
            ("polytropon(3)", "fields in brackets"),
            ("seq_bn", "expected mtl_lora"),
        ] {
            let error = format!("{:#}", Sharing::of(text).expect_err(text));
            assert!(error.contains(words), "{text}: {error}");
        }
    }
}
