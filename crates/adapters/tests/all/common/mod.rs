//! Reading the golden fixtures.
#![allow(dead_code)] // each test program uses a part of it

use adaptune_adapters::objective::{
    Classification, MaskedLanguage, MultiLabel, MultipleChoice, Objective, Regression, Spans, Tagging,
};
use adaptune_adapters::{Adapter, AdapterModel, Head, Task, format};
use adaptune_tensor::{Layout, Scalar};
use adaptune_test_support::largest_difference;
use adaptune_transformer::weights::{Dtype, TensorFile, TensorSource, write_safetensors};
use adaptune_transformer::{
    AttentionModule, Properties, SequenceBackward, SequenceOutput, SequencePoint, SublayerModule, SublayerPoint,
};
use adaptune_transformer::{Batch, Encoder, Insertions, LinearModule, LinearPoint, SequenceInput, SequenceModule};
use ndarray::{Array2, ArrayD};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

pub(crate) fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

/// All files of a folder of fixtures, in order.
pub(crate) fn files(name: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder(name)).expect("the fixtures are in the repository");
    let mut files: Vec<_> = entries.map(|e| e.expect("a readable folder").path()).collect();
    files.sort();
    assert!(!files.is_empty(), "no fixtures in {name}");
    files
}

pub(crate) fn base<S: Scalar>(name: &str) -> Arc<Encoder<S>> {
    Arc::new(Encoder::load(&folder("models").join(name)).unwrap_or_else(|e| panic!("{name}: {e}")))
}

/// A fixture file.
pub(crate) struct Fixture {
    pub(crate) file: TensorFile,
    pub(crate) name: String,
}

impl Fixture {
    pub(crate) fn open(path: &Path) -> Self {
        let name = path.file_stem().expect("a file").to_string_lossy().into_owned();
        Self { file: TensorFile::open(path).unwrap_or_else(|e| panic!("{e}")), name }
    }

    pub(crate) fn metadata(&self, key: &str) -> &str {
        self.file.metadata().and_then(|m| m.get(key)).unwrap_or_else(|| panic!("{}: no metadata {key}", self.name))
    }

    pub(crate) fn floats(&self, name: &str) -> ArrayD<f64> {
        self.file.read(name).unwrap_or_else(|e| panic!("{e}"))
    }

    pub(crate) fn integers(&self, name: &str) -> Vec<i64> {
        let bytes = std::fs::read(self.file.path()).expect("it was opened before");
        let tensors = safetensors::SafeTensors::deserialize(&bytes).expect("it was read before");
        let tensor = tensors.tensor(name).unwrap_or_else(|e| panic!("{}: {name}: {e}", self.name));
        assert_eq!(tensor.dtype(), Dtype::I64, "{}: {name}", self.name);
        tensor.data().chunks_exact(8).map(|b| i64::from_le_bytes(b.try_into().expect("eight bytes"))).collect()
    }

    fn unsigned(&self, name: &str) -> Vec<u32> {
        self.integers(name).into_iter().map(|v| u32::try_from(v).expect("not negative")).collect()
    }

    /// The batch under a prefix (`input.`).
    pub(crate) fn batch(&self, prefix: &str) -> Batch {
        let (ids, types) =
            (self.unsigned(&format!("{prefix}token_ids")), self.unsigned(&format!("{prefix}token_types")));
        let lengths: Vec<usize> = self.integers(&format!("{prefix}lengths")).into_iter().map(|v| v as usize).collect();
        let layout = Layout::from_lengths(&lengths);
        Batch::new(layout.ranges().map(|r| (&ids[r.clone()], &types[r]))).expect("as many types as ids")
    }

    /// The targets under a prefix, as the head's task reads them.
    pub(crate) fn targets<S: Scalar>(&self, prefix: &str, task: Task) -> Box<dyn Objective<S>> {
        let name = format!("{prefix}labels");
        let integers = || self.integers(&name).into_iter();
        match task.name() {
            "regression" => Box::new(Regression(self.floats(&name).iter().copied().collect())),
            "classification" => Box::new(Classification(integers().map(|v| v as usize).collect())),
            "multi-label" => Box::new(MultiLabel(self.truths(&name))),
            "question answering" => Box::new(self.answers(prefix)),
            "multiple choice" => Box::new(MultipleChoice {
                choices: self.integers(&format!("{prefix}choices")).into_iter().map(|v| v as usize).collect(),
                right: integers().map(|v| v as usize).collect(),
            }),
            "masked language" => Box::new(self.hidden_tokens(&name)),
            "tagging" => Box::new(Tagging(integers().map(|v| usize::try_from(v).ok()).collect())),
            other => panic!("no fixture has the task {other}"),
        }
    }

