//! What a model is pretrained with.

use adaptune_train::Dataset;
use tokenizers::Tokenizer;

/// The tokeniser, and the corpus in its tokens.
pub(super) struct Material {
    pub(super) tokeniser: Tokenizer,
    pub(super) train: Dataset,
    pub(super) dev: Dataset,
}

impl Material {
    pub(super) fn tokens(&self) -> usize {
        self.train.lengths().iter().sum()
    }
}
