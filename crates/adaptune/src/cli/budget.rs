//! `adaptune budget`.

use super::args::BudgetArgs;
use super::download::find_base;
use super::misused::unreadable;
use super::report::{self, Cell, Report, bytes, percent, print_line, thousands};
use adaptune_adapters::{HeadConfig, Task, Tuning};
use adaptune_text::BaseModel;
use adaptune_transformer::Config;
use anyhow::{Context, Result, bail};
use serde_json::json;

/// What a method trains in a model.
struct Budget {
    base: u64,
    modules: Vec<(String, u64)>,
    /// Tensors of the base that train in copies: biases, or all.
    thawed: u64,
    head: u64,
}

/// Counts and prints. Of the model `config.json` is read, and of its weights the names; nothing is made, all is counted by
/// formula.
pub(crate) fn run(args: &BudgetArgs) -> Result<()> {
    let model = find_base(&args.model)?;
    check_size(model.config())?;
    let budget = Budget::new(&model, &args.method, args.labels.get())?;
    if args.json { budget.print_json(args) } else { budget.print() }
}

/// Numbers in the largest model that is believed; the largest encoder published so far has a ninth of it.
const MOST: usize = 100_000_000_000;

/// Nothing but `config.json` vouches for the sizes here: counts of a damaged file would be believed.
fn check_size(config: &Config) -> Result<()> {
    let size = config.parameter_count();
    if size > MOST {
        let (size, most) = (size as f64, MOST as f64);
        bail!("config.json describes a model of {size:.1e} parameters, expected at most {most:.0e}; is it damaged?");
    }
    Ok(())
}

impl Budget {
    fn new(model: &BaseModel, method: &str, labels: usize) -> Result<Self> {
        let (config, tuning) = (model.config(), method.parse::<Tuning>().map_err(unreadable("--method"))?);
        let size = tuning.adapter.as_ref().map(|method| method.size(config)).transpose().context("--method")?;
        let labels = (0..labels).map(|label| label.to_string()).collect();
        let head = HeadConfig::new(Task::CLASSIFICATION, labels).parameter_count(config);
        let thawed = tuning.thaw.map_or(0, |thaw| thaw.parameter_count(config, false));
        Ok(Self {
            base: model.parameter_count()? as u64,
            modules: size.map(|s| s.counts()).unwrap_or_default(),
            thawed,
            head,
        })
    }

    fn adapter(&self) -> u64 {
        self.modules.iter().map(|(_, count)| count).fold(0, |sum, count| sum.saturating_add(*count))
    }

    /// All that trains but the head.
    fn tuned(&self) -> u64 {
        self.adapter().saturating_add(self.thawed)
    }

    /// The part of the model that trains; copies of the base's tensors are no more of it.
    fn share(&self) -> f64 {
        self.tuned() as f64 / (self.base as f64 + self.adapter() as f64)
    }

    fn print(&self) -> Result<()> {
        let mut report = Report::with_header(&["part", "parameters", "on disk"]);
        let mut row = |name: &str, count: u64| {
            _ = report.row(vec![
                name.into(),
                Cell::number(thousands(count)),
                Cell::number(bytes(count.saturating_mul(4))),
            ]);
        };
        row("base (frozen)", self.base);
        row("adapter", self.adapter());
        self.modules.iter().for_each(|(name, count)| row(&format!("  {name}"), *count));
        if self.thawed > 0 {
            row("thawed (copies of the base's)", self.thawed);
        }
        row("head (two layers)", self.head);
        report.print()?;
        let state = self.tuned().saturating_add(self.head).saturating_mul(4 * 3);
        print_line(format_args!(
            "\nWhat trains, but for the head, is {} of the model with it.",
            percent(self.share())
        ))?;
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
            "thawed": self.thawed,
            "head": self.head,
            "share": self.share(),
            "modules": modules,
        });
        Ok(report::print_json(&budget)?)
    }
}