    /// The head of a language model, in a directory of its own.
    pub(crate) fn language_head(&self) -> tempfile::TempDir {
        let directory = tempfile::tempdir().expect("a temporary folder");
        let names = self.file.names().into_iter().filter_map(|n| n.strip_prefix("head:").map(str::to_owned));
        let tensors: Vec<_> = names.map(|n| (n.clone(), self.floats(&format!("head:{n}")))).collect();
        let views: Vec<_> = tensors.iter().map(|(n, t)| (n.clone(), t.view())).collect();
        write_safetensors(&directory.path().join("model.safetensors"), &views, &Default::default()).expect("written");
        directory
    }

    /// One of the adapters that the fixture has by this name (`adapter` where there is but one), if it is there.
    pub(crate) fn adapter<S: Scalar>(&self, name: &str, base: &Encoder<S>) -> Option<Adapter<S>> {
        let config = self.file.metadata().and_then(|m| m.get(&format!("{name}_config")))?;
        let (directory, prefix) = (tempfile::tempdir().expect("a temporary folder"), format!("{name}:"));
        let names = self.file.names().into_iter().filter_map(|n| n.strip_prefix(&prefix).map(str::to_owned));
        let tensors: Vec<_> = names.map(|n| (n.clone(), self.floats(&format!("{prefix}{n}")))).collect();
        let views: Vec<_> = tensors.iter().map(|(n, t)| (n.clone(), t.view())).collect();
        let path = |file| directory.path().join(file);
        write_safetensors(&path("adapter.safetensors"), &views, &Default::default()).expect("written");
        std::fs::write(path("adapter_config.json"), config).expect("written");
        Some(format::load_adapter(directory.path(), base).unwrap_or_else(|e| panic!("{}: {e}", self.name)))
    }

    /// Where the answers stand.
    fn answers(&self, prefix: &str) -> Spans {
        let places = |name: &str| self.integers(&format!("{prefix}{name}")).into_iter().map(|v| v as usize);
        let spans = places("start_positions").zip(places("end_positions")).collect();
        Spans { lengths: places("lengths").collect(), spans }
    }

    /// Whether each label holds for each sequence.
    fn truths(&self, name: &str) -> Vec<Vec<bool>> {
        let truths: Vec<bool> = self.integers(name).into_iter().map(|v| v == 1).collect();
        truths.chunks(truths.len() / self.integers("input.lengths").len()).map(<[bool]>::to_vec).collect()
    }

    /// Tokens to be found where the label is not negative.
    fn hidden_tokens(&self, name: &str) -> MaskedLanguage {
        let labels = self.integers(name);
        let hidden = labels.iter().enumerate().filter_map(|(place, v)| Some((place, usize::try_from(*v).ok()?)));
        let (places, tokens) = hidden.unzip();
        MaskedLanguage { places, tokens }
    }

    /// The model of a case: its adapter and head written to a directory and loaded from there.
    pub(crate) fn model<S: Scalar>(&self) -> AdapterModel<S> {
        let directory = tempfile::tempdir().expect("a temporary folder");
        let write = |prefix: &str, file: &str| {
            let names = self.file.names().into_iter().filter_map(|n| n.strip_prefix(prefix).map(str::to_owned));
            let tensors: Vec<_> = names.map(|n| (n.clone(), self.floats(&format!("{prefix}{n}")))).collect();
            let views: Vec<_> = tensors.iter().map(|(n, t)| (n.clone(), t.view())).collect();
            write_safetensors(&directory.path().join(file), &views, &Default::default()).expect("written");
        };
        write("adapter:", "adapter.safetensors");
        write("head:", "model_head.safetensors");
        let text = |key, file| std::fs::write(directory.path().join(file), self.metadata(key)).expect("written");
        text("adapter_config", "adapter_config.json");
        text("head_config", "head_config.json");
        let base = base(self.metadata("model"));
        format::load(directory.path(), base).unwrap_or_else(|e| panic!("{}: {e}", self.name))
    }

