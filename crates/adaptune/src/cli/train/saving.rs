//! What a run leaves beside what was trained: a file that later commands read, and a card for people.

use super::super::folder::RunFolder;
use super::command;
use super::folds::Folds;
use super::language::Language;
use super::outcome::Outcome;
use super::setting::Setting;
use adaptune_adapters::{AdapterModel, HeadConfig, Tuning, format};
use adaptune_text::{BaseIdentity, ModelCard, RunFile};
use adaptune_train::{EvaluationRecord, GroupRouter};
use anyhow::{Context, Result, anyhow};

impl Setting<'_> {
    /// Refuses an adapter that no library's files can hold before hours go into it: it is written into a folder that is thrown away.
    pub(super) fn check_files(&self, model: &AdapterModel<f32>) -> Result<()> {
        let Some(adapter) = model.adapter().filter(|_| self.choices.composed.is_none()) else { return Ok(()) };
        let trial = tempfile::tempdir().context("cannot make a temporary folder")?;
        let (folder, out) = (trial.path().display().to_string(), self.choices.out.display().to_string());
        let saved = format::save_headless(adapter, model.base(), trial.path());
        saved
            .map_err(|error| anyhow!(error.to_string().replace(&folder, &out)))
            .with_context(|| format!("--method {}: what would be trained could not be saved", self.choices.method))
    }

    /// Writes down which domains texts are likely to belong to that name none, where adapters are a tree.
    pub(super) fn save_router(&self, folder: &RunFolder) -> Result<()> {
        if self.data.train.groups().is_none() {
            return Ok(());
        }
        let router = GroupRouter::fit(&self.base, &self.data.train, self.choices.options.eval_batch_size)?;
        Ok(router.save(folder.work())?)
    }

    /// What is trained with what, for whoever finds the result.
    pub(super) fn run_file(&self, tuning: &Tuning) -> RunFile {
        let mut options = serde_json::to_value(self.choices.options_for(tuning)).unwrap_or_default();
        if let Some(weighted) = &self.weighted {
            options["class_weights"] = weighted.weights().into();
        }
        RunFile {
            model: self.choices.model.clone(),
            method: self.choices.method.clone(),
            max_length: self.tokenizer.max_length(),
            base_dtype: self.args.base_dtype.into(),
            base: Some(BaseIdentity::of(&self.base, &self.tokenizer)),
            input: self.data.input.clone(),
            data: self.data.files.clone(),
            embedding: self.embedding.as_ref().map(|embedding| embedding.run.clone()),
            language: self.language.as_ref().map(Language::run),
            from: self.choices.start.as_ref().map(|start| start.folder.display().to_string()),
            version: Some(env!("CARGO_PKG_VERSION").into()),
            options,
        }
    }

    /// A README with data, scores and command, for whoever finds the result; `begun` is the folder of the run that has the command.
    pub(super) fn write_card(
        &self,
        outcome: &Outcome,
        head: &HeadConfig,
        setup: Option<&str>,
        folds: Option<&Folds>,
        folder: &RunFolder,
        begun: &RunFolder,
    ) -> Result<()> {
        let (run, command) = (self.run_file(&self.choices.tuning), command::for_the_card(begun));
        let named = |part: &str, name: &str, value: f64| (format!("{part} {name}"), value);
        let dev = outcome
            .best()
            .into_iter()
            .flat_map(EvaluationRecord::scores)
            .map(|(name, value)| named("dev", name, value));
        let test =
            outcome.test.iter().flat_map(|test| test.metrics.iter()).map(|(name, value)| named("test", name, value));
        let parts = folds.into_iter().flat_map(Folds::scores_by_name);
        let scores: Vec<(String, f64)> = parts.chain(dev).chain(test).collect();
        let (name, family) = (&self.choices.name, self.base.config().family);
        folder.write_card(&ModelCard { name, run: &run, head, scores: &scores, command: &command, setup, family })
    }
}
