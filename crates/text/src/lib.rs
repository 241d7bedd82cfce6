#![doc = include_str!("../README.md")]

mod base;
pub mod builtin;
mod card;
mod chat;
mod chat_session;
mod class_weights;
mod corpus;
mod data;
mod data_file;
mod domains;
mod embedder;
mod error;
mod generator;
pub mod hub;
mod input_form;
mod labels;
mod model;
mod parallel_predictor;
mod predictor;
mod retrieval;
mod run_file;
mod scorer;
mod sentence_transformers;
mod shipped;
mod sizing;
mod split;
mod table;
mod thresholds;
mod tokenizer;
mod training;
pub mod world;

pub use adaptune_adapters as adapters;
pub use adaptune_tensor::{Precision, Seed, ndarray};
pub use adaptune_train as train;
pub use adaptune_transformer as transformer;
pub use base::BaseModel;
pub use card::{MODEL_CARD, ModelCard, is_model_card, shell};
pub use chat::{ChatTemplate, Message, Rendered};
pub use chat_session::ChatSession;
pub use class_weights::ClassWeights;
pub use corpus::{Corpus, CorpusKind, Document, LanguageForm, Packed, Words};
pub use data::Tokenized;
pub use data_file::DataFile;
pub use domains::Domains;
pub use embedder::{Embedder, EmbeddingForm};
pub use error::{Place, TextError};
pub use generator::{GenerateOptions, Generated, Generator};
pub use input_form::{FileForm, InputForm, InputKind};
pub use labels::{Labels, Targets, TaskChoice};
pub use model::TextModel;
pub use parallel_predictor::ParallelPredictor;
pub use predictor::{Entity, Prediction, TextPredictor, WordTag};
pub use retrieval::Retrieval;
pub use run_file::{BaseDtype, BaseIdentity, EmbeddingRun, LanguageRun, RUN_FILE, RunFile};
pub use scorer::{Scored, Scorer};
pub use sentence_transformers::{ParsePoolingError, TokenPooling};
pub use shipped::{BUILTIN, BUILTIN_DECODER};
pub use sizing::{LEAST_STEPS, Sizing};
pub use split::{Aside, Draw};
pub use table::{
    ChoiceLabels, Choices, Columns, Dialect, Format, GivenAnswer, NO_TAG, Row, Table, TableKind, TableOptions, Text,
    utf8_text,
};
pub use tokenizer::{Encoded, EncodedTable, OVERLAP, Tokenizer, Window};
pub use training::{TextTraining, Trained, pooling_note, scale_note};
