"""The work that `cargo xtask peers` measures, done by PyTorch with AdapterHub; see benches/examples/worker.rs.

    python worker.py step|forward|hidden minilm|bert-base f32|bf16 METHOD SEQUENCES TOKENS THREADS STEPS
"""

import json
import sys
import time

import torch
from adapters import BertAdapterModel
from memory import peak_bytes
from training import timed
from transformers import BertConfig

WARM_UP = 2
SHAPES = {
    "minilm": {"hidden_size": 384, "num_hidden_layers": 6, "num_attention_heads": 12, "intermediate_size": 1536},
    "bert-base": {},
}


def build(shape, method, trains):
    torch.manual_seed(0)
    model = BertAdapterModel(BertConfig(**SHAPES[shape]))
    model.add_adapter("bench", config=method)
    model.add_classification_head("bench", num_labels=2)
    if trains:
        model.train_adapter("bench")
    else:
        model.set_active_adapters("bench")
    return model.train(trains)


def training(model, tokens, labels, steps, bf16):
    mask = torch.ones_like(tokens)

    def loss():
        return torch.nn.functional.cross_entropy(model(tokens, attention_mask=mask)[0].float(), labels)

    return timed(model, loss, steps, bf16)


def forward(model, tokens, steps, bf16):
    mask = torch.ones_like(tokens)
    times = []
    for _ in range(steps):
        begun = time.perf_counter()
        with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16, enabled=bf16):
            model(tokens, attention_mask=mask)
        times.append(time.perf_counter() - begun)
    return times


def main():
    work, shape, dtype, method = sys.argv[1:5]
    sequences, length, threads, steps = map(int, sys.argv[5:9])
    bf16 = dtype == "bf16"
    torch.set_num_threads(threads)
    model = build(shape, method, work == "step")
    tokens = torch.randint(1000, 30000, (sequences, length))
    steps += WARM_UP
    if work == "step":
        times = training(model, tokens, torch.arange(sequences) % 2, steps, bf16)
    else:
        times = forward(model, tokens, steps, bf16)
    print(json.dumps({"seconds": times[WARM_UP:], "peak_bytes": peak_bytes()}))


if __name__ == "__main__":
    main()