    /// The head of a case of a head alone.
    pub(crate) fn head<S: Scalar>(&self, base: &Encoder<S>) -> Head<S> {
        let directory = tempfile::tempdir().expect("a temporary folder");
        let names = self.file.names().into_iter().filter_map(|n| n.strip_prefix("head:").map(str::to_owned));
        let tensors: Vec<_> = names.map(|n| (n.clone(), self.floats(&format!("head:{n}")))).collect();
        let views: Vec<_> = tensors.iter().map(|(n, t)| (n.clone(), t.view())).collect();
        let path = |file| directory.path().join(file);
        write_safetensors(&path("model_head.safetensors"), &views, &Default::default()).expect("written");
        std::fs::write(path("head_config.json"), self.metadata("head_config")).expect("written");
        format::load_head(directory.path(), base).unwrap_or_else(|e| panic!("{}: {e}", self.name))
    }

    pub(crate) fn is_float(&self, name: &str) -> bool {
        matches!(self.file.dtype(name), Ok(Dtype::F64 | Dtype::F32))
    }
}

/// The largest difference of two arrays, absolute.
pub(crate) fn difference<S: Scalar>(found: impl IntoIterator<Item = S>, expected: &ArrayD<f64>) -> f64 {
    largest_difference(found.into_iter().map(S::to_f64), expected.iter().copied())
}

/// The largest number of an array.
pub(crate) fn size(expected: &ArrayD<f64>) -> f64 {
    expected.iter().fold(0.0, |a, b| a.max(b.abs()))
}

/// Plugged in between blocks, it keeps the hidden states; everything goes to `inner`.
pub(crate) struct Recorder<'a, S> {
    inner: &'a dyn Insertions<S>,
    states: Mutex<Vec<Array2<S>>>,
}

impl<'a, S: Scalar> Recorder<'a, S> {
    pub(crate) fn new(inner: &'a dyn Insertions<S>) -> Self {
        Self { inner, states: Mutex::new(Vec::new()) }
    }

    pub(crate) fn states(self) -> Vec<Array2<S>> {
        self.states.into_inner().expect("no panic while it was held")
    }
}

impl<S: Scalar> SequenceModule<S> for Recorder<'_, S> {
    fn forward<'a>(&'a self, input: SequenceInput<'a, S>) -> SequenceOutput<'a, S> {
        let output = match self.inner.sequence(input.point) {
            Some(module) => module.forward(input),
            None => {
                let backward = input.wants_tokens.then(|| -> SequenceBackward<'a, S> { Box::new(|d, _| Some(d)) });
                SequenceOutput { tokens: input.tokens, layout: input.layout, backward }
            }
        };
        self.states.lock().expect("no panic while it was held").push(output.tokens.clone());
        output
    }

    fn properties(&self, _: SequencePoint) -> Properties {
        Properties { token_wise: false, causal: true, may_be_followed: true, needs_plain_weight: true }
    }
}

impl<S: Scalar> Insertions<S> for Recorder<'_, S> {
    fn linear(&self, point: LinearPoint) -> Option<&dyn LinearModule<S>> {
        self.inner.linear(point)
    }
    fn sublayer(&self, point: SublayerPoint) -> Option<&dyn SublayerModule<S>> {
        self.inner.sublayer(point)
    }
    fn sequence(&self, _: SequencePoint) -> Option<&dyn SequenceModule<S>> {
        Some(self)
    }
    fn attention(&self, layer: usize) -> Option<&dyn AttentionModule<S>> {
        self.inner.attention(layer)
    }
    fn position_shift(&self, sequence: usize) -> usize {
        self.inner.position_shift(sequence)
    }
}

/// The checksum that Python's `zlib.crc32` gives.
pub(crate) fn crc32(bytes: &[u8]) -> u32 {
    let step = |crc: u32, _: u32| if crc & 1 == 1 { (crc >> 1) ^ 0xEDB8_8320 } else { crc >> 1 };
    !bytes.iter().fold(!0, |crc, byte| (0..8).fold(crc ^ u32::from(*byte), step))
}
