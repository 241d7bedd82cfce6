//! Options that say as which numbers weights are held and saved.

use adaptune_transformer::weights::FloatFormat;
use clap::ValueEnum;

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
