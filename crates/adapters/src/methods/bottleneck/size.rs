//! How many numbers bottlenecks take.

use super::config::BottleneckConfig;
use super::invertible::Coupling;
use super::layer::{BottleneckShape, Scaling};
use super::phm::config::PhmConfig;
use super::width::reduced;
use crate::core::error::MethodError;
use crate::core::point::Point;
use crate::core::size::{PointSize, Size, linear, product, sum};
use adaptune_transformer::{Config, SequencePoint};

impl BottleneckConfig {
    pub(super) fn computed_size(&self, model: &Config) -> Result<Size, MethodError> {
        let bottlenecks = self.bottlenecks(model)?;
        let mut points = Vec::with_capacity(bottlenecks.len() + 2);
        points.extend(self.invertible().map(|(coupling, factor)| invertible(coupling, model.embedded_width(), factor)));
        points.extend(bottlenecks.first().filter(|_| self.phm_layer).map(|(_, shape)| shared(&self.phm, shape)));
        points.extend(bottlenecks.iter().map(|(point, shape)| self.one(Point::from(*point), shape)));
        Ok(Size::of(points))
    }

    fn one(&self, point: Point, shape: &BottleneckShape) -> PointSize {
        let BottleneckShape { hidden, bottleneck, scaling, norm_before, gated, phm, .. } = shape;
        let [down, up] = [(*hidden, *bottleneck), (*bottleneck, *hidden)].map(|(input, output)| match phm {
            None => (linear(output, input, true), 0),
            Some(phm) => of_side(phm, input, output),
        });
        let scaling = match scaling {
            Scaling::Fixed(_) => 0,
            Scaling::Learned => 1,
            Scaling::Channel => *hidden as u64,
        };
        let norms = product(&[2 * (usize::from(*norm_before) + usize::from(self.ln_after)), *hidden]);
        let gate = if *gated { linear(1, *hidden, true) } else { 0 };
        PointSize::trained(point, sum([down.0, up.0, scaling, norms, gate])).with_constants(sum([down.1, up.1]))
    }
}

/// A layer's own numbers: those that train, and those that do not.
fn of_side(phm: &PhmConfig, input: usize, output: usize) -> (u64, u64) {
    let rule = if phm.shared_rule { 0 } else { phm.rule_size() };
    let weight = if phm.shared_w { 0 } else { phm.weight_size(input, output) };
    let bias = if phm.bias { output as u64 } else { 0 };
    if phm.learn { (sum([rule, weight, bias]), 0) } else { (sum([weight, bias]), rule) }
}

/// What all layers share.
fn shared(phm: &PhmConfig, shape: &BottleneckShape) -> PointSize {
    let rule = if phm.shared_rule { phm.rule_size() } else { 0 };
    let weight = |input, output| if phm.shared_w { phm.weight_size(input, output) } else { 0 };
    let weights = sum([weight(shape.hidden, shape.bottleneck), weight(shape.bottleneck, shape.hidden)]);
    let (trained, fixed) = if phm.learn { (sum([rule, weights]), 0) } else { (weights, rule) };
    PointSize::trained(None, trained).with_constants(fixed)
}

fn invertible(coupling: Coupling, hidden: usize, factor: f64) -> PointSize {
    let network = |input: usize, changed: usize| {
        let (width, outputs) = (reduced(input, factor), if coupling == Coupling::Glow { 2 * changed } else { changed });
        sum([linear(width, input, true), linear(outputs, width, true)])
    };
    let (first, second) = (hidden / 2, hidden - hidden / 2);
    PointSize::trained(Point::from(SequencePoint::Embeddings), sum([network(second, first), network(first, second)]))
}
