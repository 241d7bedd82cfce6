"""Prints what PyTorch finds for the numbers of `crates/adaptune/examples/attention_by_hand`.

    python -m venv V && V/bin/pip install torch
    V/bin/python scripts/attention_by_hand.py > docs/results/attention_pytorch.txt
"""

import math

import torch
from bottleneck_by_hand import show
from torch.nn import functional as F

Q = [[1, 0], [0, 1], [-1, -1]]  # times √2 ln 2, so that scores are multiples of ln 2
K = [[1, 0], [0, 1], [0, 0]]
V = [[4, 0], [0, 4], [-4, 4]]
TARGET = [[0, 1], [1, 3], [-1, 1]]


def variable(values, factor=1.0):
    return (torch.tensor(values, dtype=torch.float64) * factor).requires_grad_()


def one_row():
    print("\n[one-row]")
    s = variable([[math.log(2), 0, 0]])
    p = F.softmax(s, dim=-1)
    p.backward(torch.tensor([[1.0, 2.0, -1.0]], dtype=torch.float64))
    show("p", p)
    show("d_s", s.grad)


def attention():
    print("\n[attention]")
    # ANCHOR: torch
    q, k, v = variable(Q, math.sqrt(2) * math.log(2)), variable(K), variable(V)
    o = F.scaled_dot_product_attention(q[None], k[None], v[None])[0]
    loss = (o - torch.tensor(TARGET, dtype=torch.float64)).square().sum() / 2
    loss.backward()
    # ANCHOR_END: torch
    print(f"{'loss':<10} {loss.item():>8.10g}")
    show("o", o)
    show("d_v", v.grad)
    show("d_q", q.grad)
    show("d_k", k.grad)


def norm():
    print("\n[norm]")
    x, w, b = variable([[-6, 0, 2, 8]]), variable([1, 2, 0.5, -1]), variable([0.5, 0, -1, 0.25])
    y = F.layer_norm(x, (4,), w, b, eps=0.0)
    y.backward(torch.tensor([[1.0, -1.0, 2.0, -3.0]], dtype=torch.float64))
    show("y", y)
    show("d_x", x.grad)
    show("d_w", w.grad)
    show("d_b", b.grad)


if __name__ == "__main__":
    print(f"PyTorch {torch.__version__.split('+')[0]}, float64")
    one_row()
    attention()
    norm()
