//! Options of `train`.

use super::columns::TableArgs;
use super::composition::AdapterArg;
use super::numbers::BaseDtype;
use crate::cli::task::TaskArg;
use adaptune_adapters::Pooling;
use adaptune_text::ClassWeights;
use adaptune_train::supervision::EmbeddingLoss;
use adaptune_transformer::Thaw;
use bytesize::ByteSize;
use clap::{Args, ValueEnum};
use std::path::{Path, PathBuf};
use std::str::FromStr;

#[derive(Clone, Debug, Args)]
pub(crate) struct TrainArgs {
    /// The base model: a folder, a name on the Hugging Face hub, or `builtin` [default: builtin, for built-in tasks]
    #[arg(long, value_name = "DIR|NAME")]
    pub(crate) model: Option<String>,
    /// Training data: .tsv, .csv or .jsonl with `text` (or `text_a`, `text_b`) and `label`; or .conll. For a language model .txt (one
    /// running text) or .jsonl with `text`, with `prompt` and `completion`, or with `messages`. May be given several times: files of one form
    /// are put together
    #[arg(long, visible_alias = "corpus", alias = "data", value_name = "FILE")]
    pub(crate) train: Vec<PathBuf>,
    /// Development data, evaluated after each epoch to keep the best one: a file, or a share of the training data such as
    /// 10%, drawn by --seed and left out of training
    #[arg(long, value_name = "FILE|SHARE")]
    pub(crate) dev: Option<DevArg>,
    /// Test data, evaluated once at the end
    #[arg(long, value_name = "FILE")]
    pub(crate) test: Option<PathBuf>,
    /// Train several tasks together: a TOML file with a table for each, [mood], whose lines say what its data are (train, dev, test,
    /// task, text-column and so on, as the options here). They share the matrices of --method mtl_lora, or the skills of
    /// 'polytropon[n_skills=4]', and each has a head; OUT/mood is then an adapter as any other
    #[arg(long, value_name = "FILE")]
    pub(crate) tasks: Option<PathBuf>,
    /// Folder for the result [default: runs/TASK-METHOD, with a number if that is taken]
    #[arg(long, value_name = "DIR", required_if_eq("resume", "true"))]
    pub(crate) out: Option<PathBuf>,
    /// Adapter method: seq_bn (Pfeiffer), double_seq_bn (Houlsby), par_bn, scaled_par_bn, adapter_plus, compacter,
    /// compacter++, lora, dora, ia3, vera, prefix_tuning, prompt_tuning, loreft, direft, seq_bn_inv, mam, unipelt or others, with
    /// options as in 'seq_bn[reduction_factor=8,non_linearity=gelu]', or several of them, 'lora|seq_bn'; or without an adapter:
    /// head (the head alone), bitfit (the base's biases), full (all of the base). Or adapters put together, trained ones by their
    /// folders and new ones by their methods: 'fuse(DIR, DIR)' attends over what trained ones give,
    /// 'route(4 x seq_bn[reduction_factor=32], top=2)' chooses two of four new ones for each token, 'stack(DIR, lora)' learns one
    /// upon another, 'tree(seq_bn)' has one for each domain in the data and for all
    /// above it [default: seq_bn; for the built-in model seq_bn[reduction_factor=4]]
    #[arg(long, value_name = "METHOD")]
    pub(crate) method: Option<String>,
    /// Adapters that the new one stands upon, and which stay as they are: a directory, or several, 'stack(DIR, DIR)'. They are
    /// saved with it. With --method 'fuse(DIR, DIR)' adapters that were trained apart are fused instead: attention over what they
    /// give is all that trains, beside the head
    #[arg(long, value_name = "DIR|EXPRESSION")]
    pub(crate) below: Option<AdapterArg>,
    /// How the adapters of 'fuse(…)' are fused: dynamic, static, or one of them with fields, 'dynamic[query_before_ln=True]'
    /// [default: dynamic]
    #[arg(long, value_name = "FUSION")]
    pub(crate) fusion: Option<String>,
    /// Also train tensors of the base, in copies saved with the adapter: layer-norms, biases, all, or several of them
    /// with commas between
    #[arg(long, value_name = "WHAT")]
    pub(crate) thaw: Option<Thaw>,
    /// Also train the head alone and the whole base, and show them beside; so it is where neither model nor data are
    /// named
    #[arg(long)]
    pub(crate) baselines: bool,
    /// Name of adapter and head in the files [default: the name of the output folder]
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// What to predict: auto, causal-language (a decoder learns to go on with texts, or to answer: so it is where data have `messages`, or
    /// `prompt` and `completion`), classification, hierarchical (labels are paths,
    /// coarse to fine: animal/dog), multi-label (any number of labels for each text), multiple-choice (one of several
    /// texts, in files as SWAG's, RACE's or COPA's), question-answering (a span of a context, in files as SQuAD's), regression,
    /// tagging, or embedding (vectors of texts, from files with `anchor`, `positive` and perhaps `negative`, or `sentence1`,
    /// `sentence2` and `score`); or a built-in task such as builtin:topic@B
    #[arg(long, default_value = "auto", value_name = "TASK")]
    pub(crate) task: TaskArg,
    #[command(flatten)]
    pub(crate) table: TableArgs,
    /// How conversations become text: a template of Jinja, or chatml [default: the model's own]
    #[arg(long, value_name = "FILE|chatml", help_heading = "Data")]
    pub(crate) chat_template: Option<String>,

