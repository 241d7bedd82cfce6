//! The bottleneck: the function at the heart of Houlsby, Pfeiffer, parallel adapters and AdapterPlus.
//!
//! For `T` tokens of hidden size `D` and a bottleneck of `M` (much smaller than `D`):
//!
//! ```text
//! n = x                  or LN_before(x)          [T, D]
//! h = n W_downᵀ + b_down                          [T, M]
//! a = φ(h)                                        [T, M]
//! u = a W_upᵀ + b_up                              [T, D]
//! B(x) = g ∘ dropout(s ∘ droppath(u))             [T, D]
//! ```
//!
//! `s` is a number, one learned number, or one learned number for each channel. Drop path
//! (stochastic depth, Huang et al., 2016) drops `u` for whole sequences. `g` is 1, or one number for each sequence: the
//! gate of UniPELT, which reads `x`. The two projections are written as linear ones here, but may be the hypercomplex
//! ones of [`phm`](super::phm). How `B` is wired to the
//! residual and to the base's norm is the business of [`wiring`](super::wiring).
//!
//! # Gradients
//!
//! Let `d` stand for `∂loss/∂`. Backward walks the same lines from the last to the first. Dropout
//! and drop path are products with a mask `m` that forward drew, so each gives its gradient the
//! same product. With `p = droppath(u)`:
//!
//! ```text
//! d_p = s ∘ m ∘ g ∘ d_B                 s multiplies, so it multiplies the gradient; and so does g
//! d_s = Σ (m ∘ g ∘ d_B) ∘ p             over tokens, and over channels too if s is one number
//! d_u = droppath mask ∘ d_p
//! d_W_up = d_uᵀ a       d_b_up = Σ_t d_u        from u_ti = Σ_j a_tj W_up_ij + b_up_i
//! d_a = d_u W_up
//! d_h = d_a ∘ φ'(h)
//! d_W_down = d_hᵀ n     d_b_down = Σ_t d_h
//! d_n = d_h W_down                       and through LN_before to d_x
//! d_g = Σ (B / g) ∘ d_B                  over a sequence, and through the gate to d_x too
//! ```
//!
//! The base is not in these lines: that its weights are frozen costs nothing here and saves a
//! third of all products elsewhere.

use crate::core::gate::{Gate, GateTrace, multiply_sequences, multiply_sequences_backward};
use crate::core::init::InitWeights;
use crate::core::layers::{TrainableLinear, TrainableNorm};
use crate::methods::bottleneck::phm::config::PhmConfig;
use crate::methods::bottleneck::phm::layer::{PhmLinear, PhmShared};
use crate::methods::bottleneck::phm::side::Side;
use crate::methods::bottleneck::phm::stack::Arrays;
use crate::methods::bottleneck::projection::Projection;
use adaptune_tensor::{
    Activation, Dropout, Gradients, Kind, LayerNormTrace, Layout, Named, NamedMut, Parameter, Precision, Scalar, Seed,
    join, parameters,
};
use adaptune_transformer::Pass;
use ndarray::{ArcArray2, Array1, Array2, Axis, Ix1};

/// What multiplies a bottleneck's output.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Scaling {
    /// A constant.
    Fixed(f64),
    /// One learned number that starts at 1 (He et al., 2022).
    Learned,
    /// One learned number for each channel, starting at 1 (AdapterPlus, Steitz and Roth, 2024).
    Channel,
}

/// Sizes and options of one bottleneck.
#[derive(Clone, Debug)]
pub struct BottleneckShape {
    /// `D`.
    pub hidden: usize,
    /// `M`.
    pub bottleneck: usize,
    /// `φ`.
    pub activation: Activation,
    /// `s`.
    pub scaling: Scaling,
    /// True if the bottleneck normalises its input.
    pub norm_before: bool,
    /// Rate of the dropout on the result.
    pub dropout: f64,
    /// Rate at which whole sequences are dropped.
    pub drop_path: f64,
    /// True if a gate decides how much of the result a sequence lets through.
    pub gated: bool,
    /// The projections are hypercomplex.
    pub phm: Option<PhmConfig>,
}

/// One bottleneck with its parameters.
#[derive(Clone, Debug)]
pub struct Bottleneck<S> {
    shape: BottleneckShape,
    norm_before: Option<TrainableNorm<S>>,
    down: Projection<S>,
    up: Projection<S>,
    scaling: Option<Parameter<S, Ix1>>,
    gate: Option<Gate<S>>,
}

