//! The configuration of ReFT: AdapterHub's `ReftConfig`, typed and checked.

use crate::core::checks::{check_count, check_layers, check_rate};
use crate::core::error::MethodError;
use adaptune_tensor::Activation;
use adaptune_transformer::Config;
use std::collections::BTreeSet;

/// LoReFT, NoReFT and DiReFT (Wu et al., 2024); field names are AdapterHub's.
///
/// | field | default | meaning |
/// |---|---|---|
/// | `layers` | "all" | the blocks behind which tokens are moved, from 0 |
/// | `prefix_positions`, `suffix_positions` | 3, 0 | how many first and last tokens of a sequence |
/// | `r` | 1 | the rank `R` |
/// | `orthogonality` | by preset | `Q` has orthonormal rows |
/// | `subtract_projection` | by preset | `h Qᵀ` is subtracted |
/// | `tied_weights` | false | first and last tokens share their parameters |
/// | `dropout` | 0.05 | dropout of the moved tokens, as a whole |
/// | `non_linearity` | None | `φ` |
///
/// AdapterHub does not write `subtract_projection` into its files, and reads a DiReFT as a NoReFT. Here it is written,
/// where it says something; a file of AdapterHub's without it has to be read as it stands, so to load a DiReFT
/// saved by Python add `"subtract_projection": false` to its configuration.
#[derive(Clone, Debug, PartialEq)]
pub struct ReftConfig {
    /// The blocks, from 0; all of them if `None`.
    pub layers: Option<BTreeSet<usize>>,
    /// How many first tokens of a sequence are moved.
    pub prefix_positions: usize,
    /// How many last tokens of a sequence are moved.
    pub suffix_positions: usize,
    /// The rank `R`.
    pub r: usize,
    /// `Q` has orthonormal rows.
    pub orthogonality: bool,
    /// `h Qᵀ` is subtracted.
    pub subtract_projection: bool,
    /// First and last tokens share their parameters.
    pub tied_weights: bool,
    /// Dropout of the moved tokens.
    pub dropout: f64,
    /// `φ`.
    pub non_linearity: Activation,
    /// Seed of the initial values, in place of the run's.
    pub init_weights_seed: Option<u64>,
}

impl ReftConfig {
    /// LoReFT: orthonormal rows.
    #[must_use]
    pub fn loreft() -> Self {
        Self {
            layers: None,
            prefix_positions: 3,
            suffix_positions: 0,
            r: 1,
            orthogonality: true,
            subtract_projection: true,
            tied_weights: false,
            dropout: 0.05,
            non_linearity: Activation::Identity,
            init_weights_seed: None,
        }
    }

    /// NoReFT: any rows.
    #[must_use]
    pub fn noreft() -> Self {
        Self { orthogonality: false, ..Self::loreft() }
    }

    /// DiReFT: any rows, and nothing is subtracted.
    #[must_use]
    pub fn direft() -> Self {
        Self { subtract_projection: false, ..Self::noreft() }
    }

    /// Checks the configuration by itself and against a model, and gives its blocks.
    pub(super) fn blocks(&self, model: &Config) -> Result<BTreeSet<usize>, MethodError> {
        check_rate("dropout", self.dropout)?;
        check_count("r", self.r)?;
        let most = if self.orthogonality { model.hidden - 1 } else { model.hidden };
        if self.r > most {
            let expected = "at most the hidden size, and less with orthogonality=True";
            return Err(MethodError::Range { field: "r", found: self.r as f64, expected });
        }
        if self.prefix_positions + self.suffix_positions == 0 {
            return Err(MethodError::Nothing("set prefix_positions or suffix_positions"));
        }
        let layers = self.layers.clone().unwrap_or_else(|| (0..model.blocks()).collect());
        check_layers("layers", &layers, model)?;
        if layers.is_empty() { Err(MethodError::Nothing("layers names none")) } else { Ok(layers) }
    }
}
