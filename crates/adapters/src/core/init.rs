//! How a bottleneck starts.

use adaptune_tensor::init::{kaiming_uniform, normal, truncated_normal, xavier_uniform};
use adaptune_tensor::{Scalar, Seed};
use ndarray::Array2;

/// Initial values of a bottleneck. Biases start at zero, scalings and norms at one, always.
///
/// With an up-projection of zeros the bottleneck's output is zero, so a freshly added adapter
/// leaves the model's results as they are, bit for bit (unless its options add a norm).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum InitWeights {
    /// Down-projection by Kaiming's rule, up-projection zero (He et al., 2022); our default.
    #[default]
    MamAdapter,
    /// Down-projection by Xavier's rule, up-projection zero.
    Xavier,
    /// Both normal with deviation 0.02, as BERT itself started; AdapterHub's default.
    Bert,
    /// Both normal with deviation 0.01, cut at ±0.02 (Houlsby et al., 2019).
    Houlsby,
}

const NAMES: &[(&str, InitWeights)] = &[
    ("mam_adapter", InitWeights::MamAdapter),
    ("xavier", InitWeights::Xavier),
    ("bert", InitWeights::Bert),
    ("houlsby", InitWeights::Houlsby),
];

impl InitWeights {
    /// The rule of a name in AdapterHub's `init_weights`, or `xavier`.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        NAMES.iter().find(|(n, _)| *n == name).map(|(_, init)| *init)
    }

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        NAMES.iter().find(|(_, init)| *init == self).map_or("mam_adapter", |(name, _)| name)
    }

    /// All names.
    pub fn names() -> impl Iterator<Item = &'static str> {
        NAMES.iter().map(|(name, _)| *name)
    }

    /// True if the up-projection begins as zero. Methods with other layers do as much by their own means; if not, they
    /// draw as their papers say.
    #[must_use]
    pub fn starts_as_identity(self) -> bool {
        matches!(self, Self::MamAdapter | Self::Xavier)
    }

    /// `W_down: [M, D]` and `W_up: [D, M]`.
    pub(crate) fn bottleneck<S: Scalar>(self, hidden: usize, bottleneck: usize, seed: Seed) -> (Array2<S>, Array2<S>) {
        let (down, up) = ((bottleneck, hidden), (hidden, bottleneck));
        let (down_seed, up_seed) = (seed.named("down"), seed.named("up"));
        match self {
            Self::MamAdapter => (kaiming_uniform(down, down_seed), Array2::zeros(up)),
            Self::Xavier => (xavier_uniform(down, down_seed), Array2::zeros(up)),
            Self::Bert => (normal(down, 0.02, down_seed), normal(up, 0.02, up_seed)),
            Self::Houlsby => (truncated_normal(down, 0.01, 0.02, down_seed), truncated_normal(up, 0.01, 0.02, up_seed)),
        }
    }
}
