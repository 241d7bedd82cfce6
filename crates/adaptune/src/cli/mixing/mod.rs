//! Which adapters fusions and routers listen to: `eval --mixing DIR`.

mod heat_map;

use super::misused::misuse;
use super::report::{Cell, Report, print_line};
use adaptune_text::{TextPredictor, Tokenizer};
use adaptune_train::{Dataset, MixingShares, mixing_shares};
use adaptune_transformer::weights::replace_file;
use anyhow::{Context, Result};
use heat_map::{Grid, draw};
use serde_json::{Value, json};
use std::io::Write;
use std::path::Path;

/// The examples of which the weights of every token are written.
const FIRST: usize = 8;

/// Means over a data set, and what they are of.
pub(crate) struct Mixing<'a> {
    shares: Vec<MixingShares>,
    labels: Vec<String>,
    data: &'a Dataset,
}

impl<'a> Mixing<'a> {
    /// Runs the data through the model.
    ///
    /// # Errors
    /// The model has no fusion and no router.
    pub(crate) fn new(predictor: &mut TextPredictor, data: &'a Dataset, batch_size: usize) -> Result<Self> {
        let labels = predictor.labels().to_vec();
        let shares = mixing_shares(predictor.model_mut(), data, batch_size, FIRST)?;
        if shares.is_empty() {
            misuse!("--mixing: nothing is mixed here; it is for adapters put together by fuse(…) or route(…)");
        }
        Ok(Self { shares, labels, data })
    }

    /// A table for each fusion and router: its points, then the labels of the data, and how much each adapter weighed there.
    pub(crate) fn print(&self) -> Result<()> {
        for (mixing, shares) in self.by_mixing() {
            let names: Vec<&str> = [mixing].into_iter().chain(shares[0].adapters.iter().map(String::as_str)).collect();
            let mut table = Report::with_header(&names);
            for (name, weights) in self.rows(&shares) {
                let cells = weights.iter().map(|weight| Cell::number(format!("{:.1}", 100.0 * weight)));
                table.row(std::iter::once(name.into()).chain(cells).collect());
            }
            print_line("\nweight of each adapter, %, by point and by label")?;
            table.print()?;
        }
        Ok(())
    }

    /// Writes `mixing.json`, and an SVG for each fusion and router.
    pub(crate) fn write(&self, folder: &Path, tokenizer: &Tokenizer) -> Result<()> {
        std::fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
        let json = serde_json::to_string_pretty(&self.json(tokenizer))?;
        replace_file(&folder.join("mixing.json"), |file| writeln!(file, "{json}"))?;
        for (number, (mixing, shares)) in (1..).zip(self.by_mixing()) {
            let name = if number == 1 { "mixing.svg".to_owned() } else { format!("mixing-{number}.svg") };
            let grid = Grid { title: mixing, columns: &shares[0].adapters, rows: &self.rows(&shares) };
            let picture = draw(&grid)?;
            replace_file(&folder.join(name), |file| file.write_all(picture.as_bytes()))?;
        }
        Ok(())
    }

    /// The points of each fusion or router, in the order of a pass.
    fn by_mixing(&self) -> Vec<(&str, Vec<&MixingShares>)> {
        let mut all: Vec<(&str, Vec<&MixingShares>)> = Vec::new();
        for shares in &self.shares {
            match all.iter_mut().find(|(mixing, _)| *mixing == shares.mixing) {
                Some((_, of)) => of.push(shares),
                None => all.push((&shares.mixing, vec![shares])),
            }
        }
        all
    }

    /// The points of one fusion or router, then the labels, of which the mean over all points is shown.
    fn rows(&self, shares: &[&MixingShares]) -> Vec<(String, Vec<f64>)> {
        let points = shares.iter().map(|share| (share.point.to_string(), share.mean.to_vec()));
        let label = |(number, name): (usize, &String)| {
            let of: Vec<_> = shares.iter().filter_map(|share| share.by_label.get(&number)).collect();
            let sum = of.iter().fold(vec![0.0; shares[0].adapters.len()], |mut sum, weights| {
                sum.iter_mut().zip(weights.iter()).for_each(|(sum, weight)| *sum += weight / of.len() as f64);
                sum
            });
            (!of.is_empty()).then(|| (format!("label {name}"), sum))
        };
        points.chain(self.labels.iter().enumerate().filter_map(label)).collect()
    }

    fn json(&self, tokenizer: &Tokenizer) -> Value {
        let point = |share: &MixingShares| {
            let label = |(number, weights): (&usize, &adaptune_tensor::ndarray::Array1<f64>)| {
                (self.labels.get(*number).cloned().unwrap_or_default(), json!(weights.to_vec()))
            };
            json!({
                "mixing": share.mixing,
                "point": share.point.to_string(),
                "adapters": share.adapters,
                "weights": share.mean.to_vec(),
                "used": share.used.to_vec(),
                "labels": share.by_label.iter().map(label).collect::<serde_json::Map<_, _>>(),
            })
        };
        json!({
            "examples": self.data.len(),
            "points": self.shares.iter().map(point).collect::<Vec<_>>(),
            "first": (0..self.data.len().min(FIRST)).map(|n| self.example(n, tokenizer)).collect::<Vec<_>>(),
        })
    }

    /// The tokens of one example, and for each point their weights; in the last block perhaps of some tokens alone.
    fn example(&self, number: usize, tokenizer: &Tokenizer) -> Value {
        let sequences = &self.data.examples()[number].sequences;
        let ids = sequences.iter().flat_map(|sequence| &sequence.token_ids);
        let tokens: Vec<String> = ids.map(|id| tokenizer.token(*id).unwrap_or_default()).collect();
        let rows = |share: &MixingShares| {
            let rows: Vec<Vec<f64>> = share.first.get(number)?.outer_iter().map(|row| row.to_vec()).collect();
            Some(json!({ "mixing": share.mixing, "point": share.point.to_string(), "weights": rows }))
        };
        json!({ "tokens": tokens, "points": self.shares.iter().filter_map(rows).collect::<Vec<_>>() })
    }
}
