//! Invertible adapters (Pfeiffer et al., 2020, MAD-X): a coupling of the two halves of a hidden state, behind the
//! embeddings; and its inverse in front of the output layer of a language model, whose weights are the embeddings.
//!
//! A hidden state `x` of size `D` is cut into `x_1`, its first `⌊D/2⌋` channels, and `x_2`. Each half is changed by what a
//! small network `N(z) = φ(z W_downᵀ + b_down) W_upᵀ + b_up` makes of the other, so each change can be undone:
//!
//! ```text
//! y_1 = e^l ∘ x_1 + t        from x_2                 x_2 = (y_2 − t) ∘ e^(−l)     from y_1
//! y_2 = e^l ∘ x_2 + t        from y_1                 x_1 = (y_1 − t) ∘ e^(−l)     from x_2
//! ```
//!
//! | coupling | `t` | `l` |
//! |---|---|---|
//! | NICE (Dinh, Krueger and Bengio, 2015) | `N(z)`: `F` of `x_2`, then `G` of `y_1` | 0 |
//! | GLOW (Kingma and Dhariwal, 2018) | the second half of `N(z)`: `s2` of `x_2`, then `s1` of `y_1` | `0.636 c atan(s/c)`, `c = 5`, of its first half `s` |
//!
//! AdapterHub's GLOW stops with an error before it computes anything; this one is the published coupling.
//!
//! # Gradients
//!
//! A step is `y = e^l ∘ x + t`, or back `x = (y − t) ∘ e^(−l)`. From the gradient `d` of its result:
//!
//! | | `d` of the half it changes | `d_t` | `d_l` |
//! |---|---|---|---|
//! | forth | `e^l ∘ d` | `d` | `d ∘ e^l ∘ x` |
//! | back | `e^(−l) ∘ d` | `−e^(−l) ∘ d` | `−d ∘ x` |
//!
//! then `d_s = 0.636 d_l / (1 + (s/c)²)`, and through the network to the other half.

use crate::core::inverse::{InverseBackward, InverseModule};
use crate::core::layers::TrainableLinear;
use crate::core::module::Module;
use crate::methods::bottleneck::width::reduced;
use adaptune_tensor::{Activation, Gradients, Named, NamedMut, Parameters, Scalar, Seed, init, join, parameters};
use adaptune_transformer::{
    Properties, SequenceBackward, SequenceInput, SequenceModule, SequenceOutput, SequencePoint,
};
use ndarray::{Array2, ArrayView2, Axis, concatenate, s};

/// How the halves are coupled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coupling {
    /// By addition.
    Nice,
    /// By multiplication and addition.
    Glow,
}

/// The coupling with its two networks.
#[derive(Clone, Debug)]
pub struct Invertible<S> {
    coupling: Coupling,
    /// `⌊D/2⌋`.
    split: usize,
    /// Changes the first half, reading the second.
    first: Network<S>,
    /// Changes the second half, reading the first.
    second: Network<S>,
}

/// `N`.
#[derive(Clone, Debug)]
struct Network<S> {
    down: TrainableLinear<S>,
    activation: Activation,
    up: TrainableLinear<S>,
}

parameters!(Network { "0" => down, "2" => up });

/// What backward needs: a trace of each of the two steps.
struct InvertibleTrace<S> {
    back: bool,
    steps: [StepTrace<S>; 2],
}

struct StepTrace<S> {
    /// The half that was read, and the network's inside.
    z: Array2<S>,
    h: Array2<S>,
    a: Array2<S>,
    /// For GLOW.
    glow: Option<GlowTrace<S>>,
}

struct GlowTrace<S> {
    s: Array2<S>,
    /// `e^l`, or `e^(−l)` on the way back.
    scale: Array2<S>,
    /// What `d` is multiplied by in `d_l`: `e^l ∘ x`, or `−x`.
    along: Array2<S>,
}

/// What GLOW bounds the logarithm of its factors by, about.
const CLAMP: f64 = 5.0;
/// About `2/π`, so that the arctangent goes to 1.
const STEEPNESS: f64 = 0.636;

