//! What can be wrong with weights on disk.

use safetensors::Dtype;
use std::io;
use std::path::PathBuf;

/// Why weights could not be read or written. Every variant names the file it is about.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
#[allow(missing_docs)] // the fields are what the message beside them shows
pub enum WeightError {
    /// The operating system refused.
    #[error("cannot {action} {path}: {source}")]
    Io { path: PathBuf, action: &'static str, source: io::Error },

    /// The file is a placeholder that Git LFS puts where the real file belongs.
    #[error("{path} is a Git LFS pointer, not the weights themselves; fetch them with `git lfs pull`")]
    LfsPointer { path: PathBuf },

    /// The file cannot even hold the length of a header.
    #[error(
        "{path} is {length} bytes long, but a safetensors file begins with 8 bytes that give the length of its \
         header; download or copy the file again"
    )]
    TooShort { path: PathBuf, length: usize },

    /// The header is said to be longer than the rest of the file, or than 100 MB.
    #[error(
        "{path} announces a header of {announced} bytes, but {available} bytes follow and 100000000 are the most that \
         is accepted; the file is cut short, or it is no safetensors file"
    )]
    HeaderLength { path: PathBuf, announced: u64, available: usize },

    /// The header is not the JSON that the format prescribes.
    #[error("the header of {path} is not valid: {reason}; download the file again, or write it again")]
    Header { path: PathBuf, reason: String },

    /// The header gives one name to two tensors.
    #[error("the header of {path} lists tensor `{name}` twice; which one counts cannot be known, so write it again")]
    Duplicate { path: PathBuf, name: String },

    /// Tensors overlap, or leave bytes between them.
    #[error(
        "in {path} the data of tensor `{name}` spans the bytes {begin} to {end}, but it has to begin at byte \
         {expected}, where the tensor before it ends; write the file again"
    )]
    Placement { path: PathBuf, name: String, begin: usize, end: usize, expected: usize },

    /// A tensor's place in the file has another length than its type and shape ask for.
    #[error(
        "in {path} tensor `{name}` has {found} bytes, which is not what {dtype} numbers of shape {shape:?} take; \
         write the file again"
    )]
    Size { path: PathBuf, name: String, dtype: Dtype, shape: Vec<usize>, found: usize },

    /// The file ends before its last tensor does.
    #[error(
        "{path} is cut short: its tensors take {expected} bytes and {found} are there; download or copy the file again"
    )]
    Truncated { path: PathBuf, expected: usize, found: usize },

    /// The file goes on after its last tensor.
    #[error("{path} has {extra} bytes after its last tensor, which belong to none; download or write the file again")]
    TrailingBytes { path: PathBuf, extra: usize },

    /// There is no tensor of this name.
    #[error("{path} has no tensor `{name}`; its {held} tensors are {examples}")]
    Missing { path: PathBuf, name: String, held: usize, examples: String },

    /// The tensor that tells the prefix of all names is there under none of the candidates.
    #[error(
        "{path} has no tensor `{probe}`, with none of the prefixes {prefixes:?}; is it the kind of model that its \
         configuration says? Its {held} tensors are {examples}"
    )]
    NoPrefix { path: PathBuf, probe: String, prefixes: Vec<String>, held: usize, examples: String },

    /// A tensor has another shape than the configuration asks for.
    #[error(
        "tensor `{name}` in {path} should have shape {expected:?} and has {found:?}; check that weights and \
         configuration belong to the same model"
    )]
    Shape { path: PathBuf, name: String, expected: Vec<usize>, found: Vec<usize> },

    /// A tensor's numbers are of no type that can be read as weights.
    #[error(
        "tensor `{name}` in {path} holds {found} numbers; weights are read from F32, F16, BF16 and F64 only, so \
         convert it to one of these"
    )]
    NotFloat { path: PathBuf, name: String, found: Dtype },

    /// A tensor holds NaN or infinities, or doubles that single precision cannot hold.
    #[error(
        "{count} of the {total} numbers of tensor `{name}` in {path} are NaN, infinite or too large for {scalar}; \
         the file is damaged, or the training that made it diverged"
    )]
    NotFinite { path: PathBuf, name: String, count: usize, total: usize, scalar: &'static str },

    /// Tensors were left over after everything that is known was read.
    #[error(
        "{path} has {count} tensors that nothing asked for: {examples}; it is another kind of model than its \
         configuration says, or has parts that are not supported"
    )]
    Unexpected { path: PathBuf, count: usize, examples: String },

    /// The directory has weights, but as a pickle, which can run any code when it is read.
    #[error(
        "{path} has {found} but no model.safetensors. Base models are read from safetensors only; convert it once with\n  \
         python -c \"from transformers import AutoModel; \
         AutoModel.from_pretrained(r'{path}').save_pretrained(r'{path}', safe_serialization=True)\""
    )]
    PickleOnly { path: PathBuf, found: &'static str },

    /// The directory has no weights at all.
    #[error("{path} has neither model.safetensors nor model.safetensors.index.json; is it a model's directory?")]
    NoWeights { path: PathBuf },

    /// The index of a sharded model cannot be understood.
    #[error("{path} is not a valid index of shards: {reason}; download it again")]
    Index { path: PathBuf, reason: String },

    /// A shard is named by more than a plain file name.
    #[error("{path} names the shard `{shard}`; a shard must be a plain file name, so that it lies beside its index")]
    ShardName { path: PathBuf, shard: String },

    /// A shard that the index names is not there.
    #[error("{path} names the shard `{shard}`, which is not beside it; download the model again, with all its shards")]
    ShardMissing { path: PathBuf, shard: String },

    /// Index and shards disagree on where a tensor lies.
    #[error("{path} says that tensor `{name}` lies in {listed}, but it lies in {found}; download the model again")]
    WrongShard { path: PathBuf, name: String, listed: String, found: String },

    /// A shard holds a tensor that the index does not have.
    #[error("{path} does not list tensor `{name}`, which lies in its shard {shard}; download the model again")]
    NotInIndex { path: PathBuf, name: String, shard: String },

    /// These tensors cannot be one file.
    #[error("{path} was not written: {reason}")]
    Unwritable { path: PathBuf, reason: String },
}

/// Some of many names, for a message.
pub(super) fn examples<'a>(names: impl IntoIterator<Item = &'a str>, shown: usize) -> String {
    let mut names = names.into_iter();
    let mut list = names.by_ref().take(shown).map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    if names.next().is_some() {
        list += ", ...";
    }
    if list.is_empty() { "(none)".into() } else { list }
}
