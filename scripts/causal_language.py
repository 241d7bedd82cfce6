"""Golden numbers of causal language modelling: losses and gradients of adapters in small decoders, with an output layer of their own
and with a tied one, with the next tokens of whole texts and with those of some tokens alone.

As in `families.py` every tensor is filled by a formula of its name, and of a gradient the file has its probe.

    V/bin/python scripts/causal_language.py
"""

import argparse
import json
from pathlib import Path

import adapters
import peft
import torch
import transformers.models.llama.modeling_llama as llama
from adapters import ConfigUnion, PrefixTuningConfig, SeqBnConfig
from families import FIXTURES, angles, file_name, filled, probes, rms_norm, rounded, versions
from transformers import AutoModelForCausalLM, GPT2Config, LlamaConfig

VOCABULARY = 37
SIZES = dict(vocab_size=VOCABULARY, hidden_size=12, num_hidden_layers=2, num_attention_heads=3, num_key_value_heads=1, head_dim=4,
             intermediate_size=20, max_position_embeddings=24, rms_norm_eps=1e-4, rope_theta=50.0, pad_token_id=0, bos_token_id=1,
             eos_token_id=2)  # fmt: skip
# How long each text is, and which of its tokens are learnt.
LENGTHS = (5, 2, 9, 3)
GPT2 = dict(vocab_size=VOCABULARY, n_embd=12, n_layer=2, n_head=3, n_inner=20, n_positions=24, layer_norm_epsilon=1e-4, bos_token_id=1,
            eos_token_id=2)  # fmt: skip
LLAMA_TARGETS = ["q_proj", "k_proj", "v_proj", "o_proj", "up_proj", "down_proj"]
GPT2_TARGETS = ["attn.c_proj", "mlp.c_fc", "mlp.c_proj"]
# Name: configuration, and the modules that PEFT's LoRA changes.
CASES = {
    "tied": (LlamaConfig(**SIZES, tie_word_embeddings=True), LLAMA_TARGETS),
    "untied": (LlamaConfig(**SIZES, tie_word_embeddings=False), [*LLAMA_TARGETS, "gate_proj"]),
    "gpt2": (GPT2Config(**GPT2), GPT2_TARGETS),
}
HUB = {
    "seq_bn[reduction_factor=4,non_linearity=swish]": lambda: SeqBnConfig(reduction_factor=4, non_linearity="swish"),
    "prefix_tuning[prefix_length=2,bottleneck_size=3]": lambda: PrefixTuningConfig(prefix_length=2, bottleneck_size=3),
    "seq_bn[reduction_factor=3,non_linearity=gelu]|prefix_tuning[flat=True,prefix_length=3]": lambda: ConfigUnion(
        SeqBnConfig(reduction_factor=3, non_linearity="gelu"), PrefixTuningConfig(flat=True, prefix_length=3)
    ),
}


def texts():
    """Tokens of several texts, and for each token whether it is learnt."""
    torch.manual_seed(7)
    ids = [torch.randint(3, VOCABULARY, (1, length)) for length in LENGTHS]
    return ids, [torch.arange(length) % 3 != 1 if length > 3 else torch.ones(length, dtype=torch.bool) for length in LENGTHS]


def run(model, ids, counts):
    """Loss and gradients of one pass over texts that do not see each other."""
    model = filled(model)
    trained = {file_name(name): p for name, p in model.named_parameters() if p.requires_grad}
    losses = []
    for text, learnt in zip(ids, counts):
        logits = model(input_ids=text).logits[0]
        each = torch.nn.functional.cross_entropy(logits[:-1], text[0, 1:], reduction="none")
        losses.append(each[learnt[1:]])
    loss = torch.cat(losses).mean()
    loss.backward()
    return {"loss": rounded(loss), "gradients": probes(trained)}


def of_hub(config, method):
    """A model with an adapter of AdapterHub's, which alone trains."""
    model = AutoModelForCausalLM.from_config(config)
    adapters.init(model)
    model.add_adapter("mood", HUB[method]())
    model.train_adapter("mood")
    return model


def of_peft(config, targets):
    """A model with PEFT's LoRA."""
    model = AutoModelForCausalLM.from_config(config)
    return peft.get_peft_model(model, peft.LoraConfig(r=2, lora_alpha=3, target_modules=targets, task_type="CAUSAL_LM"))


def softmax_as_it_comes(function):
    """Attention computes its softmax in single precision whatever the model's is; here in the model's own."""
    return lambda x, dim=None, dtype=None: function(x, dim=dim)


def case(config, targets):
    """A decoder: its configuration, inputs, and what comes out."""
    # With scaled_dot_product_attention AdapterHub's prefixes hide as many of a text's own tokens as they are long.
    config._attn_implementation = "eager"
    ids, counts = texts()
    unread = ("architectures", "transformers_version", "dtype")
    return {
        "note": versions(),
        "config": {key: value for key, value in json.loads(config.to_json_string()).items() if key not in unread},
        "ids": [text[0].tolist() for text in ids],
        "counts": [learnt.tolist() for learnt in counts],
        "adapters": [run(of_hub(config, method), ids, counts) | {"method": method} for method in HUB],
        "peft": run(of_peft(config, targets), ids, counts) | {"targets": targets},
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=FIXTURES, help="folder to write (default: %(default)s)")
    torch.set_num_threads(1)
    torch.nn.functional.softmax = softmax_as_it_comes(torch.nn.functional.softmax)
    llama.LlamaRotaryEmbedding.forward, llama.LlamaRMSNorm.forward = angles, rms_norm
    cases = {name: case(*of) for name, of in CASES.items()}
    lines = ",\n".join(f"{json.dumps(name)}: {json.dumps(cases[name])}" for name in cases)
    (parser.parse_args().out / "causal_language.json").write_text(f"{{\n{lines}\n}}\n")