impl<S: Scalar> Invertible<S> {
    /// Networks that are narrower than what they read by a factor, with normal weights of deviation 0.02. With `identity`
    /// their output begins as zero, and the coupling as the identity.
    #[must_use]
    pub fn new(
        coupling: Coupling,
        hidden: usize,
        factor: f64,
        activation: Activation,
        identity: bool,
        seed: Seed,
    ) -> Self {
        let split = hidden / 2;
        let network = |input: usize, changed: usize, name| {
            let (width, seed) = (reduced(input, factor), seed.named(name));
            let output = if coupling == Coupling::Glow { 2 * changed } else { changed };
            let up =
                if identity { Array2::zeros((output, width)) } else { init::normal((output, width), 0.02, seed.at(2)) };
            Network {
                down: TrainableLinear::new(init::normal((width, input), 0.02, seed.at(0)), true),
                activation,
                up: TrainableLinear::new(up, true),
            }
        };
        Self {
            coupling,
            split,
            first: network(hidden - split, split, "first"),
            second: network(split, hidden - split, "second"),
        }
    }

    /// Forth or back, `[N, D] → [N, D]`.
    fn forward(&self, x: ArrayView2<'_, S>, back: bool) -> (Array2<S>, InvertibleTrace<S>) {
        let mut halves = [x.slice(s![.., ..self.split]).to_owned(), x.slice(s![.., self.split..]).to_owned()];
        let steps = self.steps(back).map(|(network, changed)| {
            let (half, trace) = self.step(network, halves[changed].view(), halves[1 - changed].view(), back);
            halves[changed] = half;
            trace
        });
        let y = concatenate(Axis(1), &[halves[0].view(), halves[1].view()]).expect("the halves are equally high");
        (y, InvertibleTrace { back, steps })
    }

    /// Adds the gradients of the parameters; gives that of the input.
    fn backward(&self, trace: InvertibleTrace<S>, d: ArrayView2<'_, S>, gradients: &mut Gradients<S>) -> Array2<S> {
        let InvertibleTrace { back, steps } = trace;
        let mut halves = [d.slice(s![.., ..self.split]).to_owned(), d.slice(s![.., self.split..]).to_owned()];
        for ((network, changed), trace) in self.steps(back).into_iter().zip(steps).rev() {
            let (d_changed, d_read) = step_backward(network, trace, halves[changed].view(), back, gradients);
            halves[changed] = d_changed;
            halves[1 - changed] += &d_read;
        }
        concatenate(Axis(1), &[halves[0].view(), halves[1].view()]).expect("the halves are equally high")
    }

    /// In which order which network changes which half.
    fn steps(&self, back: bool) -> [(&Network<S>, usize); 2] {
        if back { [(&self.second, 1), (&self.first, 0)] } else { [(&self.first, 0), (&self.second, 1)] }
    }

    fn step(
        &self,
        network: &Network<S>,
        x: ArrayView2<'_, S>,
        read: ArrayView2<'_, S>,
        back: bool,
    ) -> (Array2<S>, StepTrace<S>) {
        let (out, h, a) = network.forward(read);
        let z = read.to_owned();
        if self.coupling == Coupling::Nice {
            let y = if back { &x - &out } else { &x + &out };
            return (y, StepTrace { z, h, a, glow: None });
        }
        let (s, t) = out.view().split_at(Axis(1), x.ncols());
        let sign = if back { -1.0 } else { 1.0 };
        let scale = s.mapv(|s| S::from_f64((sign * STEEPNESS * CLAMP * (s.to_f64() / CLAMP).atan()).exp()));
        let (y, along) = if back {
            let y = (&x - &t) * &scale;
            let along = y.mapv(|y| -y);
            (y, along)
        } else {
            let along = &x * &scale;
            (&along + &t, along)
        };
        let s = s.to_owned();
        (y, StepTrace { z, h, a, glow: Some(GlowTrace { s, scale, along }) })
    }

    /// The names of the two networks in AdapterHub.
    fn names(&self) -> [&'static str; 2] {
        match self.coupling {
            Coupling::Nice => ["F", "G"],
            Coupling::Glow => ["s2", "s1"],
        }
    }
}

/// From the gradient of a step's result to those of the half that it changed and of the half that it read.
fn step_backward<S: Scalar>(
    network: &Network<S>,
    trace: StepTrace<S>,
    d: ArrayView2<'_, S>,
    back: bool,
    gradients: &mut Gradients<S>,
) -> (Array2<S>, Array2<S>) {
    let StepTrace { z, h, a, glow } = trace;
    let signed = |d: Array2<S>| if back { -d } else { d };
    let (d_x, d_out) = match glow {
        None => (d.to_owned(), signed(d.to_owned())),
        Some(GlowTrace { s, scale, along }) => {
            let slope = |s: S| S::from_f64(STEEPNESS / (1.0 + (s.to_f64() / CLAMP).powi(2)));
            let d_s = &d * &along * s.mapv(slope);
            let d_x = &d * &scale;
            let d_t = if back { d_x.mapv(|d| -d) } else { d.to_owned() };
            (d_x, concatenate(Axis(1), &[d_s.view(), d_t.view()]).expect("equally high"))
        }
    };
    (d_x, network.backward(z.view(), h, a, d_out, gradients))
}

