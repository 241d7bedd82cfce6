//! The configuration of LoRA and related methods: AdapterHub's `LoRAConfig`, typed and checked.

use crate::core::checks::{check_factor, check_rate, layers_but};
use crate::core::error::MethodError;
use adaptune_tensor::{Scalar, Seed, init};
use adaptune_transformer::{Config, LinearPoint, Projection};
use ndarray::Array2;
use std::collections::BTreeSet;

/// A projection of the attention, as AdapterHub's `attn_matrices` names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum AttentionMatrix {
    /// Queries, `q`.
    Query,
    /// Keys, `k`.
    Key,
    /// Values, `v`.
    Value,
    /// The attention's output, `o`. AdapterHub does not have it, so such an adapter cannot be saved for it.
    Output,
}

/// How the layer's output is changed; AdapterHub's `composition_mode`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Composition {
    /// Something is added (`add`): LoRA, DoRA, VeRA.
    Add,
    /// It is multiplied (`scale`): IA3.
    Scale,
}

/// Initial values of `A` and `B`; AdapterHub's `init_weights`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoraInit {
    /// `A` by Kaiming's rule as a linear layer of PyTorch starts, `B` zero: the identity (`lora`).
    Lora,
    /// Both normal with deviation 0.02 (`bert`).
    Bert,
    /// Both one (`ia3`): the identity for IA3.
    Ia3,
    /// Both by Kaiming's rule with slope 0, uniform in `±√(6/In)` (`vera`).
    Vera,
}

/// Which of the four methods a configuration describes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoraKind {
    /// Low-rank matrices.
    Lora,
    /// The same, with the length of each row of the weight apart.
    Dora,
    /// A factor for each channel.
    Ia3,
    /// Two vectors over low-rank matrices that all layers share.
    Vera,
}

/// Everything that makes one method of the family differ from another.
///
/// Field names are AdapterHub's, but for the last three, which it does not have.
///
/// ```
/// use adaptune_adapters::LoraConfig;
/// let config = LoraConfig { r: 4, alpha: 16.0, ..LoraConfig::lora() };
/// assert_eq!(config.scaling(), 4.0);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct LoraConfig {
    /// Projections of the attention, those of `attn_matrices`.
    pub selfattn_lora: bool,
    /// The first layer of the feed-forward network.
    pub intermediate_lora: bool,
    /// The second layer of the feed-forward network.
    pub output_lora: bool,
    /// Layers without modules, from 0.
    pub leave_out: BTreeSet<usize>,
    /// `R`, the rank; 1 for IA3.
    pub r: usize,
    /// `α`; what is added is multiplied by `α/R`, IA3's factors by `α`.
    pub alpha: f64,
    /// Dropout of the input of `A`.
    pub dropout: f64,
    /// Which projections of the attention.
    pub attn_matrices: BTreeSet<AttentionMatrix>,
    /// Adding or multiplying.
    pub composition_mode: Composition,
    /// Initial values.
    pub init_weights: LoraInit,
    /// Seed of the initial values, in place of the run's. Unlike in AdapterHub layers still differ from each other.
    pub init_weights_seed: Option<u64>,
    /// What is added is multiplied by a gate for each sequence, too; see [`lora`](super::lora).
    pub use_gating: bool,
    /// DoRA.
    pub use_dora: bool,
    /// VeRA, if this or the next is there: initial value of `δ`.
    pub vera_d: Option<f64>,
    /// Initial value of `β`.
    pub vera_b: Option<f64>,
    /// `α/√R` in place of `α/R` (Kalajdzievski, 2023). PEFT has it, AdapterHub does not.
    pub use_rslora: bool,
    /// Layers of which IA3 scales what enters rather than what leaves, as paper and PEFT do with the second layer of the
    /// feed-forward network. AdapterHub scales what leaves the first one (`intermediate_lora`), before the activation.
    pub scale_inputs: BTreeSet<Projection>,
    /// The branch of a gated feed-forward network that is activated, `gate_proj` in Llama; `intermediate_lora` is the other one. PEFT has
    /// it, AdapterHub does not.
    pub gate_lora: bool,
}

impl LoraConfig {
    /// LoRA on queries and values with `R = α = 8`.
    #[must_use]
    pub fn lora() -> Self {
        Self {
            selfattn_lora: true,
            intermediate_lora: false,
            output_lora: false,
            leave_out: BTreeSet::new(),
            r: 8,
            alpha: 8.0,
            dropout: 0.0,
            attn_matrices: [AttentionMatrix::Query, AttentionMatrix::Value].into(),
            composition_mode: Composition::Add,
            init_weights: LoraInit::Lora,
            init_weights_seed: None,
            use_gating: false,
            use_dora: false,
            vera_d: None,
            vera_b: None,
            use_rslora: false,
            scale_inputs: BTreeSet::new(),
            gate_lora: false,
        }
    }

