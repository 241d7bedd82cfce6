//! The configuration of a bottleneck method: AdapterHub's `BnConfig`, typed and checked.

use crate::core::checks::{check_factor, check_layers, check_rate, layers_but};
use crate::core::error::MethodError;
use crate::core::init::InitWeights;
use crate::methods::bottleneck::invertible::Coupling;
use crate::methods::bottleneck::layer::{BottleneckShape, Scaling};
use crate::methods::bottleneck::phm::config::PhmConfig;
use crate::methods::bottleneck::width::reduced;
use crate::methods::bottleneck::wiring::{InnerResidual, Position};
use adaptune_tensor::Activation;
use adaptune_transformer::{Config, Sublayer, SublayerPoint};
use std::collections::{BTreeMap, BTreeSet};

/// How much narrower than the hidden size a bottleneck is: `M = max(1, ⌊D / factor⌋)`; below 1 it is
/// wider.
#[derive(Clone, Debug, PartialEq)]
pub struct ReductionFactor {
    /// The factor of layers that are not named, if any may be.
    pub default: Option<f64>,
    /// Factors of single layers, counted from 0.
    pub layers: BTreeMap<usize, f64>,
}

impl From<f64> for ReductionFactor {
    fn from(factor: f64) -> Self {
        Self { default: Some(factor), layers: BTreeMap::new() }
    }
}

impl ReductionFactor {
    /// The factor of a layer; `None` if it has none.
    #[must_use]
    pub fn of(&self, layer: usize) -> Option<f64> {
        self.layers.get(&layer).copied().or(self.default)
    }
}

/// Everything that makes one bottleneck method differ from another.
///
/// Field names are AdapterHub's. Start from a preset and change what should differ:
///
/// ```
/// use adaptune_adapters::BottleneckConfig;
/// let config = BottleneckConfig { dropout: 0.1, ..BottleneckConfig::seq_bn() };
/// assert_eq!(config.reduction_factor.of(3), Some(16.0));
/// ```
///
/// | field | default | meaning |
/// |---|---|---|
/// | `mh_adapter`, `output_adapter` | by preset | a bottleneck after attention, after feed-forward |
/// | `reduction_factor` | 16 | hidden size over bottleneck; a map gives layers their own |
/// | `non_linearity` | relu | the activation `φ` |
/// | `original_ln_before` | by preset | the bottleneck reads `LN(o + r)` rather than `o` |
/// | `original_ln_after` | true | the base's norm and residual follow the adapter |
/// | `ln_before`, `ln_after` | false | norms of the adapter's own |
/// | `residual_before_ln` | output | the inner residual, see [`InnerResidual`] |
/// | `adapter_residual_before_ln` | false | it is added before `ln_after` |
/// | `is_parallel` | false | the bottleneck stands beside the sublayer |
/// | `scaling` | 1 | a number, or learned |
/// | `init_weights` | mam_adapter | initial values, see [`InitWeights`]; the default starts as the identity |
/// | `leave_out` | none | layers without adapter, from 0 |
/// | `dropout`, `stochastic_depth` | 0 | regularisation of the bottleneck's output |
/// | `use_gating` | false | a gate decides how much of it each sequence lets through |
/// | `phm_layer` and its fields | false | hypercomplex projections, see [`PhmConfig`] |
/// | `inv_adapter` | None | an invertible adapter behind the embeddings: "nice" or "glow", see [`Coupling`] |
/// | `inv_adapter_reduction_factor` | None, 2 in presets that have one | half the hidden size over its networks' width |
#[derive(Clone, Debug, PartialEq)]
pub struct BottleneckConfig {
    /// A bottleneck after the attention.
    pub mh_adapter: bool,
    /// A bottleneck after the feed-forward network.
    pub output_adapter: bool,
    /// Hidden size over bottleneck.
    pub reduction_factor: ReductionFactor,
    /// The activation `φ`.
    pub non_linearity: Activation,
    /// The bottleneck reads `LN(o + r)`.
    pub original_ln_before: bool,
    /// The base's residual and norm follow the adapter.
    pub original_ln_after: bool,
    /// The bottleneck normalises its input.
    pub ln_before: bool,
    /// The bottleneck's result is normalised.
    pub ln_after: bool,
    /// The inner residual.
    pub residual_before_ln: InnerResidual,
    /// The inner residual is added before `ln_after`.
    pub adapter_residual_before_ln: bool,
    /// The bottleneck reads the sublayer's residual input.
    pub is_parallel: bool,
    /// What multiplies the bottleneck's output.
    pub scaling: Scaling,
    /// Initial values.
    pub init_weights: InitWeights,
    /// Seed of the initial values, in place of the run's. Unlike in AdapterHub layers still differ
    /// from each other, and 0 is a seed like any other.
    pub init_weights_seed: Option<u64>,
    /// Layers without adapter, from 0.
    pub leave_out: BTreeSet<usize>,
    /// Dropout of the bottleneck's output.
    pub dropout: f64,
    /// Rate at which a sequence skips the bottleneck in training; sequential adapters only.
    pub stochastic_depth: f64,
    /// A gate decides how much of the bottleneck's output each sequence lets through.
    pub use_gating: bool,
    /// The projections are hypercomplex.
    pub phm_layer: bool,
    /// How, if they are.
    pub phm: PhmConfig,
    /// An invertible adapter behind the embeddings.
    pub inv_adapter: Option<Coupling>,
    /// Half the hidden size over the width of the invertible adapter's networks.
    pub inv_adapter_reduction_factor: Option<f64>,
    /// Also after cross-attention, which encoders do not have; kept for the file.
    pub cross_adapter: bool,
}