impl<S: Scalar> Network<S> {
    /// The output, `h` and `φ(h)`.
    fn forward(&self, z: ArrayView2<'_, S>) -> (Array2<S>, Array2<S>, Array2<S>) {
        let h = self.down.forward(z);
        let a = self.activation.apply(h.view());
        (self.up.forward(a.view()), h, a)
    }

    fn backward(
        &self,
        z: ArrayView2<'_, S>,
        h: Array2<S>,
        a: Array2<S>,
        d_out: Array2<S>,
        gradients: &mut Gradients<S>,
    ) -> Array2<S> {
        self.up.parameters_backward(a.view(), d_out.view(), gradients);
        let d_h = self.activation.backward(h.view(), self.up.input_backward(d_out.view()));
        self.down.parameters_backward(z, d_h.view(), gradients);
        self.down.input_backward(d_h.view())
    }
}

impl<S: Scalar> SequenceModule<S> for Invertible<S> {
    fn forward<'a>(&'a self, input: SequenceInput<'a, S>) -> SequenceOutput<'a, S> {
        let SequenceInput { tokens, layout, pass, wants_tokens, .. } = input;
        let keep = pass.gradients() && (self.any_trains() || wants_tokens);
        let (tokens, trace) = self.forward(tokens.view(), false);
        let backward = keep.then(|| -> SequenceBackward<'a, S> {
            Box::new(move |d, gradients| {
                let d = self.backward(trace, d.view(), gradients);
                wants_tokens.then_some(d)
            })
        });
        SequenceOutput { tokens, layout, backward }
    }

    fn properties(&self, _: SequencePoint) -> Properties {
        Properties { token_wise: true, causal: true, may_be_followed: true, needs_plain_weight: false }
    }
}

impl<S: Scalar> Module<S> for Invertible<S> {
    fn sequence(&self) -> Option<&dyn SequenceModule<S>> {
        Some(self)
    }
    fn inverse(&self) -> Option<&dyn InverseModule<S>> {
        Some(self)
    }
}

impl<S: Scalar> InverseModule<S> for Invertible<S> {
    fn inverse<'a>(&'a self, y: ArrayView2<'_, S>) -> (Array2<S>, InverseBackward<'a, S>) {
        let (x, trace) = self.forward(y, true);
        (x, Box::new(move |d, gradients| self.backward(trace, d, gradients)))
    }
}

impl<S: Scalar> Parameters<S> for Invertible<S> {
    fn list<'a>(&'a self, name: &str, all: &mut Named<'a, S>) {
        let names = self.names();
        self.first.list(&join(name, names[0]), all);
        self.second.list(&join(name, names[1]), all);
    }
    fn list_mut<'a>(&'a mut self, name: &str, all: &mut NamedMut<'a, S>) {
        let names = self.names();
        self.first.list_mut(&join(name, names[0]), all);
        self.second.list_mut(&join(name, names[1]), all);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use adaptune_tensor::AnyParameter;
    use adaptune_test_support::largest_difference;

    #[test]
    fn what_goes_forth_comes_back() {
        for (coupling, hidden) in [(Coupling::Nice, 7), (Coupling::Glow, 7), (Coupling::Glow, 4)] {
            let mut module = Invertible::<f64>::new(coupling, hidden, 1.5, Activation::Gelu, false, Seed::new(1));
            let enlarge = |p: &mut dyn AnyParameter<f64>| p.values_mut().iter_mut().for_each(|v| *v = 40.0 * *v + 0.3);
            module.parameters_mut().into_iter().for_each(|(_, p)| enlarge(p));
            let x: Array2<f64> = init::normal((5, hidden), 1.0, Seed::new(2));
            let y = module.forward(x.view(), false).0;
            let off = |a: &Array2<f64>| largest_difference(a.clone(), x.clone());
            assert!(off(&y) > 0.5, "{coupling:?} does something");
            assert!(off(&module.forward(y.view(), true).0) < 1e-12, "{coupling:?} of {hidden}");
        }
    }
}
