"""Golden ids of tokenizers without `tokenizer.json`: what transformers makes of `vocab.txt`, of `vocab.json` with `merges.txt`, and of
`spm.model`, for odd texts and pairs of them.

    V/bin/python scripts/older_tokenizers.py

Needs `sentencepiece` and `protobuf` beside transformers.
"""

import argparse
import io
import json
import tempfile
from pathlib import Path

import sentencepiece
import transformers
from tokenizers.pre_tokenizers import ByteLevel
from transformers import AutoTokenizer

FIXTURES = Path(__file__).resolve().parent.parent / "crates" / "text" / "tests" / "fixtures"
TEXTS = ["", "  ", "Hello, World!", "na\u00efve CAF\u00c9 \u00df", "\u4e2d\u6587 abc", "a\u0301b e\u0301", "the [MASK] ran",
         "the <mask> ran", "tab\tnew\nline  two", "zero\u200bwidth \u00ad soft", "emoji \U0001f600!", "x" * 101, "wow... l'\u00e9t\u00e9",
         "\uff26\uff35\uff2c\uff2c \uff11", "don't  stop ", "[CLS] said </s> twice [SEP]", "low lower lowest the hello"]  # fmt: skip
PAIRS = [("the hello", "low"), ("", "lowest")]
LETTERS = "abcdefghijklmnopqrstuvwxyz"
WORDS = ["the", "hello", "low", "##er", "##est", "##llo", ",", "!", ".", "'", "\u4e2d", "\u6587", "H", "W", "\u00e9", "\u00c9", "\u00df"]
PIECES = [*WORDS, *LETTERS, *(f"##{letter}" for letter in LETTERS)]
BERT = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *PIECES]
MERGES = ["l o", "lo w", "e r", "\u0120 low", "t h", "th e", "\u0120 the", "h e", "l l"]


def bytes_of(first, last):
    """A vocabulary of all bytes and merges between some special tokens, and the merges."""
    tokens = [*first, *sorted(ByteLevel.alphabet()), *(merge.replace(" ", "") for merge in MERGES), *last]
    merges = "\n".join(["#version: 0.2", *MERGES, ""])
    return {"vocab.json": json.dumps({token: i for i, token in enumerate(tokens)}), "merges.txt": merges}


def sentence_pieces():
    """A small model of SentencePiece, as DeBERTa's are: the special tokens first, and a few letters are written in another way."""
    model = io.BytesIO()
    rules = tempfile.NamedTemporaryFile("w", suffix=".tsv")
    rules.write("FF26\t46\nFF35\t55\nFF2C\t4C\nFF11\t31\nAD\t\nE9\t65 301\n")
    rules.flush()
    lines = ["the hello low lower lowest"] * 3 + [text for text in TEXTS if text.strip()] + [LETTERS + " HWCAF"]
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(lines), model_writer=model, vocab_size=80, model_type="unigram", pad_id=0, bos_id=1, eos_id=2,
        unk_id=3, pad_piece="[PAD]", bos_piece="[CLS]", eos_piece="[SEP]", unk_piece="[UNK]", normalization_rule_tsv=rules.name,
        user_defined_symbols=["<extra>"], hard_vocab_limit=False, minloglevel=2)  # fmt: skip
    return model.getvalue()


def lines(tokens):
    return "\n".join(tokens) + "\n"


# Name: the family, files.
CASES = {
    "bert": ("bert", {"vocab.txt": lines(BERT)}),
    "bert, cased": ("bert", {"vocab.txt": "\r\n".join(BERT), "tokenizer_config.json": json.dumps(
        {"do_lower_case": False, "strip_accents": True, "tokenize_chinese_chars": False, "tokenizer_class": "BertTokenizer"})}),
    "bert, other names": ("bert", {"vocab.txt": lines(["<pad>", "<u>", "<s>", "</s>", "the", *PIECES, "<mask>"]),
        "special_tokens_map.json": json.dumps({"unk_token": "<u>", "cls_token": "<s>", "sep_token": "</s>", "pad_token": "<pad>",
                                               "mask_token": {"content": "<mask>", "lstrip": True, "rstrip": False, "single_word": False, "normalized": False}}),
        "tokenizer_config.json": json.dumps({"strip_accents": False})}),
    "distilbert": ("distilbert", {"vocab.txt": lines(BERT), "tokenizer_config.json": json.dumps({"do_lower_case": False})}),
    "mpnet": ("mpnet", {"vocab.txt": lines(["<s>", "<pad>", "</s>", "<unk>", *PIECES, "[UNK]", "<mask>"])}),
    "roberta": ("roberta", bytes_of(["<s>", "<pad>", "</s>", "<unk>"], ["<mask>"])),
    "roberta, with a space": ("roberta", bytes_of(["<s>", "<pad>", "</s>", "<unk>"], ["<mask>"])
                              | {"tokenizer_config.json": json.dumps({"add_prefix_space": True})}),
    "gpt2": ("gpt2", bytes_of([], ["<|endoftext|>"])),
    "deberta": ("deberta-v2", {}),
    "deberta, split": ("deberta-v2", {"tokenizer_config.json": json.dumps({"do_lower_case": True, "split_by_punct": True})}),
}  # fmt: skip


def case(family, files, spm):
    """The files, and what transformers makes of the texts: ids, and token types of pairs."""
    with tempfile.TemporaryDirectory() as folder:
        for name, text in files.items():
            (Path(folder) / name).write_bytes(text.encode())
        if family == "deberta-v2":
            (Path(folder) / "spm.model").write_bytes(spm)
        (Path(folder) / "config.json").write_text(json.dumps({"model_type": family}))
        tokenizer = AutoTokenizer.from_pretrained(folder)
        assert tokenizer.is_fast
    pairs = [tokenizer(a, b, return_token_type_ids=True) for a, b in PAIRS]
    return {
        "family": family,
        "files": files,
        "ids": [tokenizer(text)["input_ids"] for text in TEXTS],
        "pairs": [[pair["input_ids"], pair["token_type_ids"]] for pair in pairs],
    }


def main(out):
    spm = sentence_pieces()
    cases = {name: case(family, files, spm) for name, (family, files) in CASES.items()}
    (out / "spm.model").write_bytes(spm)
    rows = ",\n".join(f"{json.dumps(name)}: {json.dumps(cases[name])}" for name in cases)
    head = {"note": f"transformers {transformers.__version__}", "texts": TEXTS, "text_pairs": PAIRS}
    (out / "older_tokenizers.json").write_text(json.dumps(head)[:-1] + f', "cases": {{\n{rows}\n}}}}\n')


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=FIXTURES, help="folder to write (default: %(default)s)")
    main(parser.parse_args().out)
