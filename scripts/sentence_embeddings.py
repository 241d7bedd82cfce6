#!/usr/bin/env python3
"""Prints the sentence embeddings that transformers computes, as golden numbers for tests with all-MiniLM-L6-v2.

    V/bin/python scripts/sentence_embeddings.py MODEL_DIR

The mean over all tokens, normalised, of texts cut to 256 tokens, as the model's files say: of each text every 48th number.
"""

import sys

import torch
from transformers import AutoModel, AutoTokenizer

TEXTS = [
    "The soup was warm.",
    "A",
    "He didn't say much, but what he said about the weather in Łódź was right: grey, with some hope of snow at night.",
    "soup " * 400,
]


def main():
    directory = sys.argv[1]
    tokenizer = AutoTokenizer.from_pretrained(directory)
    model = AutoModel.from_pretrained(directory).eval()
    batch = tokenizer(TEXTS, padding=True, truncation=True, max_length=256, return_tensors="pt")
    with torch.no_grad():
        hidden = model(**batch).last_hidden_state
    mask = batch["attention_mask"].unsqueeze(-1)
    mean = (hidden * mask).sum(1) / mask.sum(1)
    for row in torch.nn.functional.normalize(mean, dim=1):
        print([round(value, 7) for value in row[::48].tolist()])


if __name__ == "__main__":
    main()
