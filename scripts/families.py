"""Golden numbers of every family of bases: last hidden state, logits of the family's own head, and what adapters make of it.

Nothing is stored that both sides can make: every tensor of a small model is filled by a formula of its name (`fill`), and of
every gradient the file has one number, its sum weighed by a formula (`probe`). A family is a row of `FAMILIES`. Each sentence
goes through the model alone, so no padding is anywhere.

AdapterHub needs transformers 4, and some families came with transformers 5. Rows that the installed version has not stay as they
are. Those of version 5:

    V/bin/pip install --target FIVE 'transformers>=5' && PYTHONPATH=FIVE V/bin/python scripts/families.py
"""

import argparse
import importlib
import json
import re
import zlib
from pathlib import Path

import peft
import torch
import transformers
from transformers import AutoConfig, AutoModelForSequenceClassification

FIXTURES = Path(__file__).resolve().parent.parent / "crates" / "adapters" / "tests" / "fixtures"
VERSION = int(transformers.__version__.split(".")[0])
LABELS = 3
LENGTHS = (5, 1, 9, 3)
VOCABULARY, FIRST_REAL_ID = 37, 5

# What all families are called alike, then what each has beside it.
SIZES = dict(vocab_size=VOCABULARY, hidden_size=12, num_hidden_layers=3, num_attention_heads=3, intermediate_size=20,
             max_position_embeddings=24, num_labels=LABELS)  # fmt: skip
BERT = SIZES | dict(type_vocab_size=2, layer_norm_eps=1e-5)
ROBERTA = SIZES | dict(type_vocab_size=1, pad_token_id=2, bos_token_id=0, eos_token_id=1, layer_norm_eps=1e-6)
ALBERT = BERT | dict(embedding_size=7, num_hidden_layers=5, num_hidden_groups=2, inner_group_num=1, hidden_act="gelu_new")
MPNET = SIZES | dict(layer_norm_eps=1e-6, max_position_embeddings=60)
DEBERTA = SIZES | dict(layer_norm_eps=1e-5, relative_attention=True, pooler_hidden_act="gelu_new", hidden_act="gelu")
DEBERTA_V3 = DEBERTA | dict(type_vocab_size=0, position_biased_input=False, position_buckets=4, max_relative_positions=-1,
                            share_att_key=True, norm_rel_ebd="layer_norm", pos_att_type="p2c|c2p")  # fmt: skip
EURO = SIZES | dict(num_attention_heads=4, num_key_value_heads=2, head_dim=4, rms_norm_eps=1e-4, pad_token_id=0,
                    bos_token_id=1, eos_token_id=2, mask_token_id=3, classifier_pooling="bos",
                    rope_parameters={"rope_type": "default", "rope_theta": 50.0})  # fmt: skip
MODERN = {key: value for key, value in SIZES.items()} | dict(
    hidden_activation="gelu", norm_eps=1e-4, pad_token_id=0, global_attn_every_n_layers=2, local_attention=5,
    global_rope_theta=50.0, local_rope_theta=7.0, reference_compile=False)  # fmt: skip
MODERN_BIASES = dict(norm_bias=True, attention_bias=True, mlp_bias=True, classifier_bias=True, classifier_pooling="mean",
                     classifier_activation="silu", hidden_activation="gelu_new", local_attention=4)  # fmt: skip

# Methods of AdapterHub, which has them for some families alone.
BOTTLENECKS = ["seq_bn[reduction_factor=4]", "double_seq_bn[reduction_factor=3]", "par_bn[reduction_factor=4,scaling=2.5]"]
LOW_RANK = ['lora[r=2,alpha=3,attn_matrices=["q","k","v"],intermediate_lora=True,output_lora=True]']
PREFIX = ["prefix_tuning[prefix_length=2,bottleneck_size=3]"]
HUB = BOTTLENECKS + LOW_RANK + PREFIX