/// What the backward pass of a [`Bottleneck`] needs.
pub struct BottleneckTrace<S> {
    /// That of the base.
    precision: Precision,
    /// `n`, `[T, D]`.
    n: ArcArray2<S>,
    norm_before: Option<LayerNormTrace<S>>,
    /// `h` and `a`, both `[T, M]`.
    h: Array2<S>,
    a: Array2<S>,
    /// `p`, `[T, D]`, where `s` is learned.
    p: Option<Array2<S>>,
    drop_path: Option<DropPath>,
    dropout: Option<Dropout>,
    gate: Option<GatedTrace<S>>,
}

/// `x`, what the gate saw, `g: [S, 1]`, and what it multiplied, `[T, D]`.
struct GatedTrace<S> {
    x: ArcArray2<S>,
    layout: Layout,
    trace: GateTrace<S>,
    g: Array2<S>,
    b: Array2<S>,
}

impl<S: Scalar> Bottleneck<S> {
    /// A bottleneck with its initial values.
    #[must_use]
    pub fn new(shape: BottleneckShape, init: InitWeights, seed: Seed) -> Self {
        let (down, up) = projections(&shape, init, seed);
        let ones = |n| Some(Parameter::new(Kind::Weight, Array1::ones(n)));
        Self {
            norm_before: shape.norm_before.then(|| TrainableNorm::new(shape.hidden)),
            down,
            up,
            scaling: match shape.scaling {
                Scaling::Fixed(_) => None,
                Scaling::Learned => ones(1),
                Scaling::Channel => ones(shape.hidden),
            },
            gate: shape.gated.then(|| Gate::new(1, shape.hidden, seed)),
            shape,
        }
    }

    /// `D`.
    #[must_use]
    pub fn hidden(&self) -> usize {
        self.shape.hidden
    }

    /// `B(x)`, `[T, D] → [T, D]`. The trace is kept only if `keep` says that backward will run. `shared` is what
    /// hypercomplex projections may share with others.
    #[must_use]
    pub fn forward(
        &self,
        x: ArcArray2<S>,
        shared: Option<&PhmShared<S>>,
        layout: &Layout,
        pass: Pass,
        keep: bool,
    ) -> (Array2<S>, Option<BottleneckTrace<S>>) {
        let gate = self.gate.as_ref().map(|gate| (x.clone(), gate.forward(x.view(), layout)));
        let (n, norm_before) = match &self.norm_before {
            Some(norm) => {
                let (n, trace) = norm.forward(x.into_owned(), keep);
                (n.into_shared(), trace)
            }
            None => (x, None),
        };
        let precision = pass.precision();
        let h = self.down.forward(precision, n.view(), shared);
        let a = self.shape.activation.apply(h.view());
        let mut b = self.up.forward(precision, a.view(), shared);
        let drop_path = DropPath::new(self.shape.drop_path, layout, pass.at(1));
        if let Some(drop_path) = &drop_path {
            drop_path.apply(&mut b);
        }
        let p = (keep && self.scaling.is_some()).then(|| b.clone());
        self.scale(&mut b);
        let dropout = pass.at(0).dropout(self.shape.dropout);
        if let Some(dropout) = dropout {
            dropout.apply(&mut b);
        }
        let gate = gate.map(|(x, (g, trace))| {
            let ungated = if keep { b.clone() } else { Array2::zeros((0, 0)) };
            multiply_sequences(&mut b, g.view(), layout);
            GatedTrace { x, layout: layout.clone(), trace, g, b: ungated }
        });
        (b, keep.then_some(BottleneckTrace { precision, n, norm_before, h, a, p, drop_path, dropout, gate }))
    }

    /// From `d_B` to `d_x`, `[T, D]`, which is computed only if `wants_input`; adds the gradients
    /// of all parameters that train. The derivation is in the [module](self)'s documentation.
    pub fn backward(
        &self,
        trace: BottleneckTrace<S>,
        shared: Option<&PhmShared<S>>,
        d_b: Array2<S>,
        wants_input: bool,
        gradients: &mut Gradients<S>,
    ) -> Option<Array2<S>> {
        let BottleneckTrace { precision, n, norm_before, h, a, p, drop_path, dropout, gate } = trace;
        let mut d_u = d_b;
        let d_gate = self.gate_backward(gate, &mut d_u, wants_input, gradients);
        if let Some(dropout) = dropout {
            dropout.apply(&mut d_u);
        }
        if let (Some(scaling), Some(p)) = (&self.scaling, p) {
            self.scaling_backward(scaling, &d_u, &p, gradients);
        }
        self.scale(&mut d_u);
        if let Some(drop_path) = &drop_path {
            drop_path.apply(&mut d_u);
        }
        let d_a = self.up.backward(precision, a.view(), d_u.view(), shared, true, gradients).expect("it is wanted");
        let d_h = self.shape.activation.backward(h.view(), d_a);
        let norm = self.norm_before.as_ref().zip(norm_before);
        let wants_n = wants_input || norm.is_some();
        let d_n = self.down.backward(precision, n.view(), d_h.view(), shared, wants_n, gradients)?;
        let mut d_x = match norm {
            Some((norm, trace)) => norm.backward(&trace, d_n, gradients),
            None => d_n,
        };
        d_gate.into_iter().for_each(|d| d_x += &d);
        wants_input.then_some(d_x)
    }