    /// DoRA on queries and values.
    #[must_use]
    pub fn dora() -> Self {
        Self { use_dora: true, ..Self::lora() }
    }

    /// IA3 on keys, values, and on the output of the first feed-forward layer, as AdapterHub has it.
    #[must_use]
    pub fn ia3() -> Self {
        Self {
            intermediate_lora: true,
            r: 1,
            alpha: 1.0,
            attn_matrices: [AttentionMatrix::Key, AttentionMatrix::Value].into(),
            composition_mode: Composition::Scale,
            init_weights: LoraInit::Ia3,
            ..Self::lora()
        }
    }

    /// VeRA on queries and values.
    #[must_use]
    pub fn vera() -> Self {
        Self { vera_d: Some(0.1), vera_b: Some(0.0), init_weights: LoraInit::Vera, ..Self::lora() }
    }

    /// Which method it is.
    #[must_use]
    pub fn kind(&self) -> LoraKind {
        match self.composition_mode {
            Composition::Scale => LoraKind::Ia3,
            Composition::Add if self.vera_d.is_some() || self.vera_b.is_some() => LoraKind::Vera,
            Composition::Add if self.use_dora => LoraKind::Dora,
            Composition::Add => LoraKind::Lora,
        }
    }

    /// `s`: `α/R`, with rsLoRA `α/√R`, and `α` for IA3.
    #[must_use]
    pub fn scaling(&self) -> f64 {
        let rank = self.r as f64;
        match self.kind() {
            LoraKind::Ia3 => self.alpha,
            _ if self.use_rslora => self.alpha / rank.sqrt(),
            _ => self.alpha / rank,
        }
    }

    /// The layers of a block that have modules, in the order of a pass.
    pub fn projections(&self) -> impl Iterator<Item = Projection> {
        let matrix = |m| self.selfattn_lora && self.attn_matrices.contains(&m);
        let wanted = [
            matrix(AttentionMatrix::Query),
            matrix(AttentionMatrix::Key),
            matrix(AttentionMatrix::Value),
            matrix(AttentionMatrix::Output),
            self.intermediate_lora,
            self.output_lora,
            self.gate_lora,
        ];
        Projection::ALL.into_iter().zip(wanted).filter(|(_, wanted)| *wanted).map(|(projection, _)| projection)
    }

    /// Checks the configuration by itself and against a model, and gives the places of its modules.
    ///
    /// # Errors
    /// If fields contradict each other, name layers that are not there, or leave nothing to add.
    pub fn points(&self, model: &Config) -> Result<Vec<LinearPoint>, MethodError> {
        self.check_fields()?;
        if self.gate_lora && !model.architecture.gated {
            return Err(MethodError::Contradiction(
                "gate_lora is for gated feed-forward networks, and those of this base have no gate",
            ));
        }
        let layers = layers_but(&self.leave_out, model)?;
        let block = |layer| self.projections().map(move |projection| LinearPoint { layer, projection });
        let points: Vec<_> = layers.into_iter().flat_map(block).collect();
        if points.is_empty() {
            return Err(MethodError::Nothing(
                "set selfattn_lora with attn_matrices, intermediate_lora, output_lora or gate_lora, and leave some layer in",
            ));
        }
        Ok(points)
    }

    fn check_fields(&self) -> Result<(), MethodError> {
        check_rate("dropout", self.dropout)?;
        let numbers = [("alpha", Some(self.alpha)), ("vera_d", self.vera_d), ("vera_b", self.vera_b)];
        numbers.into_iter().try_for_each(|(field, found)| found.map_or(Ok(()), |found| check_factor(field, found)))?;
        if self.r == 0 {
            return Err(MethodError::Range { field: "r", found: 0.0, expected: "a whole number from 1 on" });
        }
        match self.contradiction() {
            Some(why) => Err(MethodError::Contradiction(why)),
            None => Ok(()),
        }
    }

