//! The comparison as one page that needs nothing beside itself.

use super::columns::{cells, headings};
use super::row::Row;
use serde_json::Value;
use std::fmt::Write;

const STYLE: &str = "
  :root { color-scheme: light dark; }
  body { font: 16px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto; padding: 0 1rem; }
  table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
  th, td { padding: .35rem .6rem; border-bottom: 1px solid #8884; text-align: right; white-space: nowrap; }
  th:first-child, td:first-child { text-align: left; position: sticky; left: 0; background: Canvas; }
  figure { margin: 2rem 0; border-radius: 6px; overflow-x: auto; }
  svg { width: 100%; min-width: 42rem; height: auto; }
  @media (max-width: 40rem) {
    th, td { padding: .3rem; font-size: .9rem; }
    th:first-child, td:first-child { white-space: normal; overflow-wrap: anywhere; min-width: 6.5rem; }
  }
  @media (prefers-color-scheme: dark) { svg { filter: invert(.92) hue-rotate(180deg); } }
  dt { font-weight: 600; } dd { margin: 0 0 .5rem; }
  .scroll { overflow-x: auto; }";

/// What each column means.
const MEANING: [(&str, &str); 8] = [
    ("trained", "numbers that were trained, those of the head among them"),
    ("of all", "their share of all numbers that a prediction computes with"),
    ("the score", "mean over seeds on the data named below, by the metric whose name stands above"),
    ("± seeds", "standard deviation over seeds, in points"),
    ("time", "median time of a training, in a process of its own"),
    ("memory", "largest resident memory of a training"),
    ("× base", "median time of predictions, of that of the base with the head alone, measured in turn"),
    ("merges", "the adapter can become a part of the base's weights, and then costs nothing"),
];

/// The whole page.
pub(super) fn page(rows: &[Row], picture: &str, conditions: &Value) -> String {
    let picture = picture.find("<svg").map_or(picture, |start| &picture[start..]);
    let mut page = String::from("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n");
    page +=
        "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>Methods compared</title>\n";
    let _ =
        write!(page, "<style>{STYLE}\n</style>\n</head>\n<body>\n<h1>Methods compared</h1>\n<div class=\"scroll\">");
    page += &table(rows);
    let _ = write!(page, "</div>\n<figure>\n{picture}\n</figure>\n<h2>What the columns say</h2>\n<dl>\n");
    for (name, meaning) in MEANING {
        let _ = writeln!(page, "<dt>{name}</dt><dd>{meaning}</dd>");
    }
    page += "</dl>\n<h2>How it was made</h2>\n<dl>\n";
    for (name, value) in conditions.as_object().into_iter().flatten() {
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let _ = writeln!(page, "<dt>{}</dt><dd>{}</dd>", escaped(&name.replace('_', " ")), escaped(&value));
    }
    page + "</dl>\n</body>\n</html>\n"
}

fn table(rows: &[Row]) -> String {
    let mut table = String::from("<table>\n<tr>");
    for name in headings(rows) {
        let _ = write!(table, "<th>{}</th>", escaped(&name));
    }
    for row in rows {
        table += "</tr>\n<tr>";
        for cell in cells(row).iter().map(String::as_str).chain([row.mergeable()]) {
            let _ = write!(table, "<td>{}</td>", escaped(cell));
        }
    }
    table + "</tr>\n</table>\n"
}

/// Text that cannot be taken for markup.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_stay_texts_and_nothing_is_fetched() {
        let rows = [Row::new("<script>alert(1)</script>")];
        let page = page(&rows, "<?xml?>\n<svg></svg>", &serde_json::json!({ "model": "a \"b\" & c" }));
        assert!(
            !page.contains("<script") && page.contains("&lt;script&gt;") && page.contains("a &quot;b&quot; &amp; c")
        );
        assert!(!page.contains("http") && !page.contains("src=") && page.contains("<svg></svg>"));
    }
}
