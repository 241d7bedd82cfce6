//! What the recipes have in common: the built-in model, the built-in world in its tokens, and a loop.
#![allow(dead_code)] // each recipe uses a part of it

use adaptune::adapters::{AdapterModel, Head, HeadConfig, Task, format};
use adaptune::tensor::{Scalar, Seed};
use adaptune::train::{Dataset, Example, Masking, Target, TrainOptions, Trainer, evaluate};
use adaptune::transformer::Encoder;
use adaptune::world::{self, Language, Split, World};
use std::error::Error;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokenizers::Tokenizer;

pub(crate) type Outcome<T> = Result<T, Box<dyn Error>>;

/// True if the environment asks for a glance instead of the whole recipe, as the check that examples run does.
pub(crate) fn brief() -> bool {
    std::env::var_os("ADAPTUNE_BRIEF").is_some()
}

/// The built-in model with its tokeniser, and the world that it was pretrained on.
pub(crate) struct Studio {
    pub(crate) base: Arc<Encoder<f32>>,
    pub(crate) tokeniser: Tokenizer,
    pub(crate) world: World,
}

impl Studio {
    pub(crate) fn open() -> Outcome<Self> {
        let folder = folder();
        let tokeniser = Tokenizer::from_file(folder.join("tokenizer.json")).map_err(|e| e.to_string())?;
        Ok(Self { base: Arc::new(Encoder::load(&folder)?), tokeniser, world: World::default() })
    }

    /// The built-in model in another precision.
    pub(crate) fn base_in<S: Scalar>() -> Outcome<Arc<Encoder<S>>> {
        Ok(Arc::new(Encoder::load(&folder())?))
    }

    /// Tokens of texts of which `rate` are hidden and to be found; the first token is asked for one of them.
    pub(crate) fn masked(&self, texts: Vec<Vec<u32>>, rate: f64) -> Outcome<Dataset> {
        let id = |token: &str| self.tokeniser.token_to_id(token).ok_or("a special token is missing");
        let special =
            ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"].map(id).into_iter().collect::<Result<Vec<_>, _>>()?;
        let vocabulary = u32::try_from(self.tokeniser.get_vocab_size(true))?;
        let masking = Masking { rate, mask: special[4], vocabulary, special, summarise: true };
        let longest = self.base.config().max_tokens();
        Ok(Dataset::language(texts.into_iter().filter(|text| text.len() <= longest).collect(), masking)?)
    }

    /// The head that the model was pretrained with: it finds hidden tokens.
    pub(crate) fn language_head(&self) -> Outcome<Head<f32>> {
        Ok(format::load_language_head(&folder(), &self.base)?)
    }

    /// A new head for a task of the world, called by the task's name.
    pub(crate) fn head(&self, task: world::Task, seed: u64) -> Outcome<Head<f32>> {
        let labels = task.labels().iter().map(|label| (*label).to_owned()).collect();
        Ok(Head::new(task.name(), &HeadConfig::new(Task::CLASSIFICATION, labels), &self.base, Seed::new(seed))?)
    }

    /// The examples of a task that judges whole texts, at most `most` of them.
    pub(crate) fn task(&self, task: world::Task, language: Language, split: Split, most: usize) -> Outcome<Dataset> {
        let examples = self.world.examples(task, language, split).into_iter().take(most);
        let examples = examples.map(|example| self.example(task, example)).collect::<Outcome<Vec<_>>>()?;
        Ok(Dataset::new(Task::CLASSIFICATION, task.labels().len(), examples)?)
    }

    /// The tokens of a text, with those that mark its ends.
    pub(crate) fn ids(&self, text: &str) -> Outcome<Vec<u32>> {
        Ok(self.tokeniser.encode(text, true).map_err(|e| e.to_string())?.get_ids().to_vec())
    }

    fn example(&self, task: world::Task, example: world::Example) -> Outcome<Example> {
        let (encoding, label) = match example {
            world::Example::Text { text, label } | world::Example::Review { text, label, .. } => {
                (self.tokeniser.encode(text, true), label)
            }
            world::Example::Pair { premise, hypothesis, label } => {
                (self.tokeniser.encode((premise, hypothesis), true), label)
            }
            world::Example::Tagged { .. } => return Err("these recipes judge whole texts".into()),
        };
        let encoding = encoding.map_err(|e| e.to_string())?;
        let class = task.labels().iter().position(|known| *known == label).ok_or("an unknown label")?;
        let (token_ids, token_types) = (encoding.get_ids().to_vec(), encoding.get_type_ids().to_vec());
        Ok(Example::new(token_ids, token_types, Target::Class(class)))
    }
}

/// Trains and gives the model of the best epoch, or of the last where there is nothing to measure by.
pub(crate) fn fit(
    model: AdapterModel<f32>,
    data: &Dataset,
    dev: Option<&Dataset>,
    options: TrainOptions,
) -> Outcome<AdapterModel<f32>> {
    Ok(Trainer::new(model, data, dev, options)?.run(&mut ())?.model)
}

/// Accuracy in per cent.
pub(crate) fn accuracy(model: &AdapterModel<f32>, data: &Dataset) -> Outcome<f64> {
    Ok(100.0 * evaluate(model, data, 64)?.metrics.primary().1)
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../text/builtin")
}