# Name: model_type, fields of its configuration, methods of AdapterHub, the modules that PEFT's LoRA changes.
BERT_LAYERS = ["query", "key", "value", "attention.output.dense", "intermediate.dense", "output.dense"]
DEBERTA_LAYERS = ["query_proj", "key_proj", "value_proj", *BERT_LAYERS[3:]]
FAMILIES = {
    "electra": ("electra", BERT | dict(embedding_size=6, hidden_act="gelu_new"), HUB, BERT_LAYERS),
    "electra_square": ("electra", BERT | dict(embedding_size=12), [], BERT_LAYERS[:1]),
    "albert": ("albert", ALBERT, HUB, ["query", "key", "value", "attention.dense", "ffn", "ffn_output"]),
    "mpnet": ("mpnet", MPNET, [], ["attn.q", "attn.k", "attn.v", "attn.o", "intermediate.dense", "output.dense"]),
    "deberta": ("deberta-v2", DEBERTA_V3, HUB, DEBERTA_LAYERS),
    "deberta_own": ("deberta-v2", DEBERTA | dict(type_vocab_size=2, embedding_size=7, max_relative_positions=4, pos_att_type=["c2p"]),
                    LOW_RANK + PREFIX, DEBERTA_LAYERS[:1]),
    "deberta_to_content": ("deberta-v2", DEBERTA_V3 | dict(pos_att_type=["p2c"], position_buckets=6), [], DEBERTA_LAYERS[1:2]),
    "modernbert": ("modernbert", MODERN, BOTTLENECKS, ["attn.Wqkv", "attn.Wo", "mlp.Wo"]),
    "modernbert_biases": ("modernbert", MODERN | MODERN_BIASES, [], ["Wqkv"]),
    "eurobert": ("eurobert", EURO, [], ["q_proj", "k_proj", "v_proj", "o_proj", "up_proj", "down_proj"]),
    "eurobert_biases": ("eurobert", EURO | dict(attention_bias=True, mlp_bias=True, num_key_value_heads=4, head_dim=2,
                        classifier_pooling="mean", hidden_act="gelu"), [], ["v_proj"]),
    "camembert": ("camembert", ROBERTA, [], BERT_LAYERS),
}  # fmt: skip


# LoRAs of PEFT whose layers have ranks and scales of their own: name, the row of FAMILIES, the configuration.
RANKS = dict(rank_pattern={"query_proj": 3, "encoder.layer.1.output.dense": 1, "^deberta.encoder.layer.0.attention.self.key_proj": 4},
             alpha_pattern={"key_proj": 7.5, "layer.2.output.dense": 2})  # fmt: skip
PATTERNS = {
    "patterns": ("deberta", dict(r=2, lora_alpha=3, target_modules=["query_proj", "key_proj", "output.dense"]) | RANKS),
    "patterns, rsLoRA": ("deberta", dict(r=3, lora_alpha=5, target_modules=["key_proj"], use_rslora=True) | RANKS),
}


# Families that transformers 4 does not have.
OF_FIVE = {"eurobert"}
# Those whose eager attention computes its softmax in single precision.
SINGLE_SOFTMAX = {"modernbert", "eurobert"}


def write_families(out):
    """`families.json`."""
    path = out / "families.json"
    before = json.loads(path.read_text()) if path.exists() else {"families": {}}
    cases, ranked = before["families"], before.get("patterns", {})
    ranked |= {name: with_patterns(*row) for name, row in PATTERNS.items() if VERSION < 5}
    for name, family in FAMILIES.items():
        if (family[0] in OF_FIVE) == (VERSION >= 5):
            cases[name] = case(name, *family)
    lines = ",\n".join(f"{json.dumps(name)}: {json.dumps(cases[name])}" for name in FAMILIES if name in cases)
    patterns = ",\n".join(f"{json.dumps(name)}: {json.dumps(ranked[name])}" for name in PATTERNS)
    path.write_text(f'{{"families": {{\n{lines}\n}}, "patterns": {{\n{patterns}\n}}}}\n')


def versions():
    """What has computed a row."""
    return f"transformers {transformers.__version__}, peft {peft.__version__}, torch {torch.__version__}, float64"


