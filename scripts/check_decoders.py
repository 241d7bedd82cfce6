#!/usr/bin/env python3
"""Saves small random decoders with transformers, and compares how probable adaptune finds texts in them, and what it writes.

    V/bin/python scripts/check_decoders.py TOKENIZER [family ...]

TOKENIZER is a tokenizer.json of at most 512 tokens. Decoders that the installed transformers does not have are left out. Builds and
runs adaptune, so it is called from the root of the project.
"""

import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import torch
from transformers import CONFIG_MAPPING, AutoConfig, AutoModelForCausalLM

TOLERANCE = 2e-5
TEXTS = ["Once upon a time there was a little girl who had a big dog and they went to the park.", "The dog"]
NEW_TOKENS, END = 20, 2
SIZES = dict(vocab_size=512, hidden_size=24, intermediate_size=40, num_hidden_layers=5, num_attention_heads=6,
             num_key_value_heads=2, max_position_embeddings=64, pad_token_id=0, bos_token_id=1, eos_token_id=END)  # fmt: skip
LLAMA3 = {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
          "original_max_position_embeddings": 16}  # fmt: skip

# Name: model_type, and what its configuration has beside the sizes.
DECODERS = {
    "llama3": ("llama", dict(rope_scaling=LLAMA3, attention_bias=True, mlp_bias=True, rope_theta=1000.0)),
    "linear": ("llama", dict(rope_scaling={"rope_type": "linear", "factor": 2.5}, tie_word_embeddings=True, head_dim=8)),
    "gpt2": ("gpt2", dict(n_inner=40, scale_attn_weights=True)),
    "gpt2_untied": ("gpt2", dict(activation_function="relu", tie_word_embeddings=False)),
    "mistral": ("mistral", dict(sliding_window=5, head_dim=8)),
    "qwen2": ("qwen2", dict(use_sliding_window=True, sliding_window=4, max_window_layers=2)),
    "qwen3": ("qwen3", dict(head_dim=8, attention_bias=True)),
    "smollm3": ("smollm3", dict(no_rope_layer_interval=2, use_sliding_window=False)),
}


def ours(command, directory, *options):
    """What a command of adaptune prints, a value a line."""
    line = ["cargo", "run", "--quiet", "--package", "adaptune", "--", command, "--model", directory, "--json", *options]
    run = subprocess.run(line, capture_output=True, text=True)
    if run.returncode:
        sys.exit(f"adaptune stopped:\n{run.stderr}")
    return [json.loads(record) for record in run.stdout.splitlines()]


def compare(model_type, fields, tokenizer):
    """The largest difference of a logarithm of a probability, and whether the same is written."""
    config = AutoConfig.for_model(model_type, **(SIZES | fields))
    config._attn_implementation = "eager"
    model = AutoModelForCausalLM.from_config(config).eval()
    for parameter in model.parameters():
        parameter.data = parameter.data + 0.3 * torch.randn_like(parameter)
    with tempfile.TemporaryDirectory() as directory:
        model.save_pretrained(directory)
        shutil.copy(tokenizer, Path(directory) / "tokenizer.json")
        texts = Path(directory) / "texts.txt"
        texts.write_text("\n".join(TEXTS) + "\n")
        scored = ours("score", directory, "--input", str(texts))
        written = ours("generate", directory, "--prompt", TEXTS[0], "--max-new-tokens", str(NEW_TOKENS))
    ids = torch.tensor([scored[0]["tokens"]])
    with torch.no_grad():
        new = model.generate(ids, max_new_tokens=NEW_TOKENS, do_sample=False)[0, ids.shape[1] :].tolist()
    worst = max(off(model.double(), record) for record in scored)
    return worst, [token for token in new if token != END] == written[0]["tokens"]


def off(model, record):
    """The largest difference of one text."""
    ids = torch.tensor(record["tokens"])
    with torch.no_grad():
        expected = torch.log_softmax(model(ids[None]).logits[0, :-1], -1).gather(1, ids[1:, None])[:, 0]
    return (expected - torch.tensor(record["logprobs"], dtype=torch.float64)).abs().max().item()


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    tokenizer, names = sys.argv[1], sys.argv[2:] or list(DECODERS)
    torch.manual_seed(0)
    good = True
    for name in names:
        model_type, fields = DECODERS[name]
        if model_type not in CONFIG_MAPPING:
            print(f"{name}: transformers does not have it")
            continue
        worst, same = compare(model_type, fields, tokenizer)
        good = good and worst < TOLERANCE and same
        print(f"{name}: log-probabilities differ by {worst:.1e} at most; the same is written: {same}")
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
