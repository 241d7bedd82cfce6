#!/usr/bin/env python3
"""Prints losses and gradients of sentence embeddings as PyTorch computes them: golden numbers of
`crates/adapters/tests/all/similarity.rs`.

    V/bin/python scripts/embedding_losses.py

Of each loss its value, the sum of its gradient's numbers, each times its place, and the gradient's norm, in double
precision. Losses are written out from their formulas; only the differentiation is PyTorch's.
"""

import torch
from torch.nn.functional import cosine_similarity, cross_entropy, normalize, pairwise_distance, relu

WEIGHT, SIZE = 0.35, 7
SIZES = [3, 2, 4, 3]
SCORES = torch.tensor([0.2, 0.9, 0.2, -0.4, 0.6, 1.0], dtype=torch.float64)


def vectors(rows):
    """Vectors of several lengths and all directions, [rows, SIZE]."""
    at = torch.arange(rows * SIZE, dtype=torch.float64).reshape(rows, SIZE)
    lengths = 1.0 + torch.arange(rows, dtype=torch.float64).unsqueeze(1) / 3.0
    return lengths * torch.sin(0.7 * at) + 0.3 * torch.cos(1.9 * at + 0.5)


def starts(sizes):
    """The first row of each example."""
    return [sum(sizes[:i]) for i in range(len(sizes))]


def ranking(x, texts, symmetric, scale=3.5):
    """Multiple negatives ranking, the sum over anchors; texts that are right as well are left out."""
    anchors = starts(SIZES)
    positives = [a + 1 for a in anchors]
    negatives = [a + k for a, size in zip(anchors, SIZES) for k in range(2, size)]
    unit = normalize(x, dim=1)

    def one_way(queries, candidates):
        scores = scale * unit[queries] @ unit[candidates].T
        for i, query in enumerate(queries):
            for k, candidate in enumerate(candidates):
                right = {texts[query], texts[candidates[i]]}
                same_query = k < len(queries) and texts[queries[k]] == texts[query]
                if k != i and (texts[candidate] in right or same_query):
                    scores[i, k] = float("-inf")
        return cross_entropy(scores, torch.arange(len(queries)), reduction="sum")

    forward = one_way(anchors, positives + negatives)
    return (forward + one_way(positives, anchors)) / 2 if symmetric else forward


def cosines(x):
    """The cosine of each pair of rows."""
    return cosine_similarity(x[0::2], x[1::2])


def cosent(x, scale=4.5):
    """One number for all pairs in the wrong order."""
    c = cosines(x)
    differences = scale * (c[None, :] - c[:, None])
    wrong = differences[SCORES[:, None] > SCORES[None, :]]
    return torch.logsumexp(torch.cat([torch.zeros(1, dtype=torch.float64), wrong]), 0)


def triplets(x, distance, margin):
    """What is missing of the margin, for each negative."""
    total = 0.0
    sizes = [3, 4, 3, 3]
    for anchor, size in zip(starts(sizes), sizes):
        for negative in range(anchor + 2, anchor + size):
            a, p, n = (x[row : row + 1] for row in (anchor, anchor + 1, negative))
            total = total + relu(distance(a, p) - distance(a, n) + margin).sum()
    return total


def matryoshka(loss, x):
    """The loss of the beginnings of vectors."""
    return sum(loss(x[:, :size]) for size in (SIZE, 3, 2))


APART = list(range(12))
SHARED = [0, 1, 2, 0, 4, 5, 4, 7, 8, 4, 10, 1]
LOSSES = [
    ("ranking", lambda x: ranking(x, APART, False), 12),
    ("symmetric", lambda x: ranking(x, APART, True), 12),
    ("duplicates", lambda x: ranking(x, SHARED, True), 12),
    ("cosent", cosent, 12),
    ("cosine", lambda x: ((cosines(x) - SCORES) ** 2).sum(), 12),
    ("triplets", lambda x: triplets(x, lambda a, b: 1 - cosine_similarity(a, b), 1.1), 13),
    ("euclidean", lambda x: triplets(x, lambda a, b: pairwise_distance(a, b, eps=0.0), 3.55), 13),
    ("matryoshka", lambda x: matryoshka(lambda part: ranking(part, APART, True), x), 12),
    ("matryoshka of cosent", lambda x: matryoshka(cosent, x), 12),
]


def main():
    for name, loss, rows in LOSSES:
        x = vectors(rows).requires_grad_()
        value = WEIGHT * loss(x)
        value.backward()
        placed = (x.grad.flatten() * torch.arange(1, x.numel() + 1)).sum()
        numbers = ", ".join(f"{number.item():.13}" for number in (value, placed, x.grad.norm()))
        print(f'    ("{name}", [{numbers}]),')


if __name__ == "__main__":
    main()
