//! How good a model is without the adapters of its lowest layers: `eval --layers-left-out DIR`.

use super::super::plot::layer_curve;
use super::super::report::{Cell, Report, print_line};
use adaptune_adapters::CompositionError;
use adaptune_text::TextPredictor;
use adaptune_train::{Dataset, Evaluation, json, predict};
use adaptune_transformer::weights::replace_file;
use anyhow::{Context, Result};
use serde_json::json;
use std::io::Write;
use std::path::Path;

/// An evaluation for each number of layers without adapters, from none on.
pub(super) struct ByLayersLeftOut(Vec<Evaluation>);

impl ByLayersLeftOut {
    /// Measures without the adapters of no layer, the lowest, the lowest two, as long as any are left.
    ///
    /// # Errors
    /// No adapter is in any layer, or as an evaluation.
    pub(super) fn new(predictor: &mut TextPredictor, data: &Dataset, batch_size: usize) -> Result<Self> {
        let mut all = Vec::new();
        if let Err(error @ CompositionError::NoLayers) = predictor.model_mut().leave_out_lowest(1) {
            return Err(anyhow::Error::from(error).context("--layers-left-out"));
        }
        for layers in 0.. {
            if predictor.model_mut().leave_out_lowest(layers).is_err() {
                break;
            }
            let logits = predict(predictor.model(), data, batch_size)?;
            all.push(predictor.evaluate_logits(data, logits.view())?);
        }
        predictor.model_mut().leave_out_lowest(0)?;
        Ok(Self(all))
    }

    /// A row for each number of layers.
    pub(super) fn print(&self) -> Result<()> {
        let Some(first) = self.0.first() else { return Ok(()) };
        let names: Vec<&str> =
            ["without", "loss"].into_iter().chain(first.metrics.iter().map(|(name, _)| name)).collect();
        let mut table = Report::with_header(&names);
        for (layers, evaluation) in self.0.iter().enumerate() {
            let scores = evaluation.metrics.iter().map(|(_, score)| score);
            let numbers = std::iter::once(evaluation.loss).chain(scores);
            let cells = numbers.map(|number| Cell::number(format!("{number:.4}")));
            table.row(std::iter::once(Cell::number(layers.to_string())).chain(cells).collect());
        }
        print_line("\nwithout the adapters of so many of the lowest layers")?;
        Ok(table.print()?)
    }

    /// Writes `layers.json` and `layers.svg`.
    pub(super) fn write(&self, folder: &Path) -> Result<()> {
        std::fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
        let row = |(layers, evaluation): (usize, &Evaluation)| {
            let (loss, metrics) = (json::value(evaluation.loss), json::scores(evaluation.metrics.iter()));
            json!({ "left_out": layers, "loss": loss, "metrics": metrics })
        };
        let rows: Vec<_> = self.0.iter().enumerate().map(row).collect();
        let json = serde_json::to_string_pretty(&rows)?;
        replace_file(&folder.join("layers.json"), |file| writeln!(file, "{json}"))?;
        let scores = self.0.iter().map(|evaluation| evaluation.metrics.primary());
        let points: Vec<(usize, f64)> = scores.clone().map(|(_, score)| score).enumerate().collect();
        let name = scores.map(|(name, _)| name).next().unwrap_or("score");
        layer_curve(&folder.join("layers.svg"), &points, name)
    }
}
