//! How many numbers LoRA and its kin take.

use super::config::{LoraConfig, LoraKind};
use crate::core::error::MethodError;
use crate::core::point::Point;
use crate::core::size::{PointSize, Size, linear, product, sum};
use adaptune_transformer::{Config, LinearShape, Projection};

impl LoraConfig {
    /// By formula; `enters` says of which projections IA3 scales what enters.
    pub(super) fn computed_size(
        &self,
        model: &Config,
        enters: impl Fn(Projection) -> bool,
    ) -> Result<Size, MethodError> {
        let shapes = shapes(model, self.projections());
        let shape = |projection| shapes.iter().find(|(known, _)| *known == projection).expect("listed above").1;
        let one = |(point, projection): (Point, Projection)| {
            let (outputs, inputs) = shape(projection);
            let pair = sum([product(&[self.r, inputs]), product(&[outputs, self.r])]);
            match self.kind() {
                LoraKind::Lora if self.use_gating => PointSize::trained(point, sum([pair, linear(1, inputs, true)])),
                LoraKind::Lora => PointSize::trained(point, pair),
                LoraKind::Dora => PointSize::trained(point, sum([pair, outputs as u64])),
                LoraKind::Ia3 => PointSize::trained(point, if enters(projection) { inputs } else { outputs } as u64),
                LoraKind::Vera => vectors(point, self.r, outputs),
            }
        };
        let points = self.points(model)?.into_iter().map(|point| (Point::from(point), point.projection));
        let mut points: Vec<PointSize> = points.map(one).collect();
        if self.kind() == LoraKind::Vera {
            let largest =
                |of: fn(&(usize, usize)) -> usize| shapes.iter().map(|(_, shape)| of(shape)).max().unwrap_or(0);
            let matrices = sum([product(&[self.r, largest(|s| s.1)]), product(&[largest(|s| s.0), self.r])]);
            points.push(PointSize::trained(None, 0).with_constants(matrices));
        }
        Ok(Size::of(points))
    }
}

/// VeRA's two vectors, which AdapterHub's files hold as full matrices.
fn vectors(point: Point, rank: usize, outputs: usize) -> PointSize {
    let stored = sum([product(&[rank, rank]), product(&[outputs, outputs])]);
    PointSize { stored, ..PointSize::trained(point, sum([rank as u64, outputs as u64])) }
}

/// `(Out, In)` of each of these layers, which are alike in all blocks.
pub(super) fn shapes(
    model: &Config,
    projections: impl Iterator<Item = Projection>,
) -> Vec<(Projection, (usize, usize))> {
    let of = |shape: LinearShape| (shape.outputs, shape.inputs);
    projections.filter_map(|projection| Some((projection, of(model.linear_shape(projection)?)))).collect()
}
