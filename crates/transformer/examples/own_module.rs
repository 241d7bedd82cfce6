//! A user-defined module in a frozen encoder: a trainable scale on the output of each attention.
//!
//! ```sh
//! cargo run --package adaptune-transformer --example own_module
//! ```
//!
//! Someone has hidden scales in a model. With nothing but the model's hidden states, gradient descent finds them again.

use adaptune_tensor::{Gradients, Kind, Parameter, Parameters, Scalar, Seed, init, parameters};
use adaptune_transformer::ndarray::{Array1, Array2, Axis, Ix1};
use adaptune_transformer::{
    Batch, BatchError, Config, Encoder, Insertions, Pass, Properties, Reads, Sublayer, SublayerBackward,
    SublayerGradient, SublayerInput, SublayerModule, SublayerPoint,
};

/// `y = join(s ∘ o, r)`, in a post-norm block `norm(s ∘ o + r)`, with the attention's output `o`, its residual input `r`, and a trainable `s: [D]`.
struct Scale<S> {
    scale: Parameter<S, Ix1>,
}

parameters!(Scale { "scale" => scale });

impl<S: Scalar> SublayerModule<S> for Scale<S> {
    fn forward<'a>(&'a self, input: SublayerInput<'a, S>) -> (Array2<S>, Option<SublayerBackward<'a, S>>) {
        let keep = input.wants_backward(self.scale.trains());
        let SublayerInput { output: o, residual: r, join, wants_output, wants_residual, .. } = input;
        let (y, trace) = join.forward(&o * &self.scale.view(), &r, keep);
        // Without a trace nothing below wants a gradient either, and the encoder's backward pass ends above.
        let backward = trace.map(|trace| -> SublayerBackward<'a, S> {
            Box::new(move |d_y, gradients| {
                let (d_z, d_residual) = join.backward(&trace, d_y, wants_residual, gradients); // of z = s ∘ o, and of r
                if self.scale.trains() {
                    gradients.add(&self.scale, (&d_z * &o).sum_axis(Axis(0)));
                }
                SublayerGradient { d_output: wants_output.then(|| &d_z * &self.scale.view()), d_residual }
            })
        });
        (y, backward)
    }

    fn properties(&self, _: SublayerPoint) -> Properties {
        Properties { token_wise: true, causal: true, may_be_followed: false, needs_plain_weight: false }
    }

    /// It multiplies, and does not add.
    fn reads(&self, _: SublayerPoint) -> Option<Reads> {
        None
    }
}

/// One scale for each block.
struct Scales<S> {
    blocks: Vec<Scale<S>>,
}

parameters!(Scales { "blocks" => blocks });

impl<S: Scalar> Scales<S> {
    /// Scales around 1 with this deviation; with 0 they change nothing.
    fn random(config: &Config, deviation: f64, seed: Seed) -> Self {
        let draw = |block: usize| -> Array1<S> {
            init::normal((1, config.hidden), deviation, seed.at(block as u64)).index_axis_move(Axis(0), 0) + S::one()
        };
        let scale = |block| Scale { scale: Parameter::new(Kind::Weight, draw(block)) };
        Self { blocks: (0..config.layers).map(scale).collect() }
    }
}

impl<S: Scalar> Insertions<S> for Scales<S> {
    fn sublayer(&self, point: SublayerPoint) -> Option<&dyn SublayerModule<S>> {
        match point.sublayer {
            Sublayer::Attention => self.blocks.get(point.layer).map(|module| module as _),
            Sublayer::FeedForward => None,
        }
    }
}

fn main() -> Result<(), BatchError> {
    let base = Encoder::<f32>::random(Config::bert(16, 3, 4, 32), 0.3, Seed::new(1));
    let batch = random_batch(base.config());
    let hidden = |scales: &dyn Insertions<f32>| base.forward(&batch, scales, Pass::evaluate()).map(|e| e.hidden);

    let mut scales = Scales::random(base.config(), 0.0, Seed::new(0));
    assert_eq!(hidden(&scales)?, hidden(&())?);
    println!("{} scales of 1 leave every bit of the hidden states as it was", scales.parameter_count());
    println!("{} frozen numbers in the base\n", base.parameter_count());

    let secret = Scales::random(base.config(), 0.3, Seed::new(2));
    let wanted = hidden(&secret)?;
    scales.train_from(0);
    println!("step   mean squared error");
    for step in 0..=1200 {
        let (loss, gradients) = loss_and_gradients(&base, &batch, &scales, &wanted)?;
        if step % 200 == 0 {
            println!("{step:>4}   {loss:.1e}");
        }
        descend(&mut scales, &gradients, 4.0);
    }
    println!("\nblock 0, the first scales: hidden {:.2?}", &secret.parameters()[0].1.values()[..5]);
    println!("                            found {:.2?}", &scales.parameters()[0].1.values()[..5]);
    backward_ends_early(&base, &batch, &mut scales)
}

/// Sequences of 1 to 12 random tokens.
fn random_batch(config: &Config) -> Batch {
    let id = |sequence: u64, i| (Seed::new(3).at(sequence).bits(i) % config.vocabulary as u64) as u32;
    let sequences: Vec<Vec<u32>> = (0..12).map(|sequence| (0..=sequence).map(|i| id(sequence, i)).collect()).collect();
    Batch::from_ids(&sequences.iter().map(Vec::as_slice).collect::<Vec<_>>())
}

/// The mean squared error of the hidden states, `[T, D]`, and its gradients.
fn loss_and_gradients(
    base: &Encoder<f32>,
    batch: &Batch,
    scales: &Scales<f32>,
    wanted: &Array2<f32>,
) -> Result<(f32, Gradients<f32>), BatchError> {
    let encoded = base.forward(batch, scales, Pass::differentiate())?;
    let error = &encoded.hidden - wanted;
    let count = error.len() as f32;
    let mut gradients = Gradients::new();
    encoded.trace.backward(&error * (2.0 / count), &mut gradients);
    Ok(((&error * &error).sum() / count, gradients))
}

fn descend(scales: &mut Scales<f32>, gradients: &Gradients<f32>, rate: f32) {
    for (_, parameter) in scales.parameters_mut() {
        let Some(d) = parameter.slot().and_then(|slot| gradients.get(slot)) else { continue };
        parameter.values_mut().iter_mut().zip(d).for_each(|(value, d)| *value -= rate * d);
    }
}

/// What does not train costs no backward pass.
fn backward_ends_early(base: &Encoder<f32>, batch: &Batch, scales: &mut Scales<f32>) -> Result<(), BatchError> {
    println!();
    for frozen in 0..=3 {
        scales.train_from(0);
        scales.blocks[..frozen].iter_mut().for_each(Parameters::freeze);
        let encoded = base.forward(batch, &*scales, Pass::differentiate())?;
        println!("scales of {frozen} blocks frozen: backward goes through {} of 3 blocks", encoded.trace.len());
        assert_eq!(encoded.trace.len(), 3 - frozen);
    }
    Ok(())
}