    /// Passes over the training data [default: 3, or as many more as make 300 steps; for the built-in model 8]
    #[arg(long, value_name = "N", help_heading = "Training")]
    pub(crate) epochs: Option<usize>,
    /// Examples of a step [default: 32; 16 below 3,200 examples, 8 below 400]
    #[arg(long, value_name = "N", help_heading = "Training")]
    pub(crate) batch_size: Option<usize>,
    /// Cut each batch into this many parts, to need less memory
    #[arg(long, default_value_t = 1, value_name = "N", help_heading = "Training")]
    pub(crate) accumulate: usize,
    /// Peak learning rate [default: 1e-3; for the built-in model 3e-3]
    #[arg(long, alias = "learning-rate", value_name = "RATE", help_heading = "Training")]
    pub(crate) lr: Option<f64>,
    /// Peak learning rate of the head [default: as --lr]
    #[arg(long, value_name = "RATE", help_heading = "Training")]
    pub(crate) head_lr: Option<f64>,
    /// Peak learning rate of what is thawed [default: 1e-3 for biases, 2e-4 for layer norms, 5e-5 for all; 5e-4 for all
    /// of the built-in model]
    #[arg(long, value_name = "RATE", help_heading = "Training")]
    pub(crate) thaw_lr: Option<f64>,
    /// How the learning rate falls
    #[arg(long, value_enum, default_value = "linear", help_heading = "Training")]
    pub(crate) schedule: ScheduleArg,
    /// Steps of rising learning rate, or their share of all steps if below 1
    #[arg(long, default_value = "0.06", value_name = "N|SHARE", help_heading = "Training")]
    pub(crate) warmup: String,
    /// Update rule
    #[arg(long, value_enum, default_value = "adamw", help_heading = "Training")]
    pub(crate) optimiser: OptimiserArg,
    /// Weight decay; biases and norms never decay
    #[arg(long, default_value_t = 0.01, value_name = "RATE", help_heading = "Training")]
    pub(crate) weight_decay: f64,
    /// Momentum of SGD
    #[arg(long, default_value_t = 0.9, value_name = "RATE", help_heading = "Training")]
    pub(crate) momentum: f64,
    /// Largest norm of all gradients together; 0 for no limit
    #[arg(long, default_value_t = 1.0, value_name = "NORM", help_heading = "Training")]
    pub(crate) clip: f64,
    /// Dropout of base and head in training [default: the model's own rates]
    #[arg(long, value_name = "RATE", help_heading = "Training")]
    pub(crate) dropout: Option<f64>,
    /// How examples come together in batches
    #[arg(long, value_enum, default_value = "shuffled", help_heading = "Training")]
    pub(crate) batching: BatchingArg,
    /// The score of the development data that decides which epoch is kept, or `loss` [default: the task's first]. Where
    /// scores are equal the smaller loss decides
    #[arg(long, value_name = "NAME", help_heading = "Training")]
    pub(crate) metric: Option<String>,
    /// What each class weighs in the loss
    #[arg(long, value_enum, default_value = "even", help_heading = "Training")]
    pub(crate) class_weights: ClassWeightsArg,
    /// Stop after this many epochs without improvement on the development data; 0 never stops [default: a quarter of the
    /// epochs, where small data are passed over 16 times or more]
    #[arg(long, value_name = "EPOCHS", help_heading = "Training")]
    pub(crate) patience: Option<usize>,
    /// Longest text in tokens; more is cut off [default: what the model can take; for language models at most 512]
    #[arg(long, value_name = "TOKENS", help_heading = "Training")]
    pub(crate) max_length: Option<usize>,
    /// In each step leave the adapters of the lowest layers out, of none to so many by chance, so that they can be left out afterwards
    /// (AdapterDrop); eval --layers-left-out shows what that costs
    #[arg(long, default_value_t = 0, value_name = "LAYERS", conflicts_with = "cache", help_heading = "Training")]
    pub(crate) layer_drop: usize,
    /// Keep only the inputs of the base's blocks for the backward pass, and run each block again: less memory, more time,
    /// the same adapter
    #[arg(long, help_heading = "Training")]
    pub(crate) gradient_checkpointing: bool,
    /// Keep what the blocks below the lowest point that trains make of each text, in this much memory, and begin there in
    /// later epochs; those blocks then run without dropout. Worth it for --method head, and where an adapter leaves lower
    /// layers out, as seq_bn[leave_out=[0,1,2,3]]
    #[arg(long, value_name = "SIZE", num_args = 0..=1, default_missing_value = "1GB", help_heading = "Training")]
    pub(crate) cache: Option<ByteSize>,
    /// Go on in a temporary file of at most this size when that memory is full
    #[arg(long, value_name = "SIZE", default_value = "0B", requires = "cache", help_heading = "Training")]
    pub(crate) cache_disk: ByteSize,
    /// Seed of initial values, order and dropout
    #[arg(long, default_value_t = 0, value_name = "N", help_heading = "Training")]
    pub(crate) seed: u64,