    fn contradiction(&self) -> Option<&'static str> {
        let kind = self.kind();
        let rules = [
            (kind == LoraKind::Ia3 && self.r != 1, "composition_mode=scale multiplies by one vector, so it needs r=1"),
            (kind == LoraKind::Ia3 && self.dropout > 0.0, "composition_mode=scale has no dropout"),
            (
                kind == LoraKind::Ia3 && (self.use_dora || self.vera_d.is_some() || self.vera_b.is_some()),
                "use_dora and vera_d need composition_mode=add",
            ),
            (kind == LoraKind::Ia3 && self.use_rslora, "use_rslora needs composition_mode=add"),
            (
                kind == LoraKind::Ia3 && self.init_weights == LoraInit::Vera,
                "init_weights=vera needs composition_mode=add",
            ),
            (kind == LoraKind::Vera && self.use_dora, "use_dora and vera_d do not go together here"),
            (kind != LoraKind::Lora && self.use_gating, "use_gating goes with LoRA alone, not with IA3, DoRA or VeRA"),
            (kind != LoraKind::Ia3 && !self.scale_inputs.is_empty(), "scale_inputs needs composition_mode=scale"),
            (
                self.scale_inputs.iter().any(|wanted| self.projections().all(|projection| projection != *wanted)),
                "scale_inputs names a layer that has no module: choose it by attn_matrices, intermediate_lora or output_lora",
            ),
        ];
        rules.into_iter().find(|(broken, _)| *broken).map(|(_, why)| why)
    }
}

impl LoraInit {
    /// `A: [R, In]` and `B: [Out, R]`.
    pub(crate) fn matrices<S: Scalar>(
        self,
        (outputs, inputs): (usize, usize),
        rank: usize,
        seed: Seed,
    ) -> (Array2<S>, Array2<S>) {
        let (a, b, a_seed, b_seed) = ((rank, inputs), (outputs, rank), seed.named("lora_A"), seed.named("lora_B"));
        // The tensor crate's rule is ±1/√In.
        let steep = |shape, seed| init::kaiming_uniform::<f64>(shape, seed).mapv(|v| S::from_f64(v * 6_f64.sqrt()));
        match self {
            Self::Lora => (init::kaiming_uniform(a, a_seed), Array2::zeros(b)),
            Self::Bert => (init::normal(a, 0.02, a_seed), init::normal(b, 0.02, b_seed)),
            Self::Ia3 => (Array2::ones(a), Array2::ones(b)),
            Self::Vera => (steep(a, a_seed), steep(b, b_seed)),
        }
    }
}

/// `(Out, In)` of a layer of a block.
pub(crate) fn shape(projection: Projection, model: &Config) -> (usize, usize) {
    let shape = model.linear_shape(projection).expect("the layers that LoRA can name are in every block");
    (shape.outputs, shape.inputs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_refused() {
        let model = Config::bert(12, 3, 2, 20);
        let fails = |config: LoraConfig, words: &str| {
            let message = config.points(&model).unwrap_err().to_string();
            assert!(message.contains(words), "{message}");
        };
        let (lora, ia3) = (LoraConfig::lora, LoraConfig::ia3);
        fails(LoraConfig { selfattn_lora: false, ..lora() }, "no module");
        fails(LoraConfig { leave_out: [3].into(), ..lora() }, "leave_out names layer 3");
        fails(LoraConfig { r: 0, ..lora() }, "r is 0");
        fails(LoraConfig { alpha: f64::NAN, ..lora() }, "alpha is NaN");
        fails(LoraConfig { alpha: 1e300, ..lora() }, "alpha is 1e300, but must be a finite number, in f32 too");
        fails(LoraConfig { vera_d: Some(-1e39), ..LoraConfig::vera() }, "vera_d is -1");
        fails(LoraConfig { dropout: 1.0, ..lora() }, "dropout is 1");
        fails(LoraConfig { r: 2, ..ia3() }, "needs r=1");
        fails(LoraConfig { use_dora: true, ..ia3() }, "need composition_mode=add");
        fails(LoraConfig { use_gating: true, ..LoraConfig::vera() }, "LoRA alone");
        let inputs = || [Projection::FeedForwardOut].into();
        fails(LoraConfig { scale_inputs: inputs(), output_lora: true, ..lora() }, "needs composition_mode=scale");
        fails(LoraConfig { scale_inputs: inputs(), ..ia3() }, "a layer that has no module");
    }

    #[test]
    fn scalings_are_those_of_the_papers() {
        let config = LoraConfig { r: 4, alpha: 6.0, ..LoraConfig::lora() };
        assert_eq!(config.scaling(), 1.5);
        assert_eq!(LoraConfig { use_rslora: true, ..config }.scaling(), 3.0);
        assert_eq!(LoraConfig { alpha: 0.5, ..LoraConfig::ia3() }.scaling(), 0.5);
    }
}
