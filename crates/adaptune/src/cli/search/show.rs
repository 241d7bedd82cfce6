//! What is shown of a search: tables, a picture, a page.

use super::super::page::{Page, PageTable};
use super::super::report::{Cell, Report, percent, score, thousands};
use super::super::scatter::{Dot, Scatter};
use super::standing::{Row, Standing};
use adaptune_train::search::Origin;
use anyhow::Result;
use serde_json::Value;

/// The headings of all tables, but for that of the metric, which is named after it.
const COLUMNS: [&str; 7] = ["method@rate", "adapter", "of all", "epochs", "score", "trial", "from"];

const MEANING: [(&str, &str); 7] = [
    ("method@rate", "what train takes as --method, and as --lr"),
    ("adapter", "numbers that the adapter trains; the head is not counted"),
    ("of all", "their share of base and adapter together"),
    ("epochs", "how long its best training was"),
    (
        "the score",
        "on the development data, after the best epoch; it has decided what was trained further, so it flatters",
    ),
    ("trial", "its number; the folder of each training has it in its name"),
    ("from", "the registry of presets, chance, or the trial that it is a child of"),
];

fn headings(standing: &Standing<'_>) -> Vec<String> {
    let named = |name: &str| if name == "score" { format!("dev {}", standing.metric()) } else { name.to_owned() };
    COLUMNS.into_iter().map(named).collect()
}

fn cells(standing: &Standing<'_>, row: &Row<'_>) -> Vec<String> {
    let from = match row.trial.origin {
        Origin::Preset => "preset".to_owned(),
        Origin::Random => "chance".to_owned(),
        Origin::Child(parent) => format!("trial {parent}"),
    };
    let found = row.outcome.metric.as_ref().map_or("diverged".into(), |(name, value)| score(name, *value));
    vec![
        row.text(),
        thousands(row.trial.parameters),
        percent(standing.plan.share(row.trial.parameters)),
        row.training.epochs.to_string(),
        found,
        row.number.to_string(),
        from,
    ]
}

/// The front, the smallest adapter first.
pub(super) fn table(standing: &Standing<'_>) -> Report {
    let names = headings(standing);
    let mut report = Report::with_header(&names.iter().map(String::as_str).collect::<Vec<_>>());
    for row in standing.front() {
        let mut cells = cells(standing, &row).into_iter();
        let method = cells.next().unwrap_or_default();
        let from = cells.next_back().unwrap_or_default();
        report.row(std::iter::once(method.into()).chain(cells.map(Cell::number)).chain([from.into()]).collect());
    }
    report
}

/// Every trial as a dot, the front joined.
pub(super) fn picture(standing: &Standing<'_>) -> Result<String> {
    let joined: Vec<usize> = standing.front().iter().map(|row| row.number).collect();
    let trained = standing.rows().into_iter().filter(|row| row.outcome.metric.is_some());
    let mut dots: Vec<Dot> = trained.map(|row| dot(&row, joined.contains(&row.number))).collect();
    dots.sort_by_key(|dot| dot.parameters);
    let scatter =
        Scatter { dots: &dots, line: true, parameters: "parameters of the adapter", metric: standing.metric() };
    scatter.draw()
}

/// A configuration string is too long for a picture: those of the front are named by their numbers.
fn dot(row: &Row<'_>, joined: bool) -> Dot {
    let method = row.trial.method.split('[').next().unwrap_or_default();
    let name = if joined { format!("{method} ({})", row.number) } else { String::new() };
    Dot { parameters: row.trial.parameters, score: row.value(), deviation: 0.0, name, joined }
}

/// The page: the front, the picture, all trials.
pub(super) fn page(standing: &Standing<'_>, picture: &str, conditions: &Value) -> String {
    let table = |caption, rows: Vec<Row<'_>>| PageTable {
        caption,
        headings: headings(standing),
        rows: rows.iter().map(|row| cells(standing, row)).collect(),
    };
    let tables = vec![table("", standing.front()), table("All trials", standing.rows())];
    Page { title: "Adapters found", tables, picture, meaning: &MEANING, conditions }.html()
}
