//! Objectives that compare the vectors of sequences with each other, for sentence embeddings. All of them compare directions: the
//! cosine of the angle between two vectors, whatever their lengths.

mod cosent;
mod cosine;
mod heads;
mod matryoshka;
mod multiple_negatives;
mod pairs;
mod triplet;
mod unit;

pub use cosent::CoSent;
pub use cosine::CosineSimilarity;
pub use matryoshka::Matryoshka;
pub use multiple_negatives::MultipleNegatives;
pub use triplet::{Distance, Triplets};
pub use unit::UnitRows;