    /// Takes the gradient of `B(x)` to that of what the gate multiplied; gives what reaches `x` through the gate.
    fn gate_backward(
        &self,
        trace: Option<GatedTrace<S>>,
        d_b: &mut Array2<S>,
        wants_input: bool,
        gradients: &mut Gradients<S>,
    ) -> Option<Array2<S>> {
        let (gate, GatedTrace { x, layout, trace, g, b }) = self.gate.as_ref().zip(trace)?;
        let d_g = multiply_sequences_backward(d_b.view(), b.view(), &layout);
        multiply_sequences(d_b, g.view(), &layout);
        gate.backward(&trace, x.view(), &layout, d_g.view(), wants_input, gradients)
    }

    /// True if it looks at one row at a time, and not at a whole sequence as a gate does.
    pub(crate) fn is_gated(&self) -> bool {
        self.gate.is_some()
    }

    /// Lists what is drawn once and never trains: rules of hypercomplex projections may be.
    pub(crate) fn list_constants<'a>(&'a self, name: &str, all: &mut Named<'a, S>) {
        self.down.list_arrays(true, &join(name, "down"), all);
        self.up.list_arrays(true, &join(name, "up"), all);
    }

    /// The same list, to be read from a file.
    pub(crate) fn list_constants_mut<'a>(&'a mut self, name: &str, all: &mut NamedMut<'a, S>) {
        self.down.list_arrays_mut(true, &join(name, "down"), all);
        self.up.list_arrays_mut(true, &join(name, "up"), all);
    }

    /// Multiplies by `s`: the values on the way up, the gradient on the way down.
    fn scale(&self, b: &mut Array2<S>) {
        match (&self.scaling, self.shape.scaling) {
            (None, Scaling::Fixed(s)) if s != 1.0 => *b *= S::from_f64(s),
            (Some(s), _) => *b *= &s.view(),
            _ => {}
        }
    }

    /// `d_s = Σ d ∘ p`, with `d` the gradient of `s ∘ p`.
    fn scaling_backward(&self, s: &Parameter<S, Ix1>, d: &Array2<S>, p: &Array2<S>, gradients: &mut Gradients<S>) {
        let by_channel = (d * p).sum_axis(Axis(0));
        let d_s =
            if self.shape.scaling == Scaling::Learned { Array1::from_elem(1, by_channel.sum()) } else { by_channel };
        gradients.add(s, d_s);
    }
}

/// The two projections with their initial values.
fn projections<S: Scalar>(shape: &BottleneckShape, init: InitWeights, seed: Seed) -> (Projection<S>, Projection<S>) {
    let (d, m) = (shape.hidden, shape.bottleneck);
    match &shape.phm {
        Some(phm) => {
            let layer = |side, widths, zero| Projection::Phm(Box::new(PhmLinear::new(phm, side, widths, zero, seed)));
            (layer(Side::Down, (d, m), false), layer(Side::Up, (m, d), init.starts_as_identity()))
        }
        None => {
            let (down, up) = init.bottleneck(d, m, seed);
            let linear = |weight| Projection::Linear(TrainableLinear::new(weight, true));
            (linear(down), linear(up))
        }
    }
}

/// Which sequences are dropped, and how the others grow so that the expectation stays.
struct DropPath(Vec<(std::ops::Range<usize>, f64)>);

impl DropPath {
    fn new(rate: f64, layout: &Layout, pass: Pass) -> Option<Self> {
        let seed = pass.seed().filter(|_| rate > 0.0)?;
        let factor = |s: usize| if rate < 1.0 && seed.unit(s as u64) >= rate { 1.0 / (1.0 - rate) } else { 0.0 };
        Some(Self(layout.ranges().enumerate().map(|(s, range)| (range, factor(s))).collect()))
    }

    fn apply<S: Scalar>(&self, u: &mut Array2<S>) {
        for (range, factor) in &self.0 {
            u.slice_mut(ndarray::s![range.clone(), ..]).mapv_inplace(|v| v * S::from_f64(*factor));
        }
    }
}

parameters!(Bottleneck { "norm_before" => norm_before, "down" => down, "up" => up, "scaling" => scaling, "gate" => gate });
