//! A page that goes through one bottleneck step by step. Its numbers are those that a program printed for the book.

use std::{fs, path::Path};

use anyhow::{Context, Result};
use serde_json::json;

/// What the program printed.
const OUTPUT: &str = "docs/results/bottleneck_by_hand.txt";
const TEMPLATE: &str = include_str!("stepper.html");

/// A line of the computation: the part of the output and the name that its values have there, the formula, and what it says.
struct Step {
    part: &'static str,
    name: &'static str,
    formula: &'static str,
    words: &'static str,
}

const GIVEN: &str = "given";
const FORWARD: &str = "one-token-forward";
const BACKWARD: &str = "one-token-backward";

const fn step(part: &'static str, name: &'static str, formula: &'static str, words: &'static str) -> Step {
    Step { part, name, formula, words }
}

const STEPS: [Step; 19] = [
    step(
        GIVEN,
        "W_down",
        "W_down",
        "Given: a row for each of the two units. It says what the unit looks for in a token.",
    ),
    step(GIVEN, "b_down", "b_down", "Given: a number for each unit."),
    step(GIVEN, "W_up", "W_up", "Given: a column for each unit. It says what the unit adds to a token."),
    step(GIVEN, "b_up", "b_up", "Given: what is added in any case."),
    step(FORWARD, "x", "x", "The token, a row of three numbers."),
    step(
        FORWARD,
        "h",
        "h = x W_downᵀ + b_down",
        "Each unit multiplies its row with the token, adds up, and adds its bias.",
    ),
    step(FORWARD, "a", "a = max(h, 0)", "ReLU. The first unit was negative: it is off. The second passes through."),
    step(FORWARD, "u", "u = a W_upᵀ + b_up", "Each unit that is on adds its column, as many times as it is active."),
    step(FORWARD, "y", "y = x + u", "The residual connection: the token and its change."),
    step(FORWARD, "t", "t", "What should have come out. The loss is half the sum of the squares of y − t."),
    step(
        BACKWARD,
        "d_y",
        "d_y = y − t",
        "Backward begins. If an error e grows, half of its square grows e times as much.",
    ),
    step(BACKWARD, "d_u", "d_u = d_y", "A sum copies: if u grows, y grows as much."),
    step(
        BACKWARD,
        "d_W_up",
        "d_W_up = d_uᵀ a",
        "Row i, column j: d_u of channel i times a of unit j. The column of the unit that is off is zero.",
    ),
    step(BACKWARD, "d_b_up", "d_b_up = d_u", "A bias is added as it is."),
    step(
        BACKWARD,
        "d_a",
        "d_a = d_u W_up",
        "A unit goes into all channels, so it gets the sum of what they say, each times its weight.",
    ),
    step(BACKWARD, "d_h", "d_h = d_a where h > 0, else 0", "A unit that is off does not answer to a small change."),
    step(
        BACKWARD,
        "d_W_down",
        "d_W_down = d_hᵀ x",
        "As above, one layer below. The unit that is off learns nothing from this token.",
    ),
    step(BACKWARD, "d_b_down", "d_b_down = d_h", "A bias again. That of the unit that is off gets nothing."),
    step(
        BACKWARD,
        "d_x",
        "d_x = d_h W_down + d_y",
        "The token was used twice: by the bottleneck, and directly. What comes back by both ways is added up.",
    ),
];

/// The page.
pub(super) fn drawn(root: &Path) -> Result<String> {
    let output = fs::read_to_string(root.join(OUTPUT)).with_context(|| OUTPUT.to_owned())?;
    let steps = STEPS.iter().map(|Step { part, name, formula, words }| {
        let rows = values(&output, part, name).with_context(|| format!("{OUTPUT} has no {name} in [{part}]"))?;
        let pass = if *part == BACKWARD { "backward" } else { "forward" };
        Ok(json!({ "name": name, "pass": pass, "formula": formula, "words": words, "rows": rows }))
    });
    let steps = steps.collect::<Result<Vec<_>>>()?;
    Ok(TEMPLATE.replace("/*STEPS*/", &serde_json::to_string_pretty(&steps)?))
}

/// The rows of an array: the line that begins with its name, and those below it that begin with none.
fn values<'a>(output: &'a str, part: &str, name: &str) -> Option<Vec<Vec<&'a str>>> {
    let mut lines = output.lines().skip_while(|line| *line != format!("[{part}]")).skip(1);
    let first =
        lines.by_ref().take_while(|line| !line.starts_with('[')).find(|line| line.split(' ').next() == Some(name))?;
    let rest = lines.take_while(|line| line.starts_with(' '));
    let numbers = |line: &'a str| line.split("tape:").next().unwrap_or_default().split_whitespace();
    let rows = [numbers(first).skip(1).collect()].into_iter().chain(rest.map(|line| numbers(line).collect()));
    Some(rows.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_array_is_read_with_all_its_rows() {
        let output = "[a]\nx   1 2\n\n[b]\nd_x   3 4   tape: 3 4\n      5 6   tape: 5 6\nd_xy  7\n";
        assert_eq!(values(output, "b", "d_x"), Some(vec![vec!["3", "4"], vec!["5", "6"]]));
        assert_eq!(values(output, "a", "x"), Some(vec![vec!["1", "2"]]));
        assert_eq!(values(output, "a", "d_x"), None);
        assert_eq!(values(output, "c", "x"), None);
    }
}
