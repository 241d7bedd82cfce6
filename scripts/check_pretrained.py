#!/usr/bin/env python3
"""Loads a model that `adaptune pretrain` wrote into transformers, and compares tokens and logits.

    V/bin/python scripts/check_pretrained.py MODEL_DIR "a sentence" ["another" ...]

Builds and runs the example `language_logits`, so it is called from the root of the project.
"""

import json
import subprocess
import sys

import torch
from transformers import AutoModelForMaskedLM, AutoTokenizer

TOLERANCE = 2e-5


def ours(directory, ids):
    """The logits that adaptune computes, [tokens, vocabulary]."""
    command = ["cargo", "run", "--quiet", "--release", "--package", "adaptune-adapters", "--example", "language_logits"]
    lines = subprocess.run([*command, "--", directory, *map(str, ids)], check=True, capture_output=True, text=True)
    return torch.tensor([json.loads(line) for line in lines.stdout.splitlines()])


def main():
    directory, *texts = sys.argv[1:]
    tokenizer = AutoTokenizer.from_pretrained(directory)
    model, report = AutoModelForMaskedLM.from_pretrained(directory, dtype=torch.float32, output_loading_info=True)
    model.eval()
    odd = {key: sorted(report[key]) for key in ("missing_keys", "unexpected_keys", "mismatched_keys") if report[key]}
    print("tensors that do not fit:", odd or "none")
    worst = 0.0
    for text in texts:
        ids = tokenizer(text)["input_ids"]
        with torch.no_grad():
            theirs = model(torch.tensor([ids])).logits[0]
        difference = (theirs - ours(directory, ids)).abs().max().item()
        worst = max(worst, difference)
        print(f"{difference:.1e}  {' '.join(tokenizer.convert_ids_to_tokens(ids))}")
    print("largest difference of a logit:", f"{worst:.1e}")
    sys.exit(1 if odd or worst > TOLERANCE else 0)


if __name__ == "__main__":
    main()
