//! A page for the browser that needs nothing beside itself: tables, a picture, what columns mean, how it was made.

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

/// What is on a page.
pub(super) struct Page<'a> {
    pub(super) title: &'a str,
    /// The first without a caption.
    pub(super) tables: Vec<PageTable>,
    /// SVG.
    pub(super) picture: &'a str,
    /// What each column means, by its name.
    pub(super) meaning: &'a [(&'a str, &'a str)],
    /// How it was made: texts and numbers by their names.
    pub(super) conditions: &'a Value,
}

/// A table; its first column is of words, the others of numbers.
pub(super) struct PageTable {
    /// What stands above it, if anything does.
    pub(super) caption: &'static str,
    pub(super) headings: Vec<String>,
    pub(super) rows: Vec<Vec<String>>,
}

impl Page<'_> {
    /// The whole page.
    pub(super) fn html(&self) -> String {
        let picture = self.picture.find("<svg").map_or(self.picture, |start| &self.picture[start..]);
        let title = escaped(self.title);
        let mut page = String::from("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n");
        page += "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n";
        let _ = write!(page, "<title>{title}</title>\n<style>{STYLE}\n</style>\n</head>\n<body>\n<h1>{title}</h1>\n");
        let (first, others) = self.tables.split_at(self.tables.len().min(1));
        first.iter().for_each(|table| page += &table.html());
        let _ = write!(page, "<figure>\n{picture}\n</figure>\n");
        others.iter().for_each(|table| page += &table.html());
        let meaning = self.meaning.iter().map(|(name, meaning)| ((*name).to_owned(), (*meaning).to_owned()));
        page += &definitions("What the columns say", meaning);
        let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let conditions = self.conditions.as_object().into_iter().flatten();
        let conditions = conditions.map(|(name, value)| (name.replace('_', " "), text(value)));
        page += &definitions("How it was made", conditions);
        page + "</body>\n</html>\n"
    }
}

impl PageTable {
    fn html(&self) -> String {
        let mut table = match self.caption {
            "" => String::new(),
            caption => format!("<h2>{}</h2>\n", escaped(caption)),
        };
        table += "<div class=\"scroll\"><table>\n<tr>";
        for name in &self.headings {
            let _ = write!(table, "<th>{}</th>", escaped(name));
        }
        for row in &self.rows {
            table += "</tr>\n<tr>";
            for cell in row {
                let _ = write!(table, "<td>{}</td>", escaped(cell));
            }
        }
        table + "</tr>\n</table></div>\n"
    }
}

fn definitions(heading: &str, all: impl Iterator<Item = (String, String)>) -> String {
    let mut list = format!("<h2>{}</h2>\n<dl>\n", escaped(heading));
    for (name, meaning) in all {
        let _ = writeln!(list, "<dt>{}</dt><dd>{}</dd>", escaped(&name), escaped(&meaning));
    }
    list + "</dl>\n"
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
        let rows = vec![vec!["<script>alert(1)</script>".to_owned()]];
        let page = Page {
            title: "a < b",
            tables: vec![PageTable { caption: "", headings: vec!["method".into()], rows }],
            picture: "<?xml?>\n<svg></svg>",
            meaning: &[("method", "a method")],
            conditions: &serde_json::json!({ "model": "a \"b\" & c" }),
        };
        let page = page.html();
        assert!(
            !page.contains("<script") && page.contains("&lt;script&gt;") && page.contains("a &quot;b&quot; &amp; c")
        );
        assert!(!page.contains("http") && !page.contains("src=") && page.contains("<svg></svg>"));
        assert!(page.contains("<h1>a &lt; b</h1>") && !page.contains("<h2></h2>"));
    }
}
