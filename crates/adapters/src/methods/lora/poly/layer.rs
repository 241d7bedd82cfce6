//! Polytropon at one layer (E. Ponti et al., EACL 2023, [arXiv:2202.13914](https://arxiv.org/abs/2202.13914)).
//!
//! `K` skills are pairs of low-rank matrices that all tasks share, and each task has a logit for each of them: whether it has that skill. In training it
//! has some of it by chance, as a relaxed Bernoulli variable says (C. Maddison et al., ICLR 2017); `u_k` is uniform in (0, 1), drawn for each task, layer
//! and batch. In use it is what is likely:
//!
//! ```text
//! z_k = σ(w_k + ln u_k − ln(1 − u_k))     in training
//! z_k = σ(w_k)                            in use
//! p   = z / Σ_j z_j                       [K]
//! Ā   = Σ_k p_k A_k,  B̄ = Σ_k p_k B_k     [R, In], [Out, R]
//! y   = x Wᵀ + b + s (x' Āᵀ) B̄ᵀ           x' = dropout(x), s = α/R (rsLoRA: α/√R)
//! ```
//!
//! It is the matrices that are averaged, each by itself, so that a token costs what LoRA's does, and what a task has at the end is a LoRA. Every
//! layer has logits of its own, as in PEFT (`PolyConfig` with one split); its scale is `1/R`, that of `alpha=1` here.
//!
//! # Gradients
//!
//! ```text
//! d_Ā, d_B̄                                as those of LoRA
//! d_A_k = p_k d_Ā     d_B_k = p_k d_B̄     d_p_k = ⟨d_Ā, A_k⟩ + ⟨d_B̄, B_k⟩
//! d_z_k = (d_p_k − Σ_j p_j d_p_j) / Σ_j z_j
//! d_w_k = z_k (1 − z_k) d_z_k
//! ```

use super::config::PolytroponConfig;
use crate::methods::lora::config::LoraConfig;
use crate::methods::lora::input::Input;
use crate::methods::lora::lora::Lora;
use adaptune_tensor::{
    Gradients, Kind, Parameter, Parameters, Scalar, Seed, linear, linear_input_backward, linear_weight_backward,
    matmul_into, parameters, sigmoid,
};
use adaptune_transformer::{LinearBackward, LinearInput, Pass};
use ndarray::{Array1, Array2, Array3, ArrayView2, ArrayView3, Axis, Ix1, Ix3};

/// Logits of a new task are drawn from ± this: with equal ones in every task, all tasks would have equal gradients for skills.
const SPREAD: f64 = 1e-3;
/// How near to 0 and 1 a draw comes, so that its logarithm is finite.
const EDGE: f64 = 1e-6;
/// The place of the draws of skills in a pass, behind those of the layer and of dropout.
const SKILLS: u64 = 3;

/// The skills of one layer, which all tasks share.
#[derive(Clone, Debug)]
pub(crate) struct Skills<S> {
    /// All `A_k`, `[K, R, In]`.
    a: Parameter<S, Ix3>,
    /// All `B_k`, `[K, Out, R]`.
    b: Parameter<S, Ix3>,
    /// What each of them is.
    lora: LoraConfig,
}

parameters!(Skills { "skills.lora_A" => a, "skills.lora_B" => b });

/// Which skills one task has at one layer.
#[derive(Clone, Debug)]
pub(crate) struct Choice<S> {
    /// `w`, `[K]`. It does not decay: 0 is no smaller a skill than any other.
    logits: Parameter<S, Ix1>,
}

parameters!(Choice { "skill_logits" => logits });

/// How much a task has of each skill.
struct Shares<S> {
    /// `[K]`.
    z: Array1<S>,
    p: Array1<S>,
}

impl<S: Scalar> Choice<S> {
    pub(crate) fn new(config: &PolytroponConfig, seed: Seed) -> Self {
        let draws = seed.named("skill_logits");
        let logit = |k: usize| S::from_f64(SPREAD * (2.0 * draws.unit(k as u64) - 1.0));
        Self { logits: Parameter::new(Kind::Frame, (0..config.n_skills).map(logit).collect()) }
    }

    fn shares(&self, pass: Pass) -> Shares<S> {
        let draws = pass.at(SKILLS).seed();
        let noise = |k: usize| match draws {
            None => S::zero(),
            Some(draws) => {
                let u = draws.unit(k as u64).clamp(EDGE, 1.0 - EDGE);
                S::from_f64(u.ln() - (1.0 - u).ln())
            }
        };
        let z: Array1<S> = self.logits.view().iter().enumerate().map(|(k, w)| sigmoid(*w + noise(k))).collect();
        let p = z.mapv(|one| one / z.sum());
        Shares { z, p }
    }