def case(name, model_type, fields, methods, targets):
    """A family: its configuration as transformers writes it, inputs, and what comes out."""
    config = AutoConfig.for_model(model_type, **fields)
    config._attn_implementation = "sdpa" if model_type in SINGLE_SOFTMAX else "eager"
    compute_in_double(model_type)
    inputs, labels = sentences(name, config)
    model = filled(AutoModelForSequenceClassification.from_config(config))
    states = torch.cat([model.base_model(**sentence).last_hidden_state[0] for sentence in inputs])
    unread = ("id2label", "label2id", "architectures", "transformers_version", "dtype")
    return {
        "note": versions(),
        "config": {key: value for key, value in json.loads(config.to_json_string()).items() if key not in unread},
        "ids": [sentence["input_ids"][0].tolist() for sentence in inputs],
        "types": [sentence["token_type_ids"][0].tolist() if "token_type_ids" in sentence else [0] * sentence["input_ids"].numel() for sentence in inputs],
        "labels": labels.tolist(),
        "hidden": {"probe": probe(states), "rows": [[rounded(x) for x in states[row]] for row in (0, LENGTHS[0], -1)]},
        "logits": table(torch.cat([model(**sentence).logits for sentence in inputs])),
        "adapters": [hub_run(config, method, inputs, labels) for method in methods],
        "peft": run(low_rank(config, targets), inputs, labels) | {"targets": targets},
    }  # fmt: skip


def with_patterns(of, fields):
    """A LoRA of PEFT with ranks and scales by layer: the shapes of its tensors, and logits."""
    model_type, sizes, *_ = FAMILIES[of]
    config = AutoConfig.for_model(model_type, **sizes)
    config._attn_implementation = "eager"
    compute_in_double(model_type)
    inputs, _ = sentences(of, config)
    model = peft.get_peft_model(AutoModelForSequenceClassification.from_config(config), peft.LoraConfig(**fields))
    model = filled(model)
    shapes = {file_name(name): list(p.shape) for name, p in model.named_parameters() if p.requires_grad}
    logits = table(torch.cat([model(**sentence).logits for sentence in inputs]))
    return {"of": of, "config": fields, "shapes": shapes, "logits": logits}


def sentences(name, config):
    """Sequences of several lengths by the name of the case, with a class for each."""
    torch.manual_seed(zlib.crc32(f"family {name}".encode()))
    # MPNet's distances fall into buckets, of which short texts see few.
    lengths = (*LENGTHS[:2], 50, *LENGTHS[3:]) if config.model_type == "mpnet" else LENGTHS
    inputs = [{"input_ids": torch.randint(FIRST_REAL_ID, VOCABULARY, (1, length))} for length in lengths]
    for sentence in inputs if getattr(config, "type_vocab_size", 0) > 1 else []:
        sentence["token_type_ids"] = (torch.arange(sentence["input_ids"].shape[1]) % 3 == 1).long()[None]
    return inputs, torch.randint(0, LABELS, (len(LENGTHS),))


def compute_in_double(model_type):
    """What transformers computes in single precision whatever the model's is, in double precision: angles, RMS norms and scales."""
    if model_type == "deberta-v2":
        for package in ("transformers", "adapters"):
            module = importlib.import_module(f"{package}.models.deberta_v2.modeling_deberta_v2")
            module.scaled_size_sqrt = lambda x, factor: torch.tensor(x.size(-1) * factor, dtype=torch.float64).sqrt()
    modules = {"modernbert": "ModernBertRotaryEmbedding", "eurobert": "EuroBertRotaryEmbedding"}
    if model_type in modules:
        module = importlib.import_module(f"transformers.models.{model_type}.modeling_{model_type}")
        getattr(module, modules[model_type]).forward = angles
        if hasattr(module, "EuroBertRMSNorm"):
            module.EuroBertRMSNorm.forward = rms_norm


def angles(self, x, position_ids):
    """Cosines and sines of the angles of queries and keys."""
    config = self.config
    size = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    base = config.rope_parameters["rope_theta"] if VERSION >= 5 else config.rope_theta
    frequencies = base ** (-torch.arange(0, size, 2, dtype=torch.float64) / size)
    turned = position_ids[..., None].double() * torch.cat([frequencies, frequencies])
    return turned.cos(), turned.sin()


