//! The graphs that the book shows.

use super::graph::{Graph, frozen, trained, value};

pub(super) const GRAPHS: [Graph; 4] = [
    Graph {
        name: "bottleneck",
        title: "A bottleneck: x goes down to h, through the activation to a, up to u, and is added to it; the loss follows. Gradients come back by the same arrows.",
        nodes: &[
            value("x", "[T, D]", (0.0, 1.0)),
            value("h", "[T, M]", (1.0, 1.0)),
            value("a", "φ(h)", (2.0, 1.0)),
            value("u", "[T, D]", (3.0, 1.0)),
            value("y", "x + u", (4.0, 1.0)),
            value("loss", "", (5.0, 1.0)),
            trained("W_down", "[M, D]", (0.7, 2.0)),
            trained("b_down", "[M]", (1.5, 2.0)),
            trained("W_up", "[D, M]", (2.7, 2.0)),
            trained("b_up", "[D]", (3.5, 2.0)),
            value("residual", "x", (2.0, 0.0)),
        ],
        edges: &[(0, 1), (1, 2), (2, 3), (3, 4), (4, 5), (6, 1), (7, 1), (8, 3), (9, 3), (0, 10), (10, 4)],
    },
    Graph {
        name: "attention",
        title: "Attention: queries, keys and values are three frozen linear layers of x; scores, softmax and the mixture follow. Gradients come back to x by three ways.",
        nodes: &[
            value("x", "[T, D]", (0.0, 1.0)),
            value("q", "x W_qᵀ", (1.3, 0.0)),
            value("k", "x W_kᵀ", (1.3, 1.0)),
            value("v", "x W_vᵀ", (1.3, 2.0)),
            value("s", "q kᵀ / √K", (2.5, 0.5)),
            value("p", "softmax(s)", (3.6, 0.5)),
            value("o", "p v", (4.7, 1.0)),
        ],
        edges: &[(0, 1), (0, 2), (0, 3), (1, 4), (2, 4), (4, 5), (5, 6), (3, 6)],
    },
    Graph {
        name: "lora",
        title: "LoRA: x goes through the frozen layer and through two thin trained matrices beside it; the results are added.",
        nodes: &[
            value("x", "[T, In]", (0.0, 1.0)),
            value("x Wᵀ + b", "[T, Out]", (1.75, 0.0)),
            value("h", "[T, R]", (1.2, 1.6)),
            value("u", "s h Bᵀ", (2.4, 1.6)),
            value("y", "[T, Out]", (3.5, 1.0)),
            frozen("W, b", "frozen", (0.4, 0.0)),
            trained("A", "[R, In]", (0.7, 2.6)),
            trained("B", "[Out, R]", (1.9, 2.6)),
        ],
        edges: &[(0, 1), (0, 2), (2, 3), (1, 4), (3, 4), (5, 1), (6, 2), (7, 3)],
    },
    Graph {
        name: "layer-norm",
        title: "A layer norm: the mean is taken away from x, then the deviation divides; every number of the row takes part in both. A trained weight and bias follow.",
        nodes: &[
            value("x", "[D]", (0.0, 1.0)),
            value("μ", "mean", (1.0, 0.0)),
            value("x − μ", "[D]", (2.0, 1.0)),
            value("σ", "deviation", (3.0, 0.0)),
            value("x̂", "(x − μ)/σ", (4.0, 1.0)),
            value("y", "w ∘ x̂ + b", (5.0, 1.0)),
            frozen("w, b", "frozen", (5.0, 0.0)),
        ],
        edges: &[(0, 1), (0, 2), (1, 2), (2, 3), (2, 4), (3, 4), (4, 5), (6, 5)],
    },
];