    /// From `d_p` to the gradient of the logits.
    fn backward(&self, Shares { z, p }: &Shares<S>, d_p: Array1<S>, gradients: &mut Gradients<S>) {
        let (mean, sum) = (p.dot(&d_p), z.sum());
        let d = d_p.iter().zip(z).map(|(d, z)| (*d - mean) / sum * *z * (S::one() - *z)).collect::<Array1<S>>();
        gradients.add(&self.logits, d);
    }
}

impl<S: Scalar> Skills<S> {
    /// For a layer of shape `(Out, In)`.
    pub(crate) fn new(shape: (usize, usize), config: &PolytroponConfig, seed: Seed) -> Self {
        let (lora, k) = (&config.lora, config.n_skills);
        let (mut a, mut b) = (Array3::zeros((k, lora.r, shape.1)), Array3::zeros((k, shape.0, lora.r)));
        for (i, (mut a, mut b)) in a.outer_iter_mut().zip(b.outer_iter_mut()).enumerate() {
            let (of_a, of_b) = lora.init_weights.matrices::<S>(shape, lora.r, seed.at(i as u64));
            a.assign(&of_a);
            b.assign(&of_b);
        }
        Self { a: Parameter::new(Kind::Weight, a), b: Parameter::new(Kind::Weight, b), lora: lora.clone() }
    }

    /// The layer with what one task adds to it.
    pub(crate) fn forward<'a>(
        &'a self,
        own: &'a Choice<S>,
        input: LinearInput<'a, S>,
    ) -> (Array2<S>, Option<LinearBackward<'a, S>>) {
        let keep = input.wants_backward(self.any_trains() || own.any_trains());
        let (mut y, layer) = input.layer(&input.x, input.wants_input);
        let keep = keep || layer.is_some();
        let LinearInput { x, pass, wants_input, .. } = input;
        let (dropped, shares) = (Input::new(&x, self.lora.dropout, pass), own.shares(pass));
        let scaling = S::from_f64(self.lora.scaling());
        let (a, b) = (mixed(self.a.view(), &shares.p), mixed(self.b.view(), &shares.p));
        let h = linear(dropped.dropped().view(), a.view(), None);
        matmul_into(scaling, h.view(), b.t(), S::one(), &mut y.view_mut());
        let backward = keep.then(|| -> LinearBackward<'a, S> {
            Box::new(move |d_y, gradients, d_x| {
                layer.into_iter().for_each(|layer| layer(d_y, gradients, d_x));
                let d_u = d_y.mapv(|d| d * scaling);
                let d_h = linear_input_backward(d_u.view(), b.view());
                if self.any_trains() || own.any_trains() {
                    let d_b = linear_weight_backward(h.view(), d_u.view());
                    let d_a = linear_weight_backward(dropped.dropped().view(), d_h.view());
                    self.backward(own, &shares, d_a.view(), d_b.view(), gradients);
                }
                if wants_input {
                    d_x.add(dropped.backward(linear_input_backward(d_h.view(), a.view())));
                }
            })
        });
        (y, backward)
    }

    /// From the gradients of the averages to those of skills and logits.
    fn backward(
        &self,
        own: &Choice<S>,
        shares: &Shares<S>,
        d_a: ArrayView2<'_, S>,
        d_b: ArrayView2<'_, S>,
        gradients: &mut Gradients<S>,
    ) {
        if own.logits.trains() {
            let (all_a, all_b) = (self.a.view(), self.b.view());
            let each = all_a.outer_iter().zip(all_b.outer_iter());
            let d_p = each.map(|(a, b)| (&d_a * &a).sum() + (&d_b * &b).sum()).collect();
            own.backward(shares, d_p, gradients);
        }
        for (skills, d) in [(&self.a, d_a), (&self.b, d_b)] {
            if skills.trains() {
                let mut d_skills = Array3::zeros(skills.view().dim());
                d_skills.outer_iter_mut().zip(&shares.p).for_each(|(mut of_one, p)| of_one.scaled_add(*p, &d));
                gradients.add(skills, d_skills);
            }
        }
    }

    /// The LoRA that a task has at the end.
    pub(crate) fn finished(&self, own: &Choice<S>) -> Lora<S> {
        let Shares { p, .. } = own.shares(Pass::evaluate());
        Lora::of(mixed(self.a.view(), &p), mixed(self.b.view(), &p), &self.lora)
    }
}

/// `Σ_k p_k M_k`.
fn mixed<S: Scalar>(all: ArrayView3<'_, S>, p: &Array1<S>) -> Array2<S> {
    let mut mixed = Array2::zeros((all.len_of(Axis(1)), all.len_of(Axis(2))));
    all.outer_iter().zip(p).for_each(|(one, p)| mixed.scaled_add(*p, &one));
    mixed
}
