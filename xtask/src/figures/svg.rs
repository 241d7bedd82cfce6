//! A graph as a picture: boxes, for each edge an arrow forward, and one backward where a gradient goes.

use std::fmt::Write;

use super::graph::{Graph, Kind, Node};

/// Between neighbours of the grid, from middle to middle.
const GRID: (f64, f64) = (128.0, 84.0);
/// Half the width and half the height of a box.
const HALF: (f64, f64) = (44.0, 22.0);
/// How far the two arrows of an edge lie from its middle.
const APART: f64 = 4.0;
/// Between the end of an arrow and the box.
const GAP: f64 = 3.0;
const MARGIN: f64 = 20.0;
/// Room for the words below.
const LEGEND: f64 = 40.0;

/// Colours for light surroundings, and for dark ones. The picture has a ground of its own, so that it can be read on any page.
const STYLE: &str = "\
svg { font-family: sans-serif; font-size: 14px; text-anchor: middle }
.ground { fill: #fbfbf8; stroke: #d0d0c8 } text { fill: #222 } .note { font-size: 11px; fill: #666 }
.value { fill: #fff; stroke: #555 } .trained { fill: #dff0d8; stroke: #3c763d } .frozen { fill: #e6e6e6; stroke: #888; stroke-dasharray: 3 2 }
.forward { stroke: #1f5fa8; fill: #1f5fa8 } .backward { stroke: #b3402a; fill: #b3402a } line { stroke-width: 1.6 } line.backward { stroke-dasharray: 5 3 }
@media (prefers-color-scheme: dark) {
.ground { fill: #1d2126; stroke: #3a4048 } text { fill: #e6e6e6 } .note { fill: #a8a8a8 }
.value { fill: #2a3038; stroke: #9aa4b0 } .trained { fill: #24402a; stroke: #7cc47f } .frozen { fill: #33373c; stroke: #8a8f96 }
.forward { stroke: #7fb4f0; fill: #7fb4f0 } .backward { stroke: #f0907a; fill: #f0907a }
}";

type Point = (f64, f64);

/// The whole file.
pub(super) fn drawn(graph: &Graph) -> String {
    let (width, height) = size(graph);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.0} {height:.0}\" width=\"{width:.0}\" role=\"img\">\n\
         <title>{}</title>\n<style>\n{STYLE}\n</style>\n\
         <rect class=\"ground\" x=\"1\" y=\"1\" width=\"{:.0}\" height=\"{:.0}\" rx=\"8\"/>\n",
        escaped(graph.title),
        width - 2.0,
        height - 2.0
    );
    for (from, to) in graph.edges {
        edge(&mut svg, &graph.nodes[*from], &graph.nodes[*to]);
    }
    for node in graph.nodes {
        boxed(&mut svg, node);
    }
    legend(&mut svg, width, height - LEGEND / 2.0);
    svg + "</svg>\n"
}

fn size(graph: &Graph) -> Point {
    let most = |axis: fn(&Node) -> f64| graph.nodes.iter().map(axis).fold(0.0, f64::max);
    let (columns, rows) = (most(|node| node.at.0), most(|node| node.at.1));
    let width = columns * GRID.0 + 2.0 * (HALF.0 + MARGIN);
    (width, rows * GRID.1 + 2.0 * (HALF.1 + MARGIN) + LEGEND)
}

fn middle(node: &Node) -> Point {
    (node.at.0 * GRID.0 + HALF.0 + MARGIN, node.at.1 * GRID.1 + HALF.1 + MARGIN)
}

/// Two arrows side by side; one where nothing comes back.
fn edge(svg: &mut String, from: &Node, to: &Node) {
    let (a, b) = (middle(from), middle(to));
    let length = (b.0 - a.0).hypot(b.1 - a.1);
    let along = ((b.0 - a.0) / length, (b.1 - a.1) / length);
    let comes_back = from.kind != Kind::Frozen;
    let aside = if comes_back { APART } else { 0.0 };
    let (start, end) = (border(a, along, 1.0), border(b, along, -1.0));
    arrow(svg, "forward", moved(start, along, -aside), moved(end, along, -aside));
    if comes_back {
        arrow(svg, "backward", moved(end, along, aside), moved(start, along, aside));
    }
}

/// Where a line from the middle of a box leaves it, forward (1) or backward (−1).
fn border(middle: Point, along: Point, direction: f64) -> Point {
    let reach = (HALF.0 / along.0.abs().max(1e-9)).min(HALF.1 / along.1.abs().max(1e-9)) + GAP;
    (middle.0 + direction * reach * along.0, middle.1 + direction * reach * along.1)
}

/// A point beside a line.
fn moved(point: Point, along: Point, aside: f64) -> Point {
    (point.0 - aside * along.1, point.1 + aside * along.0)
}

fn arrow(svg: &mut String, class: &str, from: Point, to: Point) {
    let length = (to.0 - from.0).hypot(to.1 - from.1);
    let along = ((to.0 - from.0) / length, (to.1 - from.1) / length);
    let base = (to.0 - 8.0 * along.0, to.1 - 8.0 * along.1);
    let (left, right) = (moved(base, along, 3.5), moved(base, along, -3.5));
    let (x1, y1) = from;
    let (x2, y2) = base;
    _ = writeln!(svg, "<line class=\"{class}\" x1=\"{x1:.1}\" y1=\"{y1:.1}\" x2=\"{x2:.1}\" y2=\"{y2:.1}\"/>");
    let corners = [to, left, right].map(|(x, y)| format!("{x:.1},{y:.1}")).join(" ");
    _ = writeln!(svg, "<polygon class=\"{class}\" points=\"{corners}\"/>");
}

fn boxed(svg: &mut String, node: &Node) {
    let class = match node.kind {
        Kind::Value => "value",
        Kind::Trained => "trained",
        Kind::Frozen => "frozen",
    };
    let (x, y) = middle(node);
    let (left, top) = (x - HALF.0, y - HALF.1);
    let (width, height) = (2.0 * HALF.0, 2.0 * HALF.1);
    _ = writeln!(
        svg,
        "<rect class=\"{class}\" x=\"{left:.1}\" y=\"{top:.1}\" width=\"{width}\" height=\"{height}\" rx=\"5\"/>"
    );
    let line = if node.note.is_empty() { y + 5.0 } else { y - 2.0 };
    _ = writeln!(svg, "<text x=\"{x:.1}\" y=\"{line:.1}\">{}</text>", escaped(node.name));
    if !node.note.is_empty() {
        _ = writeln!(svg, "<text class=\"note\" x=\"{x:.1}\" y=\"{:.1}\">{}</text>", y + 13.0, escaped(node.note));
    }
}

fn legend(svg: &mut String, width: f64, y: f64) {
    let middle = width / 2.0;
    for (class, words, left) in [("forward", "forward", middle - 140.0), ("backward", "backward", middle + 20.0)] {
        arrow(svg, class, (left, y), (left + 44.0, y));
        _ = writeln!(svg, "<text x=\"{:.1}\" y=\"{:.1}\">{words}</text>", left + 84.0, y + 5.0);
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::{super::graphs::GRAPHS, *};

    #[test]
    fn every_edge_has_its_arrows_and_frozen_values_none_that_come_back() {
        for graph in &GRAPHS {
            let svg = drawn(graph);
            let frozen = graph.edges.iter().filter(|(from, _)| graph.nodes[*from].kind == Kind::Frozen).count();
            let lines = |class: &str| svg.matches(&format!("<line class=\"{class}\"")).count() - 1; // one is the legend's
            assert_eq!(lines("forward"), graph.edges.len(), "{}", graph.name);
            assert_eq!(lines("backward"), graph.edges.len() - frozen, "{}", graph.name);
            assert!(svg.matches("<text").count() >= graph.nodes.len(), "{}", graph.name);
        }
    }

    #[test]
    fn a_line_ends_at_the_border() {
        assert_eq!(border((0.0, 0.0), (1.0, 0.0), 1.0), (HALF.0 + GAP, 0.0));
        assert_eq!(border((0.0, 0.0), (0.0, 1.0), -1.0), (0.0, -HALF.1 - GAP));
        assert_eq!(moved((0.0, 0.0), (1.0, 0.0), 2.0), (0.0, 2.0));
    }
}
