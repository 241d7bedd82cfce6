//! A choice among modules at the end of a sublayer.

use super::gates::Share;
use super::node::Route;
use super::rows::Sum;
use crate::compose::changes::{Changes, MixedGradient};
use crate::compose::query::Query;
use adaptune_tensor::{Gradients, Scalar};
use adaptune_transformer::{
    Gives, Insertions, Properties, Reads, SharedNext, SublayerBackward, SublayerInput, SublayerModule, SublayerPoint,
};
use ndarray::{Array2, Axis, Zip};
use rayon::prelude::*;

/// Place of the router's random draws, behind those of the parts.
const ROUTER: u64 = u64::MAX;

/// What one part changes for its share of the tokens, `c: [t, D]`, and its backward pass if it has one.
struct Expert<'a, S> {
    c: Array2<S>,
    backward: Option<SublayerBackward<'a, S>>,
}

impl<S: Scalar, P: Insertions<S> + Send> SublayerModule<S> for Route<S, P> {
    fn forward<'a>(&'a self, mut input: SublayerInput<'a, S>) -> (Array2<S>, Option<SublayerBackward<'a, S>>) {
        let layer = self.router().layer(input.point).expect("a router has a layer wherever its parts have modules");
        let own = input.next.is_none().then(|| SharedNext::new(input.pass.gradients()));
        input.next = own.clone().or(input.next);
        let reads = SublayerModule::reads(self, input.point).unwrap_or(Reads::Output);
        let query = Query::of(&input, reads);
        let wants_query = query.wants_gradient(&input);
        let pass = input.pass.at(ROUTER);
        let (shares, choice) = layer.forward(&query.x(), &input.layout, pass, wants_query);
        let parts: Vec<_> = self.parts().iter().zip(&shares).enumerate().collect();
        let of = |(i, (part, share))| expert(i as u64, part, share, &input);
        let experts: Vec<_> = parts.into_par_iter().map(of).collect();
        let c = mixed(&experts, &shares, input.output.dim());
        let trains = experts.iter().flatten().any(|expert| expert.backward.is_some());
        let keep = input.wants_backward(choice.is_some() || trains);
        let tokens = input.layout.tokens();
        let backward = move |d_c: Array2<S>, gradients: &mut Gradients<S>| {
            let (mut mixed, d_weights) = experts_backward(experts, &shares, d_c, tokens, choice.is_some(), gradients);
            if let Some(choice) = choice {
                let d_x = layer.backward(choice, &d_weights, &shares, wants_query, gradients);
                query.backward(d_x, &mut mixed, gradients);
            }
            mixed
        };
        Changes::mixed_alone(own).end(c, backward, input, keep)
    }

    fn properties(&self, point: SublayerPoint) -> Properties {
        let modules = self.parts().iter().filter_map(|part| part.sublayer(point));
        self.routed(Properties::all(modules.map(|module| module.properties(point))))
    }

    fn reads(&self, point: SublayerPoint) -> Option<Reads> {
        Reads::of_all(self.parts().iter().filter_map(|part| part.sublayer(point)).map(|module| module.reads(point)))
    }
}

/// Part number `i` for its share of the tokens, if it has a module there and any tokens.
fn expert<'a, S: Scalar, P: Insertions<S>>(
    i: u64,
    part: &'a P,
    Share { rows, .. }: &Share<S>,
    input: &SublayerInput<'a, S>,
) -> Option<Expert<'a, S>> {
    let module = part.sublayer(input.point).filter(|_| !rows.is_empty())?;
    let (c, backward) = module.forward(SublayerInput {
        output: rows.take(&input.output),
        residual: rows.take(&input.residual),
        next: input.next.clone().filter(|_| rows.are_all()),
        layout: rows.layout(&input.layout),
        pass: input.pass.at(i),
        gives: Gives::Change,
        ..*input
    });
    Some(Expert { c, backward })
}

/// `Σ_i g_i c_i`, `[T, D]`.
fn mixed<S: Scalar>(experts: &[Option<Expert<'_, S>>], shares: &[Share<S>], dim: (usize, usize)) -> Array2<S> {
    let mut sum = Array2::zeros(dim);
    for (expert, share) in experts.iter().zip(shares) {
        if let Some(expert) = expert {
            share.rows.add_scaled(&expert.c, &share.weights, &mut sum);
        }
    }
    sum
}

/// The gradients of what the parts read, and those of the weights, for each part those of its tokens, if they are wanted.
fn experts_backward<S: Scalar>(
    experts: Vec<Option<Expert<'_, S>>>,
    shares: &[Share<S>],
    d_c: Array2<S>,
    tokens: usize,
    wants_weights: bool,
    gradients: &mut Gradients<S>,
) -> (MixedGradient<S>, Vec<Vec<S>>) {
    let (mut d_output, mut d_residual, mut d_weights) = (Sum::new(tokens), Sum::new(tokens), Vec::new());
    let d_c = d_c.into_shared();
    for (expert, Share { rows, weights }) in experts.into_iter().zip(shares) {
        let mut d_weight = Vec::new();
        if let Some(Expert { c, backward }) = expert {
            let mut d = rows.take(&d_c).into_owned();
            if wants_weights {
                d_weight = Zip::from(d.rows()).and(c.rows()).map_collect(|d, c| d.dot(&c)).to_vec();
            }
            if let Some(backward) = backward {
                d.axis_iter_mut(Axis(0)).zip(weights).for_each(|(mut d, weight)| d *= *weight);
                let d = backward(d, gradients);
                d_output.add(rows, d.d_output);
                d_residual.add(rows, d.d_residual);
            }
        }
        d_weights.push(d_weight);
    }
    let mut mixed = MixedGradient::of_parts(Vec::new());
    mixed.output.add_some(d_output.into_sum());
    mixed.residual.add_some(d_residual.into_sum());
    (mixed, d_weights)
}
