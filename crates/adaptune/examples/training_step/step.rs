//! Two steps of an adapter in double precision, so that every machine prints the same digits.

use super::support::{Outcome, Studio};
use adaptune::adapters::objective::Classification;
use adaptune::adapters::{Adapter, AdapterModel, Head, HeadConfig, Method, Task};
use adaptune::tensor::{Gradients, Parameters, Seed, softmax};
use adaptune::train::{Optimiser, OptimiserConfig, Trainable, clip_by_global_norm};
use adaptune::transformer::{Batch, Pass};
use adaptune::world::{self, Language, Split};

const METHOD: &str = "seq_bn[reduction_factor=4]";
const RATE: f64 = 1e-3;
const LARGEST_NORM: f64 = 1.0;
const TEXTS: usize = 4;
/// The parts of a bottleneck, in the order in which backward comes to them.
const PARTS: [&str; 4] = ["up.weight", "up.bias", "down.weight", "down.bias"];

/// A model and the batch that it learns from.
struct Step {
    model: AdapterModel<f64>,
    batch: Batch,
    classes: Vec<usize>,
}

pub(super) fn run() -> Outcome<()> {
    let mut step = Step::new()?;
    let config = OptimiserConfig::adamw(0.01);
    let mut optimiser = Optimiser::new(config, &step.model.parameters())?;
    step.forward("forward")?;
    let gradients = step.gradients("gradients")?;
    let clipped = clip(gradients);
    step.update(&mut optimiser, &clipped)?;
    step.forward("forward-again")?;
    step.gradients("gradients-again")?;
    Ok(())
}

impl Step {
    fn new() -> Outcome<Self> {
        let (studio, base) = (Studio::open()?, Studio::base_in::<f64>()?);
        let task = world::Task::Sentiment;
        println!("[texts]");
        let (mut ids, mut classes) = (Vec::new(), Vec::new());
        for example in studio.world.examples(task, Language::A, Split::Train).into_iter().take(TEXTS) {
            let (text, label) = match example {
                world::Example::Text { text, label } | world::Example::Review { text, label, .. } => (text, label),
                _ => return Err("a review has one text".into()),
            };
            println!("{label:<10}{text}");
            ids.push(studio.ids(&text)?);
            classes.push(task.labels().iter().position(|known| *known == label).ok_or("an unknown label")?);
        }
        let method: Method = METHOD.parse()?;
        let adapter = Adapter::new("sentiment", &method, base.config(), Seed::new(1))?;
        let labels = task.labels().iter().map(|label| (*label).to_owned()).collect();
        let head = HeadConfig::new(Task::CLASSIFICATION, labels);
        let head = Head::new("sentiment", &head, &base, Seed::new(2))?;
        let views: Vec<&[u32]> = ids.iter().map(Vec::as_slice).collect();
        Ok(Self { batch: Batch::from_ids(&views), classes, model: AdapterModel::new(base, Some(adapter), head) })
    }

    fn forward(&self, part: &str) -> Outcome<()> {
        println!("\n[{part}]\ntext    logits               p(right)      loss");
        let logits = self.model.logits(&self.batch)?;
        let p = softmax(logits.clone());
        let mut sum = 0.0;
        for (text, (logits, class)) in logits.rows().into_iter().zip(&self.classes).enumerate() {
            let right = p[[text, *class]];
            sum -= right.ln();
            let numbers: String = logits.iter().map(|logit| format!("{logit:>10.4}")).collect();
            println!("{:<4}{numbers} {right:>13.4} {:>9.4}", text + 1, -right.ln());
        }
        println!("mean{:>44.4}", sum / self.classes.len() as f64);
        Ok(())
    }

    /// The length of each gradient, block by block.
    fn gradients(&self, part: &str) -> Outcome<Gradients<f64>> {
        let (objective, mut gradients) = (Classification(self.classes.clone()), Gradients::new());
        let weight = 1.0 / self.classes.len() as f64; // the loss is a mean
        self.model.loss_and_gradients(&self.batch, &objective, weight, Pass::differentiate(), &mut gradients)?;
        println!("\n[{part}]\n          {}", PARTS.map(|part| format!("{part:>14}")).concat());
        let length = |wanted: &dyn Fn(&str) -> bool| -> f64 {
            let named = self.model.parameters().into_iter().filter(|(name, _)| wanted(name));
            let found = named.filter_map(|(_, parameter)| gradients.get(parameter.slot()?));
            found.map(|gradient| gradient.iter().map(|d| d * d).sum::<f64>()).sum::<f64>().sqrt()
        };
        for layer in (0..self.model.base().config().layers).rev() {
            let of_block = format!("layer.{layer}.");
            let lengths = PARTS.map(|part| length(&|name| name.contains(&of_block) && name.ends_with(part)));
            println!("block {layer}   {}", lengths.map(|length| format!("{length:>14.5}")).concat());
        }
        println!("head      {:>14.5}", length(&|name| name.starts_with("head")));
        println!("all       {:>14.5}", gradients.norm());
        Ok(gradients)
    }

    fn update(&mut self, optimiser: &mut Optimiser<f64>, gradients: &Gradients<f64>) -> Outcome<()> {
        let watched = |name: &str| name.contains("layer.3.") && name.ends_with("up.weight");
        let value = |model: &AdapterModel<f64>| -> Outcome<(f64, f64)> {
            let parameters = model.parameters();
            let (_, parameter) = parameters.iter().find(|(name, _)| watched(name)).ok_or("the adapter has it")?;
            let gradient = gradients.get(parameter.slot().ok_or("it trains")?).ok_or("it has a gradient")?;
            Ok((parameter.values()[0], gradient[[0, 0]]))
        };
        let (before, g) = value(&self.model)?;
        let mut trainable: Vec<_> = self
            .model
            .parameters_mut()
            .into_iter()
            .map(|(name, parameter)| Trainable::new(name, parameter, RATE))
            .collect();
        optimiser.step(&mut trainable, gradients);
        let (after, _) = value(&self.model)?;
        print_update(before, g, after);
        Ok(())
    }
}

fn clip(mut gradients: Gradients<f64>) -> Gradients<f64> {
    println!("\n[clip]");
    let norm = clip_by_global_norm(&mut gradients, LARGEST_NORM);
    println!("length of all gradients together   {norm:>9.5}");
    println!("the most that is allowed           {LARGEST_NORM:>9.5}");
    println!("length afterwards                  {:>9.5}", gradients.norm());
    gradients
}

/// The first step of AdamW, by its formulas, beside what the optimiser did.
fn print_update(before: f64, g: f64, after: f64) {
    let (beta1, beta2, epsilon) = (0.9, 0.999, 1e-8);
    let (m, v) = ((1.0 - beta1) * g, (1.0 - beta2) * g * g);
    let (mean, square) = (m / (1.0 - beta1), v / (1.0 - beta2));
    let expected = before * (1.0 - RATE * 0.01) - RATE * mean / (square.sqrt() + epsilon);
    assert!((after - expected).abs() < 1e-12, "{after} and {expected}");
    println!("\n[update]");
    for (name, value) in [("g", g), ("m", m), ("v", v), ("m / (1 − β₁)", mean), ("v / (1 − β₂)", square)] {
        println!("{name:<14}{value:>14.4e}");
    }
    println!("before        {before:>14.4e}\nafter         {after:>14.4e}");
}
