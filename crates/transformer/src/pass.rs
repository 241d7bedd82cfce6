//! What kind of pass goes through the model.

use adaptune_tensor::{Dropout, Precision, Seed};

/// The kind of a pass: with or without gradients, with or without dropout.
///
/// Within a pass every place has its own address; see [`Pass::at`].
#[derive(Clone, Copy, Debug)]
pub struct Pass {
    gradients: bool,
    dropout: Option<Seed>,
    checkpointing: bool,
    precision: Precision,
    share: f64,
}

impl Pass {
    /// Forward only: nothing is kept, nothing is dropped.
    #[must_use]
    pub fn evaluate() -> Self {
        Self { gradients: false, dropout: None, checkpointing: false, precision: Precision::Full, share: 1.0 }
    }

    /// With gradients, without dropout.
    #[must_use]
    pub fn differentiate() -> Self {
        Self { gradients: true, ..Self::evaluate() }
    }

    /// With gradients and dropout. The seed is that of one batch: it names run and step.
    #[must_use]
    pub fn train(seed: Seed) -> Self {
        Self { dropout: Some(seed), ..Self::differentiate() }
    }

    /// The same pass with gradient checkpointing (Chen et al., 2016): of each block only the input is kept, and backward runs
    /// the block again. A step takes up to half as much time again and a fraction of the memory, and gives the same bits.
    #[must_use]
    pub fn with_checkpointing(self, checkpointing: bool) -> Self {
        Self { checkpointing, ..self }
    }

    /// The same pass through a base of this precision, as the base itself says to its modules.
    #[must_use]
    pub(crate) fn in_precision(self, precision: Precision) -> Self {
        Self { precision, ..self }
    }

    /// The precision of the base that the pass goes through. Modules may compute large products of their own in it.
    #[must_use]
    pub fn precision(self) -> Precision {
        self.precision
    }

    /// True if backward runs blocks again rather than keeping what it needs of them.
    #[must_use]
    pub fn checkpointing(self) -> bool {
        self.checkpointing
    }

    /// True if backward will run, so that traces are kept.
    #[must_use]
    pub fn gradients(self) -> bool {
        self.gradients
    }

    /// The same pass over a part of a step's examples, such as a micro-batch: so much of a whole, 1.
    #[must_use]
    pub fn with_share(self, share: f64) -> Self {
        Self { share, ..self }
    }

    /// How much of the examples of a step the pass sees, of 1: what a module adds to the loss weighs so much.
    #[must_use]
    pub fn share(self) -> f64 {
        self.share
    }

    /// The pass as a numbered place within it sees it: its random draws are its own.
    #[must_use]
    pub fn at(self, place: u64) -> Self {
        Self { dropout: self.dropout.map(|seed| seed.at(place)), ..self }
    }

    /// The random stream of this place, if the pass trains.
    #[must_use]
    pub fn seed(self) -> Option<Seed> {
        self.dropout
    }

    /// A dropout mask for this place, `None` if nothing is to be dropped.
    #[must_use]
    pub fn dropout(self, rate: f64) -> Option<Dropout> {
        self.dropout.filter(|_| rate > 0.0).map(|seed| Dropout::new(rate, seed))
    }
}
