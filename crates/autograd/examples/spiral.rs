//! A small network learns to tell the two arms of a spiral apart, and then draws what it learned.
//!
//! ```sh
//! cargo run --release --package adaptune-autograd --example spiral
//! ```
//!
//! Everything is here: the data, the network `[2] → [32] → [32] → [2]`, and Adam (Kingma and Ba, 2015). The tape is
//! what takes the derivatives.

use adaptune_autograd::ndarray::{ArcArray, Array, Array2, Dimension, Ix1, Ix2, Zip};
use adaptune_autograd::tensor::{Activation, Seed, init};
use adaptune_autograd::{BackwardError, Tape, Var};
use std::f32::consts::PI;

const POINTS: usize = 300;
const STEPS: i32 = 300;
const RATE: f32 = 0.01;

fn main() -> Result<(), BackwardError> {
    let (x, arms) = spiral(POINTS, Seed::new(1).named("training"));
    let (new_x, new_arms) = spiral(POINTS, Seed::new(1).named("test"));
    let mut network = Network::random(&[2, 32, 32, 2], Seed::new(2));
    println!("{POINTS} points, {} parameters\n\nstep   loss  accuracy", network.parameter_count());
    for step in 1..=STEPS {
        let loss = network.train_step(&x, &arms, step)?;
        if step == 1 || step % 50 == 0 {
            println!("{step:4}  {loss:.3}  {:7.1} %", 100.0 * network.accuracy(&x, &arms));
        }
    }
    println!("\non {POINTS} new points: {:.1} %\n\n{}", 100.0 * network.accuracy(&new_x, &new_arms), network.picture());
    Ok(())
}

/// Points `[N, 2]` on two arms that wind around each other one and a half times, and which arm each is on.
fn spiral(count: usize, seed: Seed) -> (Array2<f32>, Vec<usize>) {
    let noise: Array2<f32> = init::normal((count, 2), 0.04, seed.named("noise"));
    let arms: Vec<usize> = (0..count).map(|i| i % 2).collect();
    let point = |(i, axis): (usize, usize)| {
        let radius = 0.1 + 0.9 * seed.unit(i as u64) as f32;
        let angle = 3.0 * PI * radius + PI * arms[i] as f32;
        radius * if axis == 0 { angle.cos() } else { angle.sin() } + noise[[i, axis]]
    };
    (Array2::from_shape_fn((count, 2), point), arms)
}

/// Linear layers with GELU between them.
struct Network {
    layers: Vec<Layer>,
}

/// `W: [Out, In]`, `b: [Out]`.
struct Layer {
    weight: Trained<Ix2>,
    bias: Trained<Ix1>,
}

/// The weight and the bias of a layer as the tape sees them, variables or constants.
type OnTape = (Var<f32, Ix2>, Var<f32, Ix1>);

impl Network {
    fn random(widths: &[usize], seed: Seed) -> Self {
        let layer = |(i, width): (usize, &[usize])| Layer {
            weight: Trained::new(init::kaiming_uniform((width[1], width[0]), seed.at(i as u64))),
            bias: Trained::new(Array::zeros(width[1])),
        };
        Self { layers: widths.windows(2).enumerate().map(layer).collect() }
    }

    /// Logits `[N, 2]` of points `x: [N, 2]`.
    fn forward(x: &Array2<f32>, layers: &[OnTape]) -> Var<f32, Ix2> {
        let mut y = Var::constant(x.clone());
        for (i, (weight, bias)) in layers.iter().enumerate() {
            y = y.linear(weight, Some(bias));
            if i + 1 < layers.len() {
                y = y.activate(Activation::Gelu);
            }
        }
        y
    }

