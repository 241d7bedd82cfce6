#!/usr/bin/env python3
"""Trains adapters of several methods in a decoder with adaptune, loads each in Python, by AdapterHub's library or converted to PEFT's files, and
compares how probable both sides find texts. What changes weights alone is merged too, and the merged folder loaded by transformers alone.

    V/bin/python scripts/check_language_adapters.py MODEL --adaptune target/release/adaptune

MODEL is the folder of a decoder with its tokenizer.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import adapters
import peft
import torch
from transformers import AutoModelForCausalLM

TOLERANCE = 1e-4
TEXTS = ["Once upon a time there was a little girl who had a big dog and they went to the park.", "The dog ran."]
LEARNT = "To be or not to be, that is the question.\nThe king is dead.\n" * 20
# Method, and which library loads it.
METHODS = [
    ("lora[r=4,alpha=8,attn_matrices=[q,k,v,o],intermediate_lora=True,output_lora=True,gate_lora=True]", "peft"),
    ("dora[r=2,alpha=4]", "peft"),
    ("ia3", "peft"),
    ("lora[r=4,alpha=8]", "adapterhub"),
    ("seq_bn[reduction_factor=4]", "adapterhub"),
    ("double_seq_bn[reduction_factor=4]", "adapterhub"),
    ("par_bn[reduction_factor=4]", "adapterhub"),
    ("prefix_tuning[prefix_length=4,bottleneck_size=8]", "adapterhub"),
]
MERGED = ["lora", "dora", "ia3"]


def run(*line):
    """What a command prints."""
    done = subprocess.run([str(word) for word in line], capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(map(str, line))}\n{done.stderr}")
    return done.stdout


def loaded(folder, model, library):
    """The decoder in Python with the adapter in it. Attention is computed plainly: see the known errors of prefixes."""
    base = AutoModelForCausalLM.from_pretrained(model, dtype=torch.float32, attn_implementation="eager")
    if library == "peft":
        return peft.PeftModel.from_pretrained(base, folder).eval()
    adapters.init(base)
    base.load_adapter(str(folder), with_head=False, use_safetensors=True, set_active=True)
    return base.eval()


def off(model, record):
    """The largest difference of a logarithm of a probability."""
    ids = torch.tensor(record["tokens"])
    with torch.no_grad():
        expected = torch.log_softmax(model(ids[None]).logits[0, :-1].double(), -1).gather(1, ids[1:, None])[:, 0]
    return (expected - torch.tensor(record["logprobs"], dtype=torch.float64)).abs().max().item()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", help="folder of a decoder")
    parser.add_argument("--adaptune", default="target/release/adaptune", help="the program (default: %(default)s)")
    args = parser.parse_args()
    good = True
    with tempfile.TemporaryDirectory() as work:
        work = Path(work)
        (work / "learnt.txt").write_text(LEARNT)
        (work / "texts.txt").write_text("\n".join(TEXTS) + "\n")
        for number, (method, library) in enumerate(METHODS):
            trained, converted = work / f"trained-{number}", work / f"converted-{number}"
            run(args.adaptune, "train", "--model", args.model, "--train", work / "learnt.txt", "--task", "causal-language", "--method", method,
                "--epochs", 4, "--batch-size", 2, "--max-length", 64, "--lr", 1e-2, "--out", trained, "--name", "mine", "--json")  # fmt: skip
            scored = run(args.adaptune, "score", "--adapter", trained, "--input", work / "texts.txt", "--json")
            folder = trained
            if library == "peft":
                run(args.adaptune, "convert", "--adapter", trained, "--to", "peft", "--out", converted)
                folder = converted
            model = loaded(folder, args.model, library)
            worst = max(off(model, json.loads(record)) for record in scored.splitlines())
            good = good and worst < TOLERANCE
            print(f"{library}, {method}: log-probabilities differ by {worst:.1e} at most")
            if method.split("[")[0] in MERGED:
                folder = work / f"merged-{number}"
                run(args.adaptune, "merge", "--adapter", trained, "--out", folder)
                merged, report = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, output_loading_info=True)
                odd = [key for key in ("missing_keys", "unexpected_keys", "mismatched_keys") if report[key]]
                worst = max(off(merged.eval(), json.loads(record)) for record in scored.splitlines())
                good = good and worst < TOLERANCE and not odd
                print(f"  merged, {merged.__class__.__name__}: {worst:.1e} at most, tensors that do not fit: {odd or 'none'}")
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    torch.set_num_threads(2)
    main()
