"""Golden numbers of adapters that are put together: stacks, fusions, averages, batches in which sequences have different ones or each
has several, and what PEFT's Arrow makes of LoRAs.

Nothing is stored that both sides can make. Every tensor is filled by a formula of its name (`fill`), and of every gradient the
file has one number, its sum weighed by a formula (`probe`), which any wrong element changes. So a case is a few lines of JSON.
"""

import json
import re
import tempfile
import zlib
from pathlib import Path

import adapters
import peft
import torch
from adapters import AutoAdapterModel, DynamicAdapterFusionConfig, StaticAdapterFusionConfig
from adapters.composition import Average, BatchSplit, Fuse, Parallel, Split, Stack
from transformers import AutoModel

FUSIONS = {"dynamic": DynamicAdapterFusionConfig, "static": StaticAdapterFusionConfig}
LABELS = 3
LENGTHS = (5, 1, 9, 3)
VOCABULARY, FIRST_REAL_ID = 37, 5

# Name: family, adapters by name, the setup as Python has it and as our expressions have it, fields of its fusions.
BOTTLENECKS = {"a": "seq_bn[reduction_factor=4]", "b": "seq_bn[reduction_factor=2]", "c": "seq_bn[reduction_factor=6]"}
DOUBLE = {name: text.replace("seq_bn", "double_seq_bn") for name, text in BOTTLENECKS.items()}
LANGUAGE = BOTTLENECKS | {"l": "seq_bn[reduction_factor=3]"}
LORAS = {"a": "lora[r=3,alpha=5]", "b": "lora[r=2,alpha=7]"}
COMPACTERS = {"a": "compacter++[reduction_factor=3,phm_dim=2]", "b": "compacter++[reduction_factor=2,phm_dim=2]"}
THREE = (Fuse("a", "b", "c"), "fuse(a, b, c)")


def average(*parts, weights):
    """The average that these weights, of which there is one for each part and which sum to 1, stand for. Python divides the weighted
    sum by the number of parts besides, so it is given as many times the weights, and does not make their sum 1 again."""
    return Average(*parts, weights=[len(parts) * weight for weight in weights], normalize_weights=False)


CASES = {
    "dynamic": ("bert", BOTTLENECKS, *THREE, "dynamic", {}),
    "static": ("bert", BOTTLENECKS, *THREE, "static", {}),
    "roberta": ("roberta", DOUBLE, *THREE, "dynamic", {}),
    "distilbert": ("distilbert", DOUBLE, *THREE, "dynamic", {}),
    "distilbert_static": ("distilbert", BOTTLENECKS, *THREE, "static", {}),
    "one": ("bert", BOTTLENECKS, Fuse("b"), "fuse(b)", "dynamic", {}),
    "compacters": ("bert", COMPACTERS, Fuse("a", "b"), "fuse(a, b)", "dynamic", {}),
    "before_norm": ("bert", BOTTLENECKS, *THREE, "dynamic", {"query_before_ln": True}),
    "residual_before": ("bert", BOTTLENECKS, *THREE, "dynamic", {"residual_before": True}),
    "residual_before_static": ("roberta", BOTTLENECKS, *THREE, "static", {"residual_before": True}),
    "no_key": ("bert", BOTTLENECKS, *THREE, "dynamic", {"key": False}),
    "no_query": ("bert", BOTTLENECKS, *THREE, "dynamic", {"query": False}),
    "value_behind": ("roberta", BOTTLENECKS, *THREE, "dynamic", {"value_before_softmax": False}),
    "upon_a_language": ("bert", LANGUAGE, Stack("l", Fuse("a", "b", "c")), "stack(l, fuse(a, b, c))", "dynamic", {}),
    "named": ("bert", BOTTLENECKS, Fuse("c", "a", name="both"), "fuse(c, a; both)", "dynamic", {}),
    "split_batch": (
        "bert", BOTTLENECKS, BatchSplit("b", "a", "c", batch_sizes=[1, 2, 1]),
        "per_sequence(b, a, c, part_of=[0, 1, 1, 2])", None, {}),
    "split_batch_stack": (
        "roberta", LANGUAGE, Stack("l", BatchSplit("b", "a", batch_sizes=[3, 1])),
        "stack(l, per_sequence(b, a, part_of=[0, 0, 0, 1]))", None, {}),
    "ranges": ("bert", BOTTLENECKS, Split("a", "b", splits=[4, 5]), "split(a, b, splits=[4, 5])", None, {}),
    "ranges_double": (
        "roberta", DOUBLE, Split("b", "c", "a", splits=[2, 3, 4]), "split(b, c, a, splits=[2, 3, 4])", None, {}),
    "ranges_upon_a_language": (
        "distilbert", LANGUAGE, Stack("l", Split("a", "b", splits=[1, 8])), "stack(l, split(a, b, splits=[1, 8]))", None, {}),
    "average": (
        "bert", BOTTLENECKS, average("a", "b", weights=[0.25, 0.75]), "average(0.25*a, 0.75*b)", None, {}),
    "average_double": (
        "roberta", DOUBLE, average("b", "c", "a", weights=[0.5, 0.25, 0.25]), "average(0.5*b, 0.25*c, 0.25*a)", None, {}),
    "average_loras": (
        "distilbert", LORAS, average("a", "b", weights=[0.375, 0.625]), "average(0.375*a, 0.625*b)", None, {}),
    "average_upon_a_language": (
        "bert", LANGUAGE, Stack("l", average("a", "b", weights=[1.25, -0.25])), "stack(l, average(1.25*a, -0.25*b))", None, {}),
    "parallel": ("bert", BOTTLENECKS, Parallel("a", "b", "c"), "parallel(a, b, c)", None, {}),
    "parallel_double": ("roberta", DOUBLE, Parallel("b", "a"), "parallel(b, a)", None, {}),
    "parallel_loras": ("distilbert", LORAS, Parallel("a", "b"), "parallel(a, b)", None, {}),
}  # fmt: skip


