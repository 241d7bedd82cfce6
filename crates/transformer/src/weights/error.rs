//! What can be wrong with weights on disk.

use super::torch_bin::TorchBinError;
use safetensors::Dtype;
use std::io;
use std::path::PathBuf;

/// Why weights could not be read or written. Every variant names the file it is about.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WeightError {
    /// The model has a layer that its family's description does not name.
    #[error("{}: the model has the layer {part}, but the description of the family {family} does not say where it is stored", path.display())]
    Unnamed {
        /// The file or directory.
        path: PathBuf,
        /// The layer.
        part: String,
        /// The family.
        family: &'static str,
    },
    /// The operating system refused.
    #[error("cannot {action} {path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What was tried.
        action: &'static str,
        /// Why it failed.
        source: io::Error,
    },

    /// The journal of files that are replaced together is broken.
    #[error("{path} is no journal of files that were being replaced: {reason}; remove it and save again")]
    Journal {
        /// The journal.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },

    /// Files were being replaced together, and one of the new ones is gone.
    #[error(
        "{file} is lost: {journal} says that it was being replaced, but it is neither in its place nor in {staged}; save \
         into a new folder, or remove the journal and save again"
    )]
    LostFile {
        /// The journal.
        journal: PathBuf,
        /// The place of the file.
        file: PathBuf,
        /// The folder of the new files.
        staged: PathBuf,
    },

    /// The new files of a directory are written, but one cannot be moved to its place.
    #[error(
        "cannot replace {path}: {source}; the new files are complete, those that are not in place yet in {staged}, and are \
         found there; the next save into the directory goes on"
    )]
    NotInPlace {
        /// The file that is in the way.
        path: PathBuf,
        /// The folder of the new files.
        staged: PathBuf,
        /// Why it failed.
        source: io::Error,
    },

    /// The file is a placeholder that Git LFS puts where the real file belongs.
    #[error("{path} is a Git LFS pointer, not the weights themselves; fetch them with `git lfs pull`")]
    LfsPointer {
        /// The file.
        path: PathBuf,
    },

    /// The file cannot even hold the length of a header.
    #[error(
        "{path} is {length} bytes long, but a safetensors file begins with 8 bytes that give the length of its \
         header; download or copy the file again"
    )]
    TooShort {
        /// The file.
        path: PathBuf,
        /// Its length in bytes.
        length: usize,
    },

    /// The header is said to be longer than the rest of the file, or than 100 MB.
    #[error(
        "{path} announces a header of {announced} bytes, but {available} bytes follow and 100000000 are the most that \
         is accepted; the file is cut short, or it is no safetensors file"
    )]
    HeaderLength {
        /// The file.
        path: PathBuf,
        /// What it announces, in bytes.
        announced: u64,
        /// How many bytes follow.
        available: usize,
    },

    /// The header is not the JSON that the format prescribes.
    #[error("the header of {path} is not valid: {reason}; download the file again, or write it again")]
    Header {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },

    /// The header gives one name to two tensors.
    #[error("the header of {path} lists tensor `{name}` twice; which one counts cannot be known, so write it again")]
    Duplicate {
        /// The file.
        path: PathBuf,
        /// The tensor.
        name: String,
    },

    /// Tensors overlap, or leave bytes between them.
    #[error(
        "in {path} the data of tensor `{name}` spans the bytes {begin} to {end}, but it has to begin at byte \
         {expected}, where the tensor before it ends; write the file again"
    )]
    Placement {
        /// The file.
        path: PathBuf,
        /// The tensor.
        name: String,
        /// Where its data begins.
        begin: usize,
        /// Where its data ends.
        end: usize,
        /// Where the tensor before it ends.
        expected: usize,
    },

    /// A tensor's place in the file has another length than its type and shape ask for.
    #[error(
        "in {path} tensor `{name}` has {found} bytes, which is not what {dtype} numbers of shape {shape:?} take; \
         write the file again"
    )]
    Size {
        /// The file.
        path: PathBuf,
        /// The tensor.
        name: String,
        /// The type of its numbers.
        dtype: Dtype,
        /// Its shape.
        shape: Vec<usize>,
        /// How many bytes it has.
        found: usize,
    },

    /// The file ends before its last tensor does.
    #[error(
        "{path} is cut short: its tensors take {expected} bytes and {found} are there; download or copy the file again"
    )]
    Truncated {
        /// The file.
        path: PathBuf,
        /// How many bytes its tensors take.
        expected: usize,
        /// How many bytes are there.
        found: usize,
    },

    /// The file goes on after its last tensor.
    #[error("{path} has {extra} bytes after its last tensor, which belong to none; download or write the file again")]
    TrailingBytes {
        /// The file.
        path: PathBuf,
        /// How many bytes.
        extra: usize,
    },

    /// There is no tensor of this name.
    #[error("{path} has no tensor `{name}`; its {held} tensors are {examples}")]
    Missing {
        /// The file or directory.
        path: PathBuf,
        /// The tensor.
        name: String,
        /// How many tensors there are.
        held: usize,
        /// The first of them.
        examples: String,
    },

    /// The tensor that tells the prefix of all names is there under none of the candidates.
    #[error(
        "{path} has no tensor `{probe}`, with none of the prefixes {prefixes:?}; is it the kind of model that its \
         configuration says? Its {held} tensors are {examples}"
    )]
    NoPrefix {
        /// The file or directory.
        path: PathBuf,
        /// The tensor that was looked for.
        probe: String,
        /// The prefixes that were tried.
        prefixes: Vec<String>,
        /// How many tensors there are.
        held: usize,
        /// The first of them.
        examples: String,
    },

    /// A tensor has another shape than the configuration says.
    #[error(
        "tensor `{name}` in {path} should have shape {expected:?} and has {found:?}; check that weights and \
         configuration belong to the same model"
    )]
    Shape {
        /// The file.
        path: PathBuf,
        /// The tensor.
        name: String,
        /// The shape that was expected.
        expected: Vec<usize>,
        /// The shape that it has.
        found: Vec<usize>,
    },

    /// A tensor's numbers are of no type that can be read as weights.
    #[error(
        "tensor `{name}` in {path} holds {found} numbers; weights are read from F32, F16, BF16 and F64 only, so \
         convert it to one of these"
    )]
    NotFloat {
        /// The file.
        path: PathBuf,
        /// The tensor.
        name: String,
        /// The type of its numbers.
        found: Dtype,
    },

    /// A tensor holds NaN or infinities, or doubles that single precision cannot hold.
    #[error(
        "{count} of the {total} numbers of tensor `{name}` in {path} are NaN, infinite or too large for {scalar}; \
         the file is damaged, or the training that made it diverged"
    )]
    NotFinite {
        /// The file.
        path: PathBuf,
        /// The tensor.
        name: String,
        /// How many of its numbers.
        count: usize,
        /// Of how many.
        total: usize,
        /// The type that they were converted to.
        scalar: &'static str,
    },

    /// Tensors were left over after everything that is known was read.
    #[error(
        "{path} has {count} tensors that nothing asked for: {examples}; it is another kind of model than its \
         configuration says, or has parts that are not supported"
    )]
    Unexpected {
        /// The file or directory.
        path: PathBuf,
        /// How many were left over.
        count: usize,
        /// The first five of them.
        examples: String,
    },

    /// A file that `torch.save` wrote.
    #[error(transparent)]
    Torch(#[from] TorchBinError),

    /// The directory has no weights at all.
    #[error("{path} has neither model.safetensors nor model.safetensors.index.json; is it a model's directory?")]
    NoWeights {
        /// The directory.
        path: PathBuf,
    },

    /// The index of a sharded model cannot be understood.
    #[error("{path} is not a valid index of shards: {reason}; download it again")]
    Index {
        /// The index.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },

    /// A shard is named by more than a plain file name.
    #[error("{path} names the shard `{shard}`; a shard must be a plain file name, so that it lies beside its index")]
    ShardName {
        /// The index.
        path: PathBuf,
        /// What it calls the shard.
        shard: String,
    },

    /// A shard that the index names is not there.
    #[error("{path} names the shard `{shard}`, which is not beside it; download the model again, with all its shards")]
    ShardMissing {
        /// The index.
        path: PathBuf,
        /// The shard.
        shard: String,
    },

    /// Index and shards disagree on where a tensor lies.
    #[error("{path} says that tensor `{name}` lies in {listed}, but it lies in {found}; download the model again")]
    WrongShard {
        /// The index.
        path: PathBuf,
        /// The tensor.
        name: String,
        /// The shard that the index names.
        listed: String,
        /// The shard that has it.
        found: String,
    },

    /// A shard holds a tensor that the index does not have.
    #[error("{path} does not list tensor `{name}`, which lies in its shard {shard}; download the model again")]
    NotInIndex {
        /// The index.
        path: PathBuf,
        /// The tensor.
        name: String,
        /// The shard that holds it.
        shard: String,
    },

    /// These tensors cannot be one file.
    #[error("{path} was not written: {reason}")]
    Unwritable {
        /// The file that was to be written.
        path: PathBuf,
        /// Why.
        reason: String,
    },
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