    /// One step down the gradient of the mean cross-entropy, which it returns as it was before.
    fn train_step(&mut self, x: &Array2<f32>, arms: &[usize], step: i32) -> Result<f32, BackwardError> {
        let tape = Tape::new();
        let layers: Vec<_> = self.layers.iter().map(|l| (l.weight.on(&tape), l.bias.on(&tape))).collect();
        let targets: Vec<_> = arms.iter().copied().map(Some).collect();
        let loss = Self::forward(x, &layers).cross_entropy(&targets, 1.0 / arms.len() as f32);

        let mut gradients = loss.backward()?;
        for (layer, (weight, bias)) in self.layers.iter_mut().zip(layers) {
            let (d_weight, d_bias) = (gradients.take(&weight), gradients.take(&bias));
            // The variables share the arrays of the network. With them gone, Adam need not copy.
            drop((weight, bias));
            layer.weight.adam_step(d_weight.expect("the loss depends on every layer"), step);
            layer.bias.adam_step(d_bias.expect("the loss depends on every layer"), step);
        }
        Ok(loss.item())
    }

    /// The arm of each point: with constants alone, nothing is recorded.
    fn predict(&self, x: &Array2<f32>) -> Vec<usize> {
        let layers: Vec<_> = self.layers.iter().map(|l| (l.weight.constant(), l.bias.constant())).collect();
        let logits = Self::forward(x, &layers);
        logits.value().rows().into_iter().map(|row| usize::from(row[1] > row[0])).collect()
    }

    fn accuracy(&self, x: &Array2<f32>, arms: &[usize]) -> f32 {
        let right = self.predict(x).iter().zip(arms).filter(|(predicted, arm)| predicted == arm).count();
        right as f32 / arms.len() as f32
    }

    /// The square `±1.2`, one letter for each arm.
    fn picture(&self) -> String {
        let (rows, columns) = (25, 50);
        let coordinate = |i: usize, n: usize| 2.4 * (i as f32 + 0.5) / n as f32 - 1.2;
        let line = |row: usize| {
            let at =
                |(i, axis): (usize, usize)| if axis == 0 { coordinate(i, columns) } else { -coordinate(row, rows) };
            let predicted = self.predict(&Array2::from_shape_fn((columns, 2), at));
            predicted.into_iter().map(|arm| ['.', '#'][arm]).chain(['\n']).collect::<String>()
        };
        (0..rows).map(line).collect()
    }

    fn parameter_count(&self) -> usize {
        self.layers.iter().map(|l| l.weight.value.len() + l.bias.value.len()).sum()
    }
}

/// A parameter with the running means that Adam keeps: of its gradients, and of their squares.
struct Trained<D: Dimension> {
    value: ArcArray<f32, D>,
    mean: Array<f32, D>,
    square: Array<f32, D>,
}

impl<D: Dimension> Trained<D> {
    fn new(value: Array<f32, D>) -> Self {
        let zeros = || Array::zeros(value.raw_dim());
        Self { mean: zeros(), square: zeros(), value: value.into_shared() }
    }

    /// A variable that shares the array.
    fn on(&self, tape: &Tape<f32>) -> Var<f32, D> {
        tape.variable(self.value.clone())
    }

    fn constant(&self) -> Var<f32, D> {
        Var::constant(self.value.clone())
    }

    /// `m ← β₁ m + (1−β₁) g`, `v ← β₂ v + (1−β₂) g²`, `w ← w − rate m̂ / (√v̂ + ε)`, where `m̂` and `v̂` make up for the
    /// zeros that `m` and `v` began with.
    fn adam_step(&mut self, gradient: Array<f32, D>, step: i32) {
        const BETA: (f32, f32) = (0.9, 0.999);
        let (from_mean, from_square) = (1.0 - BETA.0.powi(step), 1.0 - BETA.1.powi(step));
        Zip::from(&mut self.value).and(&mut self.mean).and(&mut self.square).and(&gradient).for_each(|w, m, v, g| {
            *m = BETA.0 * *m + (1.0 - BETA.0) * g;
            *v = BETA.1 * *v + (1.0 - BETA.1) * g * g;
            *w -= RATE * (*m / from_mean) / ((*v / from_square).sqrt() + 1e-8);
        });
    }
}
