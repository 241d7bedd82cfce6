#!/usr/bin/env python3
"""Saves a small random model of every family with transformers, reads it with adaptune, and compares the last hidden states.

    V/bin/python scripts/check_families.py [family ...]

Models are saved as transformers saves them: bare, and below a head, whose tensors are passed over. Families that the installed
transformers does not have are left out. Builds and runs the example `hidden_states`, so it is called from the root of the project.
"""

import subprocess
import sys
import tempfile

import torch
from families import FAMILIES, VOCABULARY
from transformers import CONFIG_MAPPING, AutoConfig, AutoModel, AutoModelForMaskedLM, AutoModelForSequenceClassification

TOLERANCE = 2e-5
CLASSES = [AutoModel, AutoModelForMaskedLM, AutoModelForSequenceClassification]
LENGTHS = (1, 4, 20)


def ours(directory, ids):
    """The last hidden state that adaptune computes, [tokens, hidden]."""
    command = ["cargo", "run", "--quiet", "--package", "adaptune-transformer", "--example", "hidden_states"]
    run = subprocess.run([*command, "--", directory, *map(str, ids)], capture_output=True, text=True)
    if run.returncode:
        sys.exit(f"adaptune stopped:\n{run.stderr}")
    return torch.tensor([[float(x) for x in line.split()] for line in run.stdout.splitlines()])


def difference(config, model_class):
    """The largest difference of a number between both, of one model."""
    model = model_class.from_config(config).eval()
    for parameter in model.parameters():
        parameter.data = parameter.data + 0.3 * torch.randn_like(parameter)
    worst = 0.0
    with tempfile.TemporaryDirectory() as directory:
        model.save_pretrained(directory)
        for length in LENGTHS:
            ids = torch.randint(5, VOCABULARY, (1, length))
            with torch.no_grad():
                theirs = model.base_model(input_ids=ids).last_hidden_state[0]
            worst = max(worst, (theirs - ours(directory, ids[0].tolist())).abs().max().item())
    return worst


def main():
    torch.manual_seed(1)
    wanted, worst = sys.argv[1:], 0.0
    for name, (model_type, fields, *_) in FAMILIES.items():
        if model_type not in CONFIG_MAPPING or wanted and name not in wanted:
            continue
        config = AutoConfig.for_model(model_type, **fields)
        for model_class in CLASSES:
            off = difference(config, model_class)
            worst = max(worst, off)
            print(f"{off:.1e}  {name}, {model_class.__name__}", flush=True)
    print("largest difference of a number:", f"{worst:.1e}")
    sys.exit(1 if worst > TOLERANCE else 0)


if __name__ == "__main__":
    main()