def write_compositions(out):
    """`compositions.json`: for each case logits, loss, and a number for each gradient."""
    cases = {name: run(out, name, *case) for name, case in CASES.items()}
    note = f"adapters {adapters.__version__}, torch {torch.__version__}, float64"
    lines = ",\n".join(f"{json.dumps(name)}: {json.dumps(case)}" for name, case in cases.items())
    arrow = json.dumps(run_arrow(out))
    text = f'{{"note": {json.dumps(note)}, "arrow": {arrow}, "cases": {{\n{lines}\n}}}}\n'
    (out / "compositions.json").write_text(text)


ARROW = {"a": (2, 3), "b": (2, 5), "c": (2, 2)}  # rank and alpha of LoRAs in queries and values


def run_arrow(out):
    """What PEFT's Arrow makes of three LoRAs: the last state of each first token, for each number of adapters that are chosen. PEFT
    finds directions in single precision, by fifteen steps of a power iteration; so the second row of each A is small, which
    makes that exact."""
    ids, mask, _ = batch("arrow", AutoModel.from_pretrained(out / "models" / "bert").config)
    states = {}
    with tempfile.TemporaryDirectory() as folder:
        paths = [save_lora(out, Path(folder) / name, name, *form) for name, form in ARROW.items()]
        for top in (1, 2, 3):
            base = AutoModel.from_pretrained(out / "models" / "bert", attn_implementation="eager")
            config = peft.ArrowConfig(top_k=top, router_temperature=1.0)
            model = peft.create_arrow_model(base, paths, arrow_config=config).double().eval()
            with torch.no_grad():
                state = model(input_ids=ids, attention_mask=mask).last_hidden_state[:, 0]
            states[top] = [[float(f"{float(x):.8g}") for x in row] for row in state]
    return {"loras": ARROW, "ids": [row[m.bool()].tolist() for row, m in zip(ids, mask)], "states": states}


def save_lora(out, path, name, rank, alpha):
    """A LoRA whose numbers follow from their names, as PEFT writes it."""
    base = AutoModel.from_pretrained(out / "models" / "bert")
    config = peft.LoraConfig(r=rank, lora_alpha=alpha, target_modules=["query", "value"])
    model = peft.get_peft_model(base, config)
    for tensor, parameter in model.named_parameters():
        if "lora_" in tensor:
            layer, projection, matrix = re.search(r"layer\.(\d+)\..*\.(\w+)\.(lora_[AB])\.", tensor).groups()
            fill(f"{name}.{layer}.{projection}.{matrix}", parameter)
            if matrix == "lora_A":
                parameter.data[1:] *= 0.2
    model.save_pretrained(path)
    return str(path)


