//! `adaptune budget`.

use super::args::BudgetArgs;
use super::download::find_base;
use super::report::{Cell, Report, bytes, percent, print_line, thousands};
use adaptune_adapters::{Adapter, Method};
use adaptune_tensor::Seed;
use adaptune_text::BaseModel;
use adaptune_transformer::Config;
use anyhow::{Context, Result, bail};
use serde_json::json;

/// What a method trains in a model.
struct Budget {
    base: usize,
    modules: Vec<(String, usize)>,
    head: usize,
}

/// Counts and prints. Of the model `config.json` is read, and of its weights the names.
pub(crate) fn run(args: &BudgetArgs) -> Result<()> {
    let model = find_base(&args.model)?;
    let config = model.config();
    check_size(config)?;
    let budget = Budget::new(&model, &args.method, args.labels.get())?;
    if args.json { budget.print_json(args) } else { budget.print() }
}

/// Numbers in the largest model that is believed; the largest encoder published so far has a ninth of it.
const MOST: f64 = 1e11;

/// Nothing but `config.json` vouches for the sizes here, and counting makes the modules. A damaged file must not ask for
/// more memory than there is.
fn check_size(config: &Config) -> Result<()> {
    let [v, d, l, f, p] =
        [config.vocabulary, config.hidden, config.layers, config.feed_forward, config.positions].map(|n| n as f64);
    let size = (v + p) * d + l * (4.0 * d * d + 2.0 * d * f);
    if size > MOST {
        bail!("config.json describes a model of {size:.1e} parameters, expected at most {MOST:.0e}; is it damaged?");
    }
    Ok(())
}

impl Budget {
    fn new(model: &BaseModel, method: &str, labels: usize) -> Result<Self> {
        let config = model.config();
        let modules = match method {
            "head" => Vec::new(),
            method => {
                let method: Method = method.parse().context("--method")?;
                let adapter = Adapter::<f32>::blank("budget", &method, config, Seed::new(0)).context("--method")?;
                adapter.counts()
            }
        };
        let d = config.hidden;
        Ok(Self { base: model.parameter_count()?, modules, head: d * d + d + labels * d + labels })
    }

    fn adapter(&self) -> usize {
        self.modules.iter().map(|(_, count)| count).sum()
    }

    fn share(&self) -> f64 {
        self.adapter() as f64 / (self.base + self.adapter()) as f64
    }

    fn print(&self) -> Result<()> {
        let mut report = Report::with_header(&["part", "parameters", "on disk"]);
        let mut row = |name: &str, count: usize| {
            _ = report.row(vec![
                name.into(),
                Cell::number(thousands(count as u64)),
                Cell::number(bytes(4 * count as u64)),
            ]);
        };
        row("base (frozen)", self.base);
        row("adapter", self.adapter());
        self.modules.iter().for_each(|(name, count)| row(&format!("  {name}"), *count));
        row("head (two layers)", self.head);
        report.print()?;
        let state = 4 * 3 * (self.adapter() + self.head) as u64;
        print_line(format_args!("\nThe adapter is {} of the model with it.", percent(self.share())))?;
        let moments = "Training keeps a gradient and two moments for each trained number";
        Ok(print_line(format_args!("{moments}: {}.", bytes(state)))?)
    }

    fn print_json(&self, args: &BudgetArgs) -> Result<()> {
        let modules: Vec<_> =
            self.modules.iter().map(|(name, count)| json!({ "point": name, "parameters": count })).collect();
        let budget = json!({
            "method": args.method,
            "base": self.base,
            "adapter": self.adapter(),
            "head": self.head,
            "share": self.share(),
            "modules": modules,
        });
        Ok(print_line(budget)?)
    }
}
