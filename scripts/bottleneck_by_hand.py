"""Prints what PyTorch finds for the numbers of `crates/adaptune/examples/bottleneck_by_hand.rs`.

    python -m venv V && V/bin/pip install torch
    V/bin/python scripts/bottleneck_by_hand.py > docs/results/bottleneck_pytorch.txt
"""

import torch
from torch import nn

X = [[1.0, 2.0, -1.0], [2.0, -1.0, 0.5]]
TARGET = [[2.0, 3.0, -2.0], [2.0, 0.5, 1.0]]


def bottleneck():
    """Hidden size 3, two units, with the numbers of the book."""
    down, up = nn.Linear(3, 2, dtype=torch.float64), nn.Linear(2, 3, dtype=torch.float64)
    with torch.no_grad():
        down.weight.copy_(torch.tensor([[0.5, -0.25, 0.5], [0.25, 0.5, -0.5]]))
        down.bias.copy_(torch.tensor([0.25, -0.25]))
        up.weight.copy_(torch.tensor([[0.5, 1.0], [-0.5, 0.5], [1.0, -1.0]]))
        up.bias.copy_(torch.tensor([0.25, 0.0, -0.25]))
    return down, up


def show(name, values):
    """A name and an array, row by row below each other, as the program in Rust prints them."""
    for number, row in enumerate(values.reshape(-1, values.shape[-1]).tolist()):
        cells = " ".join(f"{round(value, 5) + 0.0:.10g}".rjust(8) for value in row)
        print(f"{name if number == 0 else '':<10} {cells}")


def run(part, tokens):
    print(f"\n[{part}]")
    down, up = bottleneck()
    # ANCHOR: torch
    x = torch.tensor(X[:tokens], dtype=torch.float64, requires_grad=True)
    y = x + up(torch.relu(down(x)))
    loss = (y - torch.tensor(TARGET[:tokens], dtype=torch.float64)).square().sum() / 2
    loss.backward()
    # ANCHOR_END: torch
    print(f"{'loss':<10} {loss.item():.10g}")
    show("d_W_up", up.weight.grad)
    show("d_b_up", up.bias.grad)
    show("d_W_down", down.weight.grad)
    show("d_b_down", down.bias.grad)
    show("d_x", x.grad)


if __name__ == "__main__":
    print(f"PyTorch {torch.__version__.split('+')[0]}, float64")
    run("one-token", 1)
    run("two-tokens", 2)
