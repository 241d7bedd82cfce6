#!/usr/bin/env python3
"""Asks an instruction model a few questions, with transformers and with adaptune, and compares the answers token by token.

    V/bin/python scripts/check_chat_model.py MODEL [--gguf FILE] [--adaptune PROGRAM] [--tokens 64]

MODEL is a Hugging Face folder. With --gguf it is written from that file first, in bf16, by transformers' own reader, which needs the
packages `gguf` and `sentencepiece`. Both sides take the most probable token each time, in f32.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

QUESTIONS = [
    "Write a Python function that reverses a string.",
    "What is a llama?",
    "Explain what a mutex is in one sentence.",
]


def convert(gguf, folder):
    """Writes a model that is stored as one GGUF file as a Hugging Face folder."""
    source = dict(gguf_file=gguf.name)
    model = AutoModelForCausalLM.from_pretrained(gguf.parent, torch_dtype=torch.bfloat16, **source)
    model.save_pretrained(folder, safe_serialization=True)
    AutoTokenizer.from_pretrained(gguf.parent, **source).save_pretrained(folder)


def expected(folder, count):
    """The new tokens that transformers answers each question with, up to the end of the answer."""
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForCausalLM.from_pretrained(folder, torch_dtype=torch.float32).eval()
    ends = model.generation_config.eos_token_id
    ends = set(ends if isinstance(ends, list) else [ends])
    for question in QUESTIONS:
        turns = [{"role": "user", "content": question}]
        ids = tokenizer.apply_chat_template(turns, add_generation_prompt=True, return_tensors="pt")
        settings = dict(max_new_tokens=count, do_sample=False, repetition_penalty=1.0)
        found = model.generate(ids, **settings)[0, ids.shape[1] :].tolist()
        yield [token for token in found if token not in ends]


def answers(program, folder, count):
    """The same of adaptune."""
    with tempfile.TemporaryDirectory() as work:
        questions = Path(work) / "questions.txt"
        questions.write_text("\n".join(QUESTIONS) + "\n", encoding="utf-8")
        line = [program, "generate", "--model", folder, "--chat", "--input", questions, "--json"]
        found = subprocess.run([*line, "--max-new-tokens", str(count)], check=True, capture_output=True, text=True)
    return [json.loads(line) for line in found.stdout.splitlines()]


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("model", type=Path)
    arguments.add_argument("--gguf", type=Path)
    arguments.add_argument("--adaptune", default="target/release/adaptune")
    arguments.add_argument("--tokens", type=int, default=64)
    said = arguments.parse_args()
    if said.gguf:
        convert(said.gguf, said.model)
    ours, wrong = answers(said.adaptune, said.model, said.tokens), 0
    for question, theirs, answer in zip(QUESTIONS, expected(said.model, said.tokens), ours, strict=True):
        same = answer["tokens"] == theirs
        wrong += not same
        print(f"{'same' if same else 'OTHER':5}  {len(theirs):3} tokens  {question}")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
