"""The work with decoders that `cargo xtask peers` measures, done by PyTorch with PEFT; see benches/examples/decoder_worker.rs.

    python decoder_worker.py step|generate FOLDER f32|bf16 SEQUENCES TOKENS THREADS STEPS

In bf16 the base is held in bf16 and PEFT's matrices in f32, as PEFT does by itself, under autocast.
"""

import json
import sys
import time

import torch
from memory import peak_bytes
from peft import LoraConfig, get_peft_model
from training import timed
from transformers import AutoModelForCausalLM

WARM_UP = 1
NEW_TOKENS = 128


def training(model, sequences, length, steps, bf16):
    model = get_peft_model(model, LoraConfig(r=16, lora_alpha=32, target_modules="all-linear", task_type="CAUSAL_LM")).train()
    tokens = torch.randint(3, 1003, (sequences, length))
    return timed(model, lambda: model(input_ids=tokens, labels=tokens, use_cache=False).loss, steps, bf16)


def writing(model, sequences, length, steps):
    model = model.eval()
    times = []
    for _ in range(steps):
        tokens = torch.randint(3, 1003, (sequences, length))
        begun = time.perf_counter()
        with torch.no_grad():
            model.generate(
                tokens, attention_mask=torch.ones_like(tokens), do_sample=False, min_new_tokens=NEW_TOKENS, max_new_tokens=NEW_TOKENS,
                pad_token_id=0,
            )  # fmt: skip
        times.append(time.perf_counter() - begun)
    return times


def main():
    work, folder, dtype = sys.argv[1:4]
    sequences, length, threads, steps = map(int, sys.argv[4:8])
    bf16 = dtype == "bf16"
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.bfloat16 if bf16 else torch.float32)
    steps += WARM_UP
    times = training(model, sequences, length, steps, bf16) if work == "step" else writing(model, sequences, length, steps)
    print(json.dumps({"seconds": times[WARM_UP:], "peak_bytes": peak_bytes()}))


if __name__ == "__main__":
    main()
