//! A choice among modules in a linear layer.

use super::gates::Share;
use super::node::Route;
use super::rows::Sum;
use adaptune_tensor::{Gradients, Scalar, copied};
use adaptune_transformer::{
    Accumulator, Insertions, LinearBackward, LinearInput, LinearModule, LinearPoint, Properties, SharedOutput,
};
use ndarray::{ArcArray2, Array2, ArrayView2, Axis, Zip};

/// Places of the parts' random draws, behind that of the layer.
const PARTS: u64 = 2;
/// Place of the router's random draws, behind those of the parts.
const ROUTER: u64 = u64::MAX;

/// What one part adds for its share of the tokens, `u: [t, Out]`, and its backward pass if it has one; what it begins with is shared,
/// so that its gradient comes back.
struct Expert<'a, S> {
    u: Array2<S>,
    y_0: SharedOutput<S>,
    backward: Option<LinearBackward<'a, S>>,
}

impl<S: Scalar, P: Insertions<S> + Send> LinearModule<S> for Route<S, P> {
    fn forward<'a>(&'a self, input: LinearInput<'a, S>) -> (Array2<S>, Option<LinearBackward<'a, S>>) {
        let router = self.router().layer(input.point).expect("a router has a layer wherever its parts have modules");
        let (y_0, base) = input.layer(&input.x, input.wants_input);
        let (tokens, wants_input) = (input.layout.tokens(), input.wants_input);
        let (shares, choice) = router.forward(&input.x, &input.layout, input.pass.at(ROUTER), wants_input);
        let y_0 = y_0.into_shared();
        let parts = self.parts().iter().zip(&shares).enumerate();
        let experts: Vec<_> =
            parts.map(|(i, (part, share))| expert(i as u64, part, share, &input, &y_0, base.is_some())).collect();
        let mut y = y_0.into_owned();
        for (expert, share) in experts.iter().zip(&shares) {
            if let Some(expert) = expert {
                share.rows.add_scaled(&expert.u, &share.weights, &mut y);
            }
        }
        let trains = experts.iter().flatten().any(|expert| expert.backward.is_some());
        let wanted = trains || choice.is_some() || base.is_some();
        let backward = move |d_y: ArrayView2<'_, S>, gradients: &mut Gradients<S>, d_x: &mut Accumulator<S>| {
            let (d_y_0, d_weights) =
                experts_backward(experts, &shares, d_y, (tokens, choice.is_some()), gradients, d_x);
            if let Some(choice) = choice {
                d_x.add_some(router.backward(choice, &d_weights, &shares, wants_input, gradients));
            }
            if let Some(base) = base {
                base(d_y_0.view(), gradients, d_x);
            }
        };
        (y, wanted.then(|| -> LinearBackward<'a, S> { Box::new(backward) }))
    }

    fn properties(&self, point: LinearPoint) -> Properties {
        let modules = self.parts().iter().filter_map(|part| part.linear(point));
        self.routed(Properties::all(modules.map(|module| module.properties(point))))
    }
}

/// Part number `i` for its share of the tokens, if it has a module there and any tokens.
fn expert<'a, S: Scalar, P: Insertions<S>>(
    i: u64,
    part: &'a P,
    Share { rows, .. }: &Share<S>,
    input: &LinearInput<'a, S>,
    y_0: &ArcArray2<S>,
    wants_base: bool,
) -> Option<Expert<'a, S>> {
    let module = part.linear(input.point).filter(|_| !rows.is_empty())?;
    let (x, start) = (rows.take(&input.x), rows.take(y_0));
    let y_0 = SharedOutput::new(input.below.len(), x.clone(), start.clone(), wants_base);
    let (below, layout) = (input.below.clone(), rows.layout(&input.layout));
    let (shared, pass) = (Some(y_0.clone()), input.pass.at(PARTS + i));
    let (mut u, backward) = module.forward(LinearInput { x, below, shared, layout, pass, ..*input });
    u -= &start;
    Some(Expert { u, y_0, backward })
}

/// The gradient of what the layer gives, and those of the weights, for each part those of its tokens, if they are wanted; adds what
/// reaches the input through the parts.
fn experts_backward<S: Scalar>(
    experts: Vec<Option<Expert<'_, S>>>,
    shares: &[Share<S>],
    d_y: ArrayView2<'_, S>,
    (tokens, wants_weights): (usize, bool),
    gradients: &mut Gradients<S>,
    d_x: &mut Accumulator<S>,
) -> (Array2<S>, Vec<Vec<S>>) {
    let d_y = copied(&d_y).into_shared();
    let (mut d_y_0, mut through, mut d_weights) = (d_y.to_owned(), Sum::new(tokens), Vec::new());
    for (expert, Share { rows, weights }) in experts.into_iter().zip(shares) {
        let mut d_weight = Vec::new();
        if let Some(Expert { u, y_0, backward }) = expert {
            let mut d = rows.take(&d_y).into_owned();
            if wants_weights {
                d_weight = Zip::from(d.rows()).and(u.rows()).map_collect(|d, u| d.dot(&u)).to_vec();
            }
            if let Some(backward) = backward {
                d.axis_iter_mut(Axis(0)).zip(weights).for_each(|(mut d, weight)| d *= *weight);
                let mut own = Accumulator::new();
                backward(d.view(), gradients, &mut own);
                through.add(rows, own.into_sum());
                if let Some(start) = y_0.into_gradient() {
                    rows.add(&(start - d), &mut d_y_0);
                }
            }
        }
        d_weights.push(d_weight);
    }
    d_x.add_some(through.into_sum());
    (d_y_0, d_weights)
}
