//! A folder that is changed file by file, and models to fill it with.

use crate::common::{base, folder};
use adaptune_adapters::format::{self, Note};
use adaptune_adapters::{Adapter, AdapterModel, Head, HeadConfig};
use adaptune_tensor::Seed;
use adaptune_transformer::weights::{TensorFile, TensorSource, write_safetensors};
use adaptune_transformer::{Batch, Encoder};
use ndarray::{Array2, ArrayD};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use tempfile::TempDir;

pub(crate) const WEIGHTS: &str = "adapter_model.safetensors";

pub(crate) type Tensors = BTreeMap<String, ArrayD<f64>>;

/// A folder that is changed file by file.
pub(crate) struct Files(TempDir);

impl Files {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().expect("a folder"))
    }

    pub(crate) fn copy_of(from: &Path) -> Self {
        let to = Self::new();
        for entry in fs::read_dir(from).expect("there") {
            let path = entry.expect("readable").path();
            fs::copy(&path, to.path().join(path.file_name().expect("a file"))).expect("copied");
        }
        to
    }

    /// LoRA of a BERT, with the classifier on the base's pooler.
    pub(crate) fn classifier() -> Self {
        Self::copy_of(&folder("peft-heads/bert-SEQ_CLS"))
    }

    pub(crate) fn saved(model: &AdapterModel<f64>) -> Self {
        let to = Self::new();
        format::save(model, to.path()).unwrap_or_else(|e| panic!("{e}"));
        to
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn tensors(&self, file: &str) -> Tensors {
        let file = TensorFile::open(self.path().join(file)).expect("there");
        file.names().into_iter().map(|name| (name.to_owned(), file.read(name).expect("numbers"))).collect()
    }

    /// Writes tensors without any metadata, as Python does.
    pub(crate) fn write(&self, file: &str, tensors: &Tensors) {
        let views: Vec<_> = tensors.iter().map(|(name, array)| (name.clone(), array.view())).collect();
        write_safetensors(&self.path().join(file), &views, &Default::default()).expect("written");
    }

    pub(crate) fn rename(&self, file: &str, name: impl Fn(&str) -> String) {
        self.write(file, &self.tensors(file).into_iter().map(|(old, array)| (name(&old), array)).collect());
    }

    pub(crate) fn change(&self, file: &str, change: impl FnOnce(&mut Value)) {
        let path = self.path().join(file);
        let mut value = serde_json::from_str(&fs::read_to_string(&path).expect("there")).expect("JSON");
        change(&mut value);
        fs::write(path, value.to_string()).expect("written");
    }

    pub(crate) fn load(&self, base: &Arc<Encoder<f64>>) -> AdapterModel<f64> {
        format::load(self.path(), base.clone()).unwrap_or_else(|e| panic!("{e}"))
    }

    pub(crate) fn refusal(&self, base: &Arc<Encoder<f64>>) -> String {
        format::load(self.path(), base.clone()).expect_err("refused").to_string()
    }

    pub(crate) fn notes(&self) -> Vec<Note> {
        format::notes(self.path()).unwrap_or_else(|e| panic!("{e}"))
    }
}

pub(crate) fn logits(model: &AdapterModel<f64>) -> Array2<f64> {
    model.logits(&Batch::from_ids(&[&[2, 7, 8, 9], &[2, 10], &[5]])).expect("a good batch")
}

pub(crate) fn off(a: &Array2<f64>, b: &Array2<f64>) -> f64 {
    (a - b).iter().fold(0.0, |most, v| most.max(v.abs()))
}

/// Numbers that are nothing special.
pub(crate) fn numbers(shape: (usize, usize), step: f64) -> Array2<f64> {
    Array2::from_shape_fn(shape, |(i, j)| ((i * shape.1 + j) as f64 * step).sin() * 0.4)
}

pub(crate) fn model(method: &str, head: &HeadConfig) -> AdapterModel<f64> {
    let base = base::<f64>("bert");
    let adapter = Adapter::on("mine", &method.parse().expect("a method"), &base, Seed::new(1)).expect("it fits");
    let head = Head::new("mine", head, &base, Seed::new(2)).expect("it fits");
    AdapterModel::new(base, Some(adapter), head)
}

pub(crate) fn labels() -> Vec<String> {
    ["bad", "mixed", "good"].map(str::to_owned).into()
}