    /// Of --task embedding, what vectors are trained by: multiple_negatives[scale=20,symmetric=false], cosent[scale=20], cosine or
    /// triplet[margin=0.5,distance=cosine] [default: cosent for pairs with a score, multiple_negatives for others]
    #[arg(long, value_name = "LOSS", help_heading = "Embedding")]
    pub(crate) loss: Option<EmbeddingLoss>,
    /// Also train the first so many numbers of a vector to be good vectors, with commas between (Matryoshka)
    #[arg(long, value_name = "N,...", value_delimiter = ',', help_heading = "Embedding")]
    pub(crate) matryoshka: Vec<usize>,

    /// Linear layers of the head [default: 2, or 1 for tagging]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=64), help_heading = "Head")]
    pub(crate) head_layers: Option<u8>,
    /// What the head reads of each text
    #[arg(long, value_enum, value_name = "WHAT", help_heading = "Head")]
    pub(crate) pooling: Option<PoolingArg>,

    /// Numbers of the base's linear layers
    #[arg(long, value_enum, default_value = "f32", value_name = "TYPE", help_heading = "Run")]
    pub(crate) base_dtype: BaseDtype,
    /// Measure first what can be expected: train this many times on all data but one part, and measure on that part; then train
    /// on all of it
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(2..=100), conflicts_with_all = ["dev", "resume", "patience"], help_heading = "Data")]
    pub(crate) folds: Option<u8>,
    /// Write losses and scores as TensorBoard's events too, into this folder
    #[arg(long, value_name = "DIR", help_heading = "Run")]
    pub(crate) tensorboard: Option<PathBuf>,
    /// Go on from the adapter and head in this folder, with new data or for more epochs, in the place of new ones
    #[arg(long, value_name = "DIR", conflicts_with_all = ["method", "below", "fusion", "thaw", "head_layers", "pooling", "baselines"], help_heading = "Run")]
    pub(crate) from: Option<PathBuf>,
    /// Go on with the run in --out that was interrupted
    #[arg(long, help_heading = "Run")]
    pub(crate) resume: bool,
    /// Replace the run in --out
    #[arg(long, conflicts_with = "resume", help_heading = "Run")]
    pub(crate) overwrite: bool,
    /// Steps between checkpoints; there is one after each epoch too
    #[arg(long, default_value_t = 100, value_name = "STEPS", help_heading = "Run")]
    pub(crate) checkpoint_every: usize,
    /// Print the closing table as JSON, and no progress
    #[arg(long, help_heading = "Run")]
    pub(crate) json: bool,
}

/// Where development data come from.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum DevArg {
    /// A file.
    File(PathBuf),
    /// This share of the training data, above 0 and below 1.
    Share(f64),
}

impl FromStr for DevArg {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let Some(number) = text.trim_end().strip_suffix('%') else {
            return match text.trim().parse::<f64>() {
                Ok(number) if !Path::new(text).exists() => {
                    let percent = if number < 1.0 { 100.0 * number } else { number };
                    Err(format!("{text} is no file; a share of the training data is written {percent}%"))
                }
                _ => Ok(Self::File(text.into())),
            };
        };
        match number.trim().parse::<f64>() {
            Ok(percent) if percent > 0.0 && percent <= 50.0 => Ok(Self::Share(percent / 100.0)),
            _ => Err(format!("expected a file, or a share of the training data from above 0% to 50%, found {text}")),
        }
    }
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum ClassWeightsArg {
    /// All the same
    Even,
    /// The less the more frequent a class is, so that all count the same
    Balanced,
}

impl From<ClassWeightsArg> for ClassWeights {
    fn from(arg: ClassWeightsArg) -> Self {
        match arg {
            ClassWeightsArg::Even => Self::Even,
            ClassWeightsArg::Balanced => Self::Balanced,
        }
    }
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum PoolingArg {
    /// The first token, as heads of AdapterHub and transformers do
    First,
    /// The last token
    Last,
    /// The mean over all tokens, as most sentence-transformers models do
    Mean,
    /// The largest number of each column over all tokens
    Max,
    /// The base's pooler over the first token, if it has one
    Pooler,
}

impl From<PoolingArg> for Pooling {
    fn from(arg: PoolingArg) -> Self {
        match arg {
            PoolingArg::First => Self::First,
            PoolingArg::Last => Self::Last,
            PoolingArg::Mean => Self::Mean,
            PoolingArg::Max => Self::Max,
            PoolingArg::Pooler => Self::Pooler,
        }
    }
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum ScheduleArg {
    Constant,
    Linear,
    Cosine,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum OptimiserArg {
    Adamw,
    Sgd,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum BatchingArg {
    /// In random order
    Shuffled,
    /// Texts of similar length together
    ByLength,
}