def run(out, name, family, methods, setup, expression, fusion, fields):
    """One forward and one backward pass."""
    model = AutoAdapterModel.from_pretrained(out / "models" / family, attn_implementation="eager").double()
    for adapter, text in methods.items():
        if adapter in setup.flatten():
            model.add_adapter(adapter, config=text)
    if fusion:
        model.add_adapter_fusion(fused(setup), FUSIONS[fusion](**fields))
    heads = setup.children if isinstance(setup, Parallel) else ["mood"]
    for head in heads:
        model.add_classification_head(head, num_labels=LABELS)
    model = model.double().eval()
    model.set_active_adapters(setup)
    model.active_head = heads if isinstance(setup, Parallel) else "mood"
    trained = [(n, p) for n, p in model.named_parameters() if is_new(n)]
    for tensor, parameter in model.named_parameters():
        parameter.requires_grad = is_new(tensor)
    for tensor, parameter in trained:
        fill(tensor, parameter)
    ids, mask, labels = batch(name, model.config)
    output = model(input_ids=ids, attention_mask=mask, labels=labels)
    output.loss.backward()
    assert model.adapters_config.active_setup is not None
    # Of adapters in parallel the answers of one stand behind those of the other.
    logits = torch.cat([o.logits for o in output.head_outputs]) if isinstance(setup, Parallel) else output.logits
    return {
        "model": family, "methods": methods, "setup": expression, "fusion": fusion, "fields": fields,
        "ids": [row[m.bool()].tolist() for row, m in zip(ids, mask)], "labels": labels.tolist(),
        "logits": [[rounded(x) for x in row] for row in logits], "loss": rounded(output.loss), "gradients": probes(trained),
    }  # fmt: skip


def fused(setup):
    """The fusion in a setup."""
    return setup if isinstance(setup, Fuse) else next(child for child in setup.children if isinstance(child, Fuse))


def is_new(tensor):
    """True of what does not belong to the base."""
    return any(part in tensor for part in (".adapters.", ".loras.", ".adapter_fusion_layer.", ".shared_parameters.")) or tensor.startswith("heads.")


def fill(tensor, parameter):
    """Values by the name of a tensor: the Rust test makes the same."""
    start = zlib.crc32(tensor.encode()) % 1000
    with torch.no_grad():
        count = torch.arange(parameter.numel(), dtype=torch.float64)
        parameter.copy_((0.5 * torch.sin(start + 1.7 * count)).reshape(parameter.shape))


def probes(trained):
    """For each kind of tensor, those of all layers together, `probe` of their gradients, one behind the other; in the order of
    the kinds' names."""
    kinds = {}
    for tensor, parameter in trained:
        assert parameter.grad is not None, f"{tensor} has no gradient"
        kinds.setdefault(re.sub(r"\.\d+\.", ".N.", tensor, count=1), []).append(parameter.grad.flatten())
    return [probe(torch.cat(gradients)) for _, gradients in sorted(kinds.items())]


def probe(gradient):
    """The sum of the elements, weighed so that no two count alike; and the largest of them, which says how large they are."""
    weights = torch.cos(1 + 0.37 * torch.arange(gradient.numel(), dtype=torch.float64))
    return [rounded((gradient * weights).sum()), rounded(gradient.abs().max())]


def rounded(number):
    """More digits than are compared would only take room."""
    return float(f"{float(number):.13g}")


def batch(name, config):
    """Sequences of several lengths by the name of the case, padded on the right."""
    torch.manual_seed(zlib.crc32(f"composition {name}".encode()))
    lengths = torch.tensor(LENGTHS)
    mask = torch.arange(max(LENGTHS)) < lengths[:, None]
    ids = torch.randint(FIRST_REAL_ID, VOCABULARY, mask.shape).masked_fill(~mask, config.pad_token_id)
    return ids, mask.long(), torch.randint(0, LABELS, (len(LENGTHS),))
