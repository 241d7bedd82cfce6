//! Options that say as which numbers weights are held and saved, and how many texts are computed together.

use adaptune_transformer::weights::FloatFormat;
use clap::{Args, ValueEnum};
use std::num::NonZeroUsize;

/// Numbers of the base's large weights.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum BaseDtype {
    /// As exact as products are
    #[default]
    F32,
    /// Half the memory and less time where the processor has AVX-512 for bf16, elsewhere neither; what is trained stays in
    /// f32
    Bf16,
}

impl From<BaseDtype> for adaptune_text::BaseDtype {
    fn from(dtype: BaseDtype) -> Self {
        match dtype {
            BaseDtype::F32 => Self::F32,
            BaseDtype::Bf16 => Self::Bf16,
        }
    }
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum PrecisionArg {
    F32,
    F16,
    Bf16,
}

impl PrecisionArg {
    pub(crate) fn format(self) -> FloatFormat {
        match self {
            Self::F32 => FloatFormat::F32,
            Self::F16 => FloatFormat::F16,
            Self::Bf16 => FloatFormat::BF16,
        }
    }
}

/// How many texts are computed together.
#[derive(Debug, Args)]
pub(crate) struct BatchArgs {
    /// Texts of a batch; more than 256 would only take longer, and are computed as 256
    #[arg(long, default_value_t = NonZeroUsize::new(64).expect("not zero"), value_name = "N")]
    batch_size: NonZeroUsize,
}

impl BatchArgs {
    /// The most texts that are computed together. What they give does not depend on it, but the hidden states of many are in no
    /// cache, and the memory for them is new each time.
    const MOST_TEXTS: usize = 256;

    /// How many texts are computed together.
    pub(crate) fn size(&self) -> usize {
        self.batch_size.get().min(Self::MOST_TEXTS)
    }
}