impl BottleneckConfig {
    /// AdapterHub's `BnConfig` with nothing set: the ground that files are read on.
    #[must_use]
    pub fn base() -> Self {
        Self {
            mh_adapter: false,
            output_adapter: false,
            reduction_factor: 16.0.into(),
            non_linearity: Activation::Relu,
            original_ln_before: false,
            original_ln_after: true,
            ln_before: false,
            ln_after: false,
            residual_before_ln: InnerResidual::Output,
            adapter_residual_before_ln: false,
            is_parallel: false,
            scaling: Scaling::Fixed(1.0),
            init_weights: InitWeights::MamAdapter,
            init_weights_seed: None,
            leave_out: BTreeSet::new(),
            dropout: 0.0,
            stochastic_depth: 0.0,
            use_gating: false,
            phm_layer: false,
            phm: PhmConfig::default(),
            inv_adapter: None,
            inv_adapter_reduction_factor: None,
            cross_adapter: false,
        }
    }

    /// Pfeiffer's adapter (Pfeiffer et al., 2021): one bottleneck a block, after feed-forward.
    #[must_use]
    pub fn seq_bn() -> Self {
        Self { output_adapter: true, original_ln_before: true, ..Self::base() }
    }

    /// Houlsby's adapter (Houlsby et al., 2019): two bottlenecks a block, after attention and
    /// after feed-forward.
    #[must_use]
    pub fn double_seq_bn() -> Self {
        Self { mh_adapter: true, output_adapter: true, non_linearity: Activation::Silu, ..Self::base() }
    }

    /// The parallel adapter (He et al., 2022): beside feed-forward, scaled by 4.
    #[must_use]
    pub fn par_bn() -> Self {
        Self {
            output_adapter: true,
            is_parallel: true,
            scaling: Scaling::Fixed(4.0),
            reduction_factor: 2.0.into(),
            ..Self::base()
        }
    }

    /// The parallel adapter with a learned scaling.
    #[must_use]
    pub fn scaled_par_bn() -> Self {
        Self { scaling: Scaling::Learned, ..Self::par_bn() }
    }

    /// AdapterPlus (Steitz and Roth, 2024): behind the block, scaled by channel, no norm after.
    ///
    /// Its own initial values (Houlsby's) do not start as the identity; ask for them with
    /// `init_weights=houlsby`.
    #[must_use]
    pub fn adapter_plus() -> Self {
        Self {
            output_adapter: true,
            original_ln_before: true,
            original_ln_after: false,
            residual_before_ln: InnerResidual::Input,
            scaling: Scaling::Channel,
            non_linearity: Activation::Gelu,
            reduction_factor: 96.0.into(),
            stochastic_depth: 0.1,
            ..Self::base()
        }
    }

    /// Pfeiffer's adapter of hypercomplex layers: Compacter++ (Mahabadi, Henderson and Ruder, 2021).
    #[must_use]
    pub fn compacter_plus_plus() -> Self {
        Self::seq_bn().compacted()
    }

    /// Houlsby's adapter of hypercomplex layers: Compacter (Mahabadi, Henderson and Ruder, 2021).
    #[must_use]
    pub fn compacter() -> Self {
        Self::double_seq_bn().compacted()
    }

    fn compacted(self) -> Self {
        Self { phm_layer: true, reduction_factor: 32.0.into(), non_linearity: Activation::Gelu, ..self }
    }

    /// The same with an invertible adapter: a language adapter of MAD-X (Pfeiffer et al., 2020).
    #[must_use]
    pub fn with_inverse(self) -> Self {
        Self { inv_adapter: Some(Coupling::Nice), inv_adapter_reduction_factor: Some(2.0), ..self }
    }