def rms_norm(self, x):
    """The state over the root of its mean square."""
    return self.weight * x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + self.variance_epsilon)


def hub_run(config, method, inputs, labels):
    """What a model with an adapter of AdapterHub's computes."""
    from adapterhub_models import with_adapter

    model = filled(with_adapter(config, method, LABELS))
    trained = {file_name(name): p for name, p in model.named_parameters() if p.requires_grad}
    return run((model, trained), inputs, labels) | {"method": method}


def low_rank(config, targets):
    """A model with PEFT's LoRA, and its tensors by the names that its files have."""
    model = AutoModelForSequenceClassification.from_config(config)
    model = peft.get_peft_model(model, peft.LoraConfig(r=2, lora_alpha=3, target_modules=targets))
    model = filled(model)
    return model, {file_name(name): p for name, p in model.named_parameters() if p.requires_grad}


def run(model_and_trained, inputs, labels):
    """One forward and one backward pass."""
    model, trained = model_and_trained
    logits = torch.cat([model(**sentence).logits for sentence in inputs])
    loss = torch.nn.functional.cross_entropy(logits, labels)
    loss.backward()
    return {"logits": table(logits), "loss": rounded(loss), "gradients": probes(trained)}


def filled(model):
    """The same model in double precision, all of whose tensors have values by their names."""
    model = model.double().eval()
    for name, parameter in model.named_parameters():
        fill(file_name(name), parameter)
    return model


def file_name(name):
    """What a tensor is called in the files of whoever wrote it: PEFT leaves out the adapter's name, and what it wraps has the
    name of before; prefixes, which every block lists, have a name of their own."""
    name = re.sub(r"^(\w+)\..*\.prefix_tuning\.pool\.", r"\1.prefix_tuning.", name)
    return name.replace(".default.", ".") if ".lora_" in name else name.replace("base_model.model.", "").replace(".base_layer.", ".")


def fill(name, parameter):
    """Values by the name of a tensor: the Rust test makes the same. The square keeps a matrix from being of a low rank, and
    the weights of norms, which are vectors, vary around 1, or little of the input would be left behind a few of them."""
    start = zlib.crc32(name.encode()) % 1000
    count = torch.arange(parameter.numel(), dtype=torch.float64)
    values = 0.5 * torch.sin(start + 1.7 * count + 0.013 * (count * count))
    around = 1.0 if parameter.dim() == 1 and name.endswith(".weight") else 0.0
    parameter.data = (around + values).reshape(parameter.shape)


def probes(trained):
    """For each kind of tensor, those of all layers together, by its name: `probe` of their gradients, one behind the other;
    how many there are, and their shape."""
    kinds = {}
    for name, parameter in trained.items():
        assert parameter.grad is not None, f"{name} has no gradient"
        kinds.setdefault(re.sub(r"\.\d+\.", ".N.", name, count=1), []).append(parameter.grad)
    flat = {kind: torch.cat([gradient.flatten() for gradient in gradients]) for kind, gradients in kinds.items()}
    return {kind: [*probe(flat[kind]), len(kinds[kind]), *kinds[kind][0].shape] for kind in sorted(kinds)}


def probe(values):
    """The sum of the elements, weighed so that no two count alike; and the largest of them, which says how large they are."""
    values = values.flatten()
    weights = torch.cos(1 + 0.37 * torch.arange(values.numel(), dtype=torch.float64))
    return [rounded((values * weights).sum()), rounded(values.abs().max())]


def table(numbers):
    """Rows of numbers."""
    return [[rounded(x) for x in row] for row in numbers]


def rounded(number):
    """More digits than are compared would only take room."""
    return float(f"{float(number):.13g}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=FIXTURES, help="folder to write (default: %(default)s)")
    torch.set_num_threads(1)  # sums in one order
    write_families(parser.parse_args().out)