    /// Checks the configuration by itself and against a model, and returns the bottlenecks that it
    /// has with the place of each.
    ///
    /// # Errors
    /// If fields contradict each other, name layers that are not there, or leave nothing to add.
    pub fn bottlenecks(&self, model: &Config) -> Result<Vec<(SublayerPoint, BottleneckShape)>, MethodError> {
        self.check_numbers()?;
        if self.residual_before_ln == InnerResidual::Sum && !self.original_ln_before && !self.is_parallel {
            return Err(MethodError::Contradiction(
                "residual_before_ln=\"post_add\" is the sum before the norm, so it needs original_ln_before=True",
            ));
        }
        let layers = layers_but(&self.leave_out, model)?;
        check_layers("reduction_factor", self.reduction_factor.layers.keys(), model)?;
        let sublayers = [(Sublayer::Attention, self.mh_adapter), (Sublayer::FeedForward, self.output_adapter)];
        let mut modules = Vec::new();
        for layer in layers {
            let factor = self.reduction_factor.of(layer).ok_or(MethodError::NoFactor { layer })?;
            for (sublayer, _) in sublayers.iter().filter(|(_, wanted)| *wanted) {
                modules.push((SublayerPoint { layer, sublayer: *sublayer }, self.shape(model.hidden, factor)));
            }
        }
        if modules.is_empty() {
            return Err(MethodError::Nothing("set mh_adapter or output_adapter, and leave some layer in"));
        }
        if self.phm_layer {
            let widths = modules.iter().flat_map(|(_, shape): &(_, BottleneckShape)| [shape.hidden, shape.bottleneck]);
            self.phm.check(widths)?;
        }
        if self.phm_layer && self.phm.shared_w && !self.reduction_factor.layers.is_empty() {
            return Err(MethodError::Contradiction(
                "shared_W_phm=True needs bottlenecks of one width: give reduction_factor as a number",
            ));
        }
        Ok(modules)
    }

    /// The invertible adapter's coupling and reduction factor, if there is one.
    pub(crate) fn invertible(&self) -> Option<(Coupling, f64)> {
        Some((self.inv_adapter?, self.inv_adapter_reduction_factor.unwrap_or(2.0)))
    }

    /// Where the bottlenecks stand.
    #[must_use]
    pub fn position(&self) -> Position {
        if self.is_parallel {
            return Position::Parallel;
        }
        Position::Sequential {
            norm_before: self.original_ln_before,
            residual: self.residual_before_ln,
            residual_before_norm: self.adapter_residual_before_ln,
        }
    }

    fn shape(&self, hidden: usize, factor: f64) -> BottleneckShape {
        BottleneckShape {
            hidden,
            bottleneck: reduced(hidden, factor),
            activation: self.non_linearity,
            scaling: self.scaling,
            norm_before: self.ln_before,
            dropout: self.dropout,
            drop_path: if self.is_parallel { 0.0 } else { self.stochastic_depth },
            gated: self.use_gating,
            phm: self.phm_layer.then_some(self.phm),
        }
    }

    fn check_numbers(&self) -> Result<(), MethodError> {
        let factors = self.reduction_factor.layers.values().chain(&self.reduction_factor.default);
        for &found in factors {
            if !(found > 0.0 && found.is_finite() && found >= 1.0 / 64.0) {
                return Err(MethodError::Range { field: "reduction_factor", found, expected: "a number from 1/64 on" });
            }
        }
        match self.inv_adapter_reduction_factor {
            Some(found) if !(found.is_finite() && found >= 1.0 / 64.0) => {
                let (field, expected) = ("inv_adapter_reduction_factor", "a number from 1/64 on");
                return Err(MethodError::Range { field, found, expected });
            }
            _ => {}
        }
        check_rate("dropout", self.dropout)?;
        check_rate("stochastic_depth", self.stochastic_depth)?;
        match self.scaling {
            Scaling::Fixed(found) => check_factor("scaling", found),
            Scaling::Learned | Scaling::Channel => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_refused() {
        let model = Config::bert(12, 3, 2, 20);
        let fails = |config: BottleneckConfig, words: &str| {
            let message = config.bottlenecks(&model).unwrap_err().to_string();
            assert!(message.contains(words), "{message}");
        };
        let base = BottleneckConfig::seq_bn;
        fails(BottleneckConfig { output_adapter: false, ..base() }, "no module");
        fails(BottleneckConfig { leave_out: (0..3).collect(), ..base() }, "no module");
        fails(
            BottleneckConfig { leave_out: [7].into(), ..base() },
            "leave_out names layer 7, but the model has layers 0 to 2",
        );
        fails(BottleneckConfig { dropout: 1.0, ..base() }, "dropout is 1, but must be");
        fails(BottleneckConfig { reduction_factor: 0.0.into(), ..base() }, "reduction_factor is 0");
        fails(BottleneckConfig { scaling: Scaling::Fixed(f64::NAN), ..base() }, "scaling is NaN");
        fails(BottleneckConfig { scaling: Scaling::Fixed(1e300), ..base() }, "in f32 too");
        let some = ReductionFactor { default: None, layers: [(1, 2.0)].into() };
        fails(BottleneckConfig { reduction_factor: some, ..base() }, "layer 0 has no reduction factor");
        let sum = BottleneckConfig { residual_before_ln: InnerResidual::Sum, original_ln_before: false, ..base() };
        fails(sum, "needs original_ln_before=True");
    }
}
