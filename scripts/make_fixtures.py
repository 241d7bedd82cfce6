"""Writes the golden numbers that the Rust tests are held against.

    python -m venv V && V/bin/pip install adapters==1.3.0 peft==0.21.2 safetensors
    V/bin/python scripts/make_fixtures.py

Every case is one forward and one backward pass of the Python library `adapters` over a tiny transformer with random
weights, in float64. Nothing in it is neutral: no zero bias, no unit scale, no square shape, sequences of different
lengths. The same versions of the libraries write the same bytes again, because each case draws from a seed of its own.

Read from the top: `CASES` says what is covered, `write_case` what a file holds.
"""

import argparse
import json
import shutil
import tempfile
import zlib
from dataclasses import dataclass, field
from pathlib import Path

import adapters
import peft
import torch
from compositions import write_compositions
from families import write_families
from adapters import AdapterPlusConfig, AutoAdapterModel, BnConfig, DoubleSeqBnConfig, ParBnConfig, SeqBnConfig
from adapters import CompacterConfig, CompacterPlusPlusConfig, SeqBnInvConfig
from adapters import ConfigUnion, DiReftConfig, LoReftConfig, NoReftConfig, PrefixTuningConfig, PromptTuningConfig
from adapters import IA3Config, LoRAConfig, MTLLoRAConfig, VeraConfig
from adapters.composition import MultiTask, Stack
from safetensors.torch import save
from torch import nn
from transformers import AutoModel, AutoModelForMaskedLM, AutoModelForSequenceClassification
from transformers import AutoModelForTokenClassification, get_linear_schedule_with_warmup
from transformers import BertConfig, BertModel, DistilBertConfig, DistilBertModel, RobertaConfig, RobertaModel

FIXTURES = Path(__file__).resolve().parent.parent / "crates" / "adapters" / "tests" / "fixtures"
VOCABULARY, HIDDEN, LENGTHS = 37, 12, (5, 1, 9, 3)
IGNORED_LABEL = -100  # a token with this label does not count in the tagging loss
BOTH_NORMS = {"ln_before": True, "ln_after": True}
FIRST_REAL_ID = 5  # below it lie the special ids; RoBERTa derives positions from its padding id, so none may occur

# ---- What is covered -------------------------------------------------------------------------------------------------


def classification(layers=2, **changes):
    """The configuration of a sequence classification head, as `head_config.json` holds it."""
    defaults = dict(num_labels=3, activation_function="tanh", use_pooler=False, bias=True, dropout_prob=None)
    return {"head_type": "classification", "layers": layers, **defaults, **changes}


def regression(layers=2, **changes):
    """A classification head with one label: `adapters` then takes the mean squared error."""
    return classification(layers, num_labels=1, **changes)


def tagging(layers=1):
    """The configuration of a head that labels every token."""
    rest = dict(num_labels=4, activation_function="tanh", dropout_prob=None)
    return {"head_type": "tagging", "layers": layers, **rest}


def method(config_class, **preset):
    """A function `(reduction factor, activation or None for the method's own, other settings)` to a configuration."""

    def configure(reduction_factor, non_linearity=None, **changes):
        settings = {**preset, **({"non_linearity": non_linearity} if non_linearity else {}), **changes}
        return config_class(reduction_factor=reduction_factor, **settings)

    return configure


seq_bn, double_seq_bn, par_bn = method(SeqBnConfig), method(DoubleSeqBnConfig), method(ParBnConfig)
adapter_plus = method(AdapterPlusConfig, stochastic_depth=0.0)  # the depth is random, and needs torchvision
bottleneck = method(BnConfig, mh_adapter=False, output_adapter=True, non_linearity="relu")  # nothing else is preset


EVERY_LAYER = {"attn_matrices": ["q", "k", "v"], "intermediate_lora": True, "output_lora": True}
MTL_LORA = MTLLoRAConfig(r=3, alpha=7, n_up_projection=3, weights_sharpness=0.6, leave_out=[1], **EVERY_LAYER)
TASKS = MTLLoRAConfig(r=2, alpha=5, n_up_projection=2, weights_sharpness=0.7, leave_out=[1], intermediate_lora=True)
EQUAL_LENGTHS = (4, 4, 4)  # where the Python library lets padding count
ALL_SHARED = {"phm_dim": 2, "shared_W_phm": True, "factorized_phm_rule": True, "learn_phm": False}
UNIPELT = ConfigUnion(
    PrefixTuningConfig(prefix_length=2, bottleneck_size=3, use_gating=True),
    SeqBnConfig(reduction_factor=6, use_gating=True, non_linearity="tanh"),
    LoRAConfig(r=2, alpha=3, use_gating=True),
)


@dataclass
class Case:
    """One model family, one adapter configuration, one head."""

    family: str
    name: str
    config: adapters.AdapterConfig
    head: dict = field(default_factory=classification)
    draw: int = 0  # raised where a draw left every unit of some relu off, and with it a gradient zero
    lengths: tuple = LENGTHS

    @property
    def title(self):
        return f"{self.family}-{self.name}"

    @property
    def seed(self):
        return f"case {self.title} {self.draw}"


CASES = [
    # The named methods.
    Case("bert", "seq_bn", seq_bn(4)),
    Case("bert", "double_seq_bn", double_seq_bn(3), classification(1, use_pooler=True)),
    Case("bert", "par_bn", par_bn(2), regression()),
    Case("bert", "scaled_par_bn", par_bn(3, scaling="learned"), tagging(1)),
    Case("bert", "adapter_plus", adapter_plus(5), classification(1)),
    # Where the residual and the model's own norm stand.
    Case("bert", "residual_after_norm", seq_bn(4, "gelu", residual_before_ln=False)),
    Case("bert", "residual_post_add", seq_bn(4, residual_before_ln="post_add"), classification(2, bias=False)),
    Case("bert", "no_norm_before", bottleneck(4, "gelu_new"), regression(1)),
    Case("bert", "no_norm_after", seq_bn(3, original_ln_after=False), classification(1, use_pooler=True)),
    Case("bert", "no_norm_at_all", bottleneck(4, "tanh", original_ln_after=False, mh_adapter=True), tagging(2)),
    Case("bert", "par_bn_no_norm_after", par_bn(4, original_ln_after=False), classification(2, use_pooler=True)),
    # The adapter's own norms.
    Case("bert", "ln_before", seq_bn(4, "tanh", ln_before=True), classification(1, bias=False)),
    Case("bert", "ln_after", seq_bn(4, "sigmoid", ln_after=True)),
    Case("bert", "ln_after_residual", seq_bn(4, "leakyrelu", ln_after=True, adapter_residual_before_ln=True)),
    Case("bert", "ln_before_ln_after", double_seq_bn(4, **BOTH_NORMS, scaling=0.7), classification(1, use_pooler=True)),
    Case("bert", "par_bn_ln", par_bn(4, "gelu", **BOTH_NORMS), tagging(1)),
    # Where the adapters are, how wide and how strong.
    Case("bert", "mh_only", bottleneck(4, "swish", mh_adapter=True, output_adapter=False, original_ln_before=True)),
    Case("bert", "par_bn_both", par_bn(4, "swish", mh_adapter=True), classification(3)),
    Case("bert", "leave_out", double_seq_bn(3, leave_out=[0, 2]), tagging(2)),
    Case("bert", "reduction_map", seq_bn({"0": 2, "default": 6}), regression()),
    Case("bert", "widened", seq_bn(0.8, "gelu")),  # 14 wide, not 15: Python's 12 // 0.8 is 14
    Case("bert", "seq_bn_scaling", seq_bn(2.5, "gelu_new", scaling=2.5), tagging(2)),
    Case("bert", "par_bn_channel", par_bn(2, scaling="channel"), tagging(2)),
    Case("bert", "double_learned", double_seq_bn(6, scaling="learned"), classification(2, activation_function="relu")),
    Case("bert", "head_no_activation", seq_bn(6), classification(2, activation_function=None)),
    # LoRA and its kin.
    Case("bert", "lora", LoRAConfig(r=3, alpha=7, leave_out=[1], **EVERY_LAYER)),
    Case("bert", "lora_gated", LoRAConfig(r=4, alpha=2, use_gating=True), regression(), lengths=EQUAL_LENGTHS),
    Case("bert", "ia3", IA3Config(alpha=2, leave_out=[0]), tagging(1)),
    Case("bert", "vera", VeraConfig(r=5, alpha=3, attn_matrices=["k", "v"], leave_out=[2]), classification(1)),
    Case("bert", "mtl_lora", MTL_LORA, classification(1)),
    # Prefixes, prompts, ReFT, Compacter, invertible adapters, gates.
    Case("bert", "prefix", PrefixTuningConfig(prefix_length=2, bottleneck_size=4, leave_out=[1]), tagging(1)),
    Case("bert", "prefix_gated", PrefixTuningConfig(flat=True, prefix_length=3, use_gating=True, shared_gating=False),
         classification(1), lengths=EQUAL_LENGTHS),
    Case("bert", "prompt", PromptTuningConfig(prompt_length=3), tagging(1)),
    Case("bert", "loreft", LoReftConfig(r=2, prefix_positions=3, suffix_positions=1, non_linearity="tanh"), tagging(1)),
    Case("bert", "compacter", CompacterConfig(reduction_factor=1.5, phm_dim=2, phm_rank=3, leave_out=[1]), tagging(1)),
    Case("bert", "compacter_shared", CompacterPlusPlusConfig(reduction_factor=3, **ALL_SHARED), classification(1)),
    Case("bert", "seq_bn_inv", SeqBnInvConfig(reduction_factor=6, non_linearity="gelu"), tagging(1)),
    Case("bert", "seq_bn_gated", seq_bn(4, "tanh", use_gating=True, scaling=2.0), regression(1), lengths=EQUAL_LENGTHS),
    Case("bert", "unipelt", UNIPELT, classification(1), lengths=EQUAL_LENGTHS),
    # The other families.
    Case("roberta", "seq_bn", seq_bn(4), draw=1),
    Case("roberta", "double_seq_bn", double_seq_bn(3), regression()),
    Case("roberta", "par_bn", par_bn(2), tagging(1)),
    Case("roberta", "adapter_plus", adapter_plus(4), classification(1, use_pooler=True)),
    Case("roberta", "odd", double_seq_bn({"1": 6, "default": 4}, **BOTH_NORMS, scaling="channel"), tagging(2)),
    Case("roberta", "prompt", PromptTuningConfig(prompt_length=2, combine="prefix_after_bos"), classification(1)),
    Case("roberta", "direft", DiReftConfig(r=3, prefix_positions=2, suffix_positions=1, layers=[1])),
    Case("distilbert", "seq_bn", seq_bn(4)),
    Case("distilbert", "double_seq_bn", double_seq_bn(3), regression(1)),
    Case("distilbert", "par_bn", par_bn(2), tagging(1)),
    Case("distilbert", "adapter_plus", adapter_plus(4), classification(1)),
    Case("distilbert", "lora", LoRAConfig(r=2, alpha=3, attn_matrices=["q"], output_lora=True), classification(1)),
    Case("distilbert", "mtl_lora",
         MTLLoRAConfig(r=2, alpha=3, n_up_projection=2, weights_sharpness=0.9, attn_matrices=["k"]), tagging(1)),
    Case("distilbert", "prefix", PrefixTuningConfig(flat=True, prefix_length=2), regression(1)),
    Case("distilbert", "noreft", NoReftConfig(r=2, prefix_positions=2, suffix_positions=1, tied_weights=True), tagging(1)),
    Case("distilbert", "odd", par_bn(5, "gelu_new", mh_adapter=True, scaling="learned", leave_out=[1]), tagging(2)),
]

# What `adapters` does not have, or has otherwise. `output.dense` is the attention's output layer, too.
PEFT_CASES = {
    "dora": peft.LoraConfig(r=3, lora_alpha=5, use_dora=True, target_modules=["query", "output.dense"]),
    "rslora": peft.LoraConfig(r=4, lora_alpha=6, use_rslora=True, target_modules=r".*layer\.[02]\.(.*value|intermediate\.dense)"),
    "ia3": peft.IA3Config(target_modules=["key", "value", "output.dense"], feedforward_modules=["output.dense"]),
    "vera": peft.VeraConfig(r=5, target_modules=["key", "intermediate.dense"], layers_to_transform=[1, 2]),
}

# Weights, rank and density of what PEFT makes one of three LoRAs of, where nothing is drawn.
# It holds weights in f32: these are exact there.
COMBINATIONS = {
    "cat": ([0.75, -0.25, 1.5], {}),
    "svd": ([0.75, -0.25, 1.5], {"svd_rank": 4}),
    "ties_svd": ([1.0, 1.0, 1.0], {"svd_rank": 5, "density": 0.5}),
    "magnitude_prune_svd": ([0.75, -0.25, 1.5], {"svd_rank": 12, "density": 0.25}),
}

# Family, task, and what `modules_to_save` names; PEFT adds the classifier itself, but not DistilBERT's first layer.
PEFT_HEADS = [
    ("bert", "SEQ_CLS", None),
    ("bert", "TOKEN_CLS", None),
    ("roberta", "SEQ_CLS", None),
    ("distilbert", "SEQ_CLS", ["pre_classifier", "classifier"]),
]

# Trained keys, values and tokens. PEFT asks for sizes that it does not know DistilBERT's names of; its prefixes do not run
# in a RobertaForSequenceClassification (it takes the cache for the pooled state), nor in DistilBERT, which has no cache.
DISTILBERT_SIZES = dict(token_dim=HIDDEN, num_layers=2, num_attention_heads=3)
PEFT_PROMPTS = {  # family, task, configuration
    "bert-prefix": ("bert", "SEQ_CLS", peft.PrefixTuningConfig(num_virtual_tokens=3)),
    "bert-prefix-tags": ("bert", "TOKEN_CLS", peft.PrefixTuningConfig(num_virtual_tokens=2)),
    "bert-prefix-projection": ("bert", "SEQ_CLS", peft.PrefixTuningConfig(num_virtual_tokens=4, prefix_projection=True, encoder_hidden_size=5)),
    "roberta-prefix-tags": ("roberta", "TOKEN_CLS", peft.PrefixTuningConfig(num_virtual_tokens=1)),
    "bert-prompt": ("bert", "SEQ_CLS", peft.PromptTuningConfig(num_virtual_tokens=4)),
    "bert-prompt-tags": ("bert", "TOKEN_CLS", peft.PromptTuningConfig(num_virtual_tokens=3)),
    "roberta-prompt": ("roberta", "SEQ_CLS", peft.PromptTuningConfig(num_virtual_tokens=2)),
    "distilbert-prompt": ("distilbert", "SEQ_CLS", peft.PromptTuningConfig(
        num_virtual_tokens=1, modules_to_save=["pre_classifier", "classifier"], **DISTILBERT_SIZES)),
}  # fmt: skip

HYPERPARAMETERS = {
    "optimizer": "torch.optim.AdamW", "learning_rate": 5e-3, "betas": [0.9, 0.999], "epsilon": 1e-8,
    "weight_decay": 0.01, "weight_decay_on": "tensors whose name ends with `weight` and that are no layer norm",
    "schedule": "linear warm-up, then linear decay; stepped after every optimiser step", "warmup_steps": 5, "steps": 20,
    "max_gradient_norm": 1.0, "batches": 4, "batch_of_step": "step modulo batches",
}  # fmt: skip


STACKS = [  # a family, and the adapters that stand upon each other, the first one lower
    ("bert", SeqBnInvConfig(reduction_factor=4, non_linearity="gelu", inv_adapter_reduction_factor=3), seq_bn(6)),
    ("roberta", seq_bn(4, "tanh"), double_seq_bn(6)),
]  # fmt: skip


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=FIXTURES, help="folder to write (default: %(default)s)")
    out = parser.parse_args().out
    torch.set_num_threads(1)  # sums in one order
    folders = ["models", "base", "cases", "heads", "language", "train", "stacks", "tasks", "saved"]
    for folder in folders + ["peft", "peft-heads", "peft-prompts", "combined"]:
        shutil.rmtree(out / folder, ignore_errors=True)
        (out / folder).mkdir(parents=True)
    write_models(out / "models")
    write_base_passes(out)
    for case in CASES:
        write_case(out, case)
    for name in HEADS:
        write_head(out, name)
    write_language(out)
    for family, below, above in STACKS:
        write_stack(out, family, below, above)
    write_tasks(out)
    write_training(out, Case("bert", "double_seq_bn", double_seq_bn(3)))
    write_saved(out)
    write_saved_loreft(out)
    for name, config in PEFT_CASES.items():
        write_peft(out, name, config)
    for family, task, heads in PEFT_HEADS:
        write_peft_head(out, family, task, heads)
    write_combined(out)
    for name, (family, task, config) in PEFT_PROMPTS.items():
        write_peft_prompt(out, name, family, task, config)
    write_compositions(out)
    write_families(out)
    print_sizes(out)


# ---- Base models -----------------------------------------------------------------------------------------------------


def write_models(models):
    """One tiny model of each family in float32, and BERT again in half precision and in two shards."""
    shape = dict(vocab_size=VOCABULARY, max_position_embeddings=24)
    bert_shape = dict(hidden_size=HIDDEN, num_attention_heads=3, intermediate_size=20, **shape)
    no_dropout = dict(hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0)
    bert = BertModel(BertConfig(num_hidden_layers=3, type_vocab_size=2, **bert_shape, **no_dropout))
    roberta_config = dict(num_hidden_layers=2, type_vocab_size=1, layer_norm_eps=1e-5, hidden_act="gelu_new")
    roberta = RobertaModel(RobertaConfig(**roberta_config, **bert_shape, **no_dropout))
    distilbert_config = dict(dim=HIDDEN, n_heads=3, n_layers=2, hidden_dim=20, **shape)
    distilbert_config |= dict(dropout=0.0, attention_dropout=0.0, seq_classif_dropout=0.0, qa_dropout=0.0)
    distilbert = DistilBertModel(DistilBertConfig(**distilbert_config))
    for family, model in (("bert", bert), ("roberta", roberta), ("distilbert", distilbert)):
        redraw(model, f"model {family}", weight_deviation=0.3)
        model.save_pretrained(models / family)
    bert.save_pretrained(models / "bert-sharded", max_shard_size="10KB")
    for name, dtype in (("bert-f16", torch.float16), ("bert-bf16", torch.bfloat16)):
        AutoModel.from_pretrained(models / "bert", dtype=dtype).save_pretrained(models / name)


def redraw(model, seed, weight_deviation):
    """Gives every trainable tensor random values that are far from neutral; `seed` is any text."""
    torch.manual_seed(zlib.crc32(seed.encode()))
    with torch.no_grad():
        for module in model.modules():
            norm = isinstance(module, nn.LayerNorm)
            for name, parameter in module.named_parameters(recurse=False):
                if not parameter.requires_grad:
                    continue
                if name == "scaling":
                    parameter.normal_(1.0, 0.5)
                elif name == "bias":
                    parameter.normal_(0.0, 0.3)
                else:
                    parameter.normal_(1.0 if norm else 0.0, 0.3 if norm else weight_deviation)


def write_base_passes(out):
    """`base/`: the hidden states of every stored model without any adapter, in float64 on the stored weights."""
    for name in ("bert", "bert-f16", "bert-bf16", "roberta", "distilbert"):
        model = AutoModel.from_pretrained(out / "models" / name, attn_implementation="eager").double().eval()
        batch = Batch(model.config, f"base {model.config.model_type}")
        with torch.no_grad():
            output = model(**batch.model_inputs(), output_hidden_states=True)
        tensors = batch.tensors("input.") | batch.hidden_tensors(output)
        if getattr(output, "pooler_output", None) is not None:
            tensors["pooled"] = output.pooler_output
        write_tensors(out / "base" / f"{name}.safetensors", tensors, {"model": name, "note": "no adapter, no head"})


# ---- Batches ---------------------------------------------------------------------------------------------------------


class Batch:
    """Random sequences of different lengths, with labels when there is a head; padded on the right for Python."""

    before_prompt = 0  # how many tokens of a sequence stand before the prompt, if there is one

    def __init__(self, config, seed, head=None, lengths=LENGTHS):
        torch.manual_seed(zlib.crc32(seed.encode()))
        self.family, self.lengths = config.model_type, torch.tensor(lengths)
        self.mask = torch.arange(max(lengths)) < self.lengths[:, None]
        self.ids = torch.randint(FIRST_REAL_ID, VOCABULARY, self.mask.shape)
        self.ids = self.ids.masked_fill(~self.mask, config.pad_token_id)
        self.types = torch.randint(0, getattr(config, "type_vocab_size", 1), self.mask.shape).masked_fill(~self.mask, 0)
        self.labels = self._draw_labels(head) if head else None

    def _draw_labels(self, head):
        if head["head_type"] == "tagging":
            labels = torch.randint(0, head["num_labels"], self.mask.shape)
            ignored = torch.rand(self.mask.shape) < 0.25
            return labels.masked_fill(ignored | ~self.mask, IGNORED_LABEL)
        if head["num_labels"] == 1:
            return torch.randn(len(self.lengths), dtype=torch.float64)
        return torch.randint(0, head["num_labels"], (len(self.lengths),))

    def model_inputs(self):
        """The arguments of the Python model."""
        inputs = {"input_ids": self.ids, "attention_mask": self.mask.long()}
        if self.family == "bert":
            inputs["token_type_ids"] = self.types
        return inputs | ({} if self.labels is None else {"labels": self.labels})

    def real(self, padded):
        """`[S, longest, ...]` to `[T, ...]`: the real tokens, sequence after sequence, and those of a prompt."""
        return padded[self.with_prompt(padded, True)]

    def text(self, padded):
        """The same without those of a prompt."""
        return padded[self.with_prompt(padded, False)]

    def with_prompt(self, padded, keep):
        """The mask with the tokens that a prompt has put into every sequence."""
        more = padded.shape[1] - self.mask.shape[1]
        prompt = torch.full((len(self.mask), more), keep)
        return torch.cat([self.mask[:, : self.before_prompt], prompt, self.mask[:, self.before_prompt :]], dim=1)

    def tensors(self, prefix):
        """What a file holds of this batch."""
        tensors = {"token_ids": self.real(self.ids), "token_types": self.real(self.types), "lengths": self.lengths}
        if self.labels is not None:
            tensors["labels"] = self.real(self.labels) if self.labels.dim() == 2 else self.labels
        return {prefix + name: tensor for name, tensor in tensors.items()}

    def hidden_tensors(self, output):
        """The state after the embeddings (0) and after every block (1...), `[T, D]` each."""
        return {f"hidden.{i}": self.real(state) for i, state in enumerate(output.hidden_states)}


# ---- Cases -----------------------------------------------------------------------------------------------------------


def write_case(out, case):
    """`cases/<family>-<name>.safetensors`: input, every hidden state, logits, loss, adapter, head and all gradients."""
    model = adapted_model(out, case)
    batch = Batch(model.config, f"batch {case.title}", case.head, case.lengths)
    batch.before_prompt = int(getattr(case.config, "combine", None) == "prefix_after_bos")
    output = model(**batch.model_inputs(), output_hidden_states=True)
    output.loss.backward()
    logits = batch.text(output.logits) if case.head["head_type"] == "tagging" else output.logits
    tensors = batch.tensors("input.") | batch.hidden_tensors(output) | {"logits": logits, "loss": output.loss}
    for name, parameter in trainable(model):
        assert parameter.grad.any(), f"{case.title}: the gradient of {name} is zero, so it would test nothing"
        tensors |= {name: parameter, f"grad:{name}": parameter.grad}
    tensors |= {f"adapter:{name}": parameter for name, parameter in shared_and_frozen(model)}
    tensors |= {f"adapter:{name}": base for name, base in model.named_buffers() if name.endswith(".0.base")}
    write_tensors(out / "cases" / f"{case.title}.safetensors", tensors, case_metadata(model, case))


def adapted_model(out, case, dtype=torch.float64):
    """The stored model with a random adapter and a random head, both called like the case, ready to train."""
    model = AutoAdapterModel.from_pretrained(out / "models" / case.family, attn_implementation="eager").to(dtype)
    model.config._name_or_path = f"tiny-{case.family}"  # a saved adapter records it: it must not be a local path
    model.add_adapter(case.name, config=case.config)
    model.add_prediction_head_from_config(case.name, dict(case.head))
    model = model.to(dtype)
    model.train_adapter(case.name)
    redraw(model, case.seed, weight_deviation=0.4)
    draw_vera(model, case.seed)
    draw_reft(model)
    return model.eval()


def draw_reft(model):
    """A LoReFT's frame is made to begin at the identity, as ours does: then its gradient is also ours."""
    draw_signs(model)
    with torch.no_grad():
        for name, base in model.named_buffers():
            if name.endswith("parametrizations.weight.0.base"):
                base.copy_(torch.eye(len(base)))


def draw_signs(model):
    """The diagonal of a LoReFT's reflections is of signs."""
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name.endswith("parametrizations.weight.original"):
                parameter.diagonal().copy_(torch.sign(parameter.diagonal()))


def draw_vera(model, seed):
    """VeRA's shared matrices, which never train; and diagonals only where the library has full matrices in their place."""
    torch.manual_seed(zlib.crc32(f"{seed} shared".encode()))
    with torch.no_grad():
        for _, parameter in shared_and_frozen(model):
            parameter.normal_(0.0, 0.4)
        for name, parameter in model.named_parameters():
            if name.endswith((".vera_D", ".vera_B")):
                parameter.copy_(torch.diag(torch.diag(parameter)))


def shared_and_frozen(model):
    """Pairs of name and tensor of what an adapter's layers share and do not train."""
    return [(name, p) for name, p in model.named_parameters() if ".shared_parameters." in name and not p.requires_grad]


def trainable(model):
    """Pairs of a tensor's name in the files of `adapters`, marked `adapter:` or `head:`, and its parameter.

    A tensor that the model knows by two names (the norm of `ln_before`) is saved, and thus listed, under both.
    """
    for name, parameter in model.named_parameters(remove_duplicate=False):
        if parameter.requires_grad:
            yield ("head:" if name.startswith("heads.") else "adapter:") + name, parameter


def case_metadata(model, case):
    """The two configuration files, to the letter, as `adapters` writes them for this model."""
    with tempfile.TemporaryDirectory() as folder:
        model.save_adapter(folder, case.name, with_head=True)
        texts = {key: Path(folder, f"{key}.json").read_text() for key in ("adapter_config", "head_config")}
    if isinstance(case.config, DiReftConfig):  # the library forgets to write this, and would load a NoReFT
        config = json.loads(texts["adapter_config"])
        config["config"]["subtract_projection"] = False
        texts["adapter_config"] = json.dumps(config, indent=2, sort_keys=True)
    note = f"adapters {adapters.__version__}, torch {torch.__version__}, float64; gradients are of `loss`"
    return texts | {"model": case.family, "note": note}


# ---- Heads of other tasks --------------------------------------------------------------------------------------------


HEADS = {
    "multi_label": dict(head_type="multilabel_classification", num_labels=4, use_pooler=False, bias=True, layers=2),
    "question_answering": dict(head_type="question_answering", num_labels=2, layers=1),
    "multiple_choice": dict(head_type="multiple_choice", num_choices=3, use_pooler=True, layers=1),
}


def targets_of(name, sequences):
    """What a head of `HEADS` is held to, as its model takes it."""
    if name == "multi_label":
        return {"labels": torch.randint(0, 2, (sequences, 4))}
    if name == "multiple_choice":
        return {"labels": torch.tensor([2, 0])}
    return {"start_positions": torch.tensor([2, 0, 3]), "end_positions": torch.tensor([4, 0, 3])}


def write_head(out, name):
    """`heads/<name>`: logits, loss and gradients of a head upon a base without adapter."""
    model = AutoAdapterModel.from_pretrained(out / "models" / "bert", attn_implementation="eager").double().eval()
    model.config._name_or_path = "tiny-bert"
    head = dict(HEADS[name], activation_function="tanh", dropout_prob=None)
    model.add_prediction_head_from_config(name, dict(head))
    model = model.double()
    for parameter in model.base_model.parameters():
        parameter.requires_grad = False
    redraw(model, f"head {name}", weight_deviation=0.4)
    answers = name == "question_answering"  # the library lets padding answer
    batch = Batch(model.config, f"head {name}", lengths=(6, 6, 6) if answers else (5, 1, 9, 3, 2, 4))
    tensors = batch.tensors("input.")
    inputs = batch.model_inputs()
    labels = targets_of(name, len(batch.lengths))
    output = model(**inputs, **labels)
    loss = output.loss
    if name == "multi_label":  # the library makes f32 of the labels, and so of the loss
        loss = nn.BCEWithLogitsLoss()(output.logits, labels["labels"].double())
        assert torch.isclose(loss.float(), output.loss.float()), "another loss than the library's"
    loss.backward()
    logits = torch.stack([output.start_logits, output.end_logits], -1).flatten(0, 1) if answers else output.logits
    if name == "multiple_choice":  # the sequences of an example follow each other
        tensors["input.choices"] = torch.full((logits.size(0),), logits.size(1))
        logits = logits.reshape(-1, 1)
    tensors |= {f"input.{key}": value for key, value in labels.items()} | {"logits": logits, "loss": loss}
    for parameter_name, parameter in trainable(model):
        if parameter_name.startswith("head:"):
            # Softmax does not see what is added to the logits of all choices.
            makes_no_choice = name == "multiple_choice" and parameter_name.endswith(".1.bias")
            assert makes_no_choice or parameter.grad.any(), f"{name}: no gradient of {parameter_name}"
            tensors |= {parameter_name: parameter, f"grad:{parameter_name}": parameter.grad}
    with tempfile.TemporaryDirectory() as folder:
        model.save_head(folder, name)
        config = Path(folder, "head_config.json").read_text()
    note = f"adapters {adapters.__version__}, torch {torch.__version__}, float64; gradients are of `loss`"
    write_tensors(out / "heads" / f"{name}.safetensors", tensors, {"model": "bert", "head_config": config, "note": note})


# ---- Language models -------------------------------------------------------------------------------------------------


def write_language(out):
    """`language/`: masked language modelling with everything trained: the head, and gradients of every tensor.

    The tied output layer is one tensor with the token embeddings, so its gradient is the sum of both.
    """
    write_invertible(out)
    for family in ("bert", "roberta", "distilbert"):
        model = AutoModelForMaskedLM.from_pretrained(out / "models" / family, attn_implementation="eager").double()
        head = {name: p for name, p in model.named_parameters() if not name.startswith(f"{family}.")}
        torch.manual_seed(zlib.crc32(f"language {family}".encode()))
        with torch.no_grad():
            for name, parameter in head.items():
                norm = "norm" in name.lower() and name.endswith("weight")
                parameter.normal_(1.0 if norm else 0.0, 0.3)
        batch = Batch(model.config, f"language {family}")
        hidden = torch.rand(batch.mask.shape) < 0.4
        batch.labels = torch.randint(0, VOCABULARY, batch.mask.shape).masked_fill(~hidden | ~batch.mask, IGNORED_LABEL)
        output = model.eval()(**batch.model_inputs())
        output.loss.backward()
        tensors = batch.tensors("input.") | {"logits": batch.real(output.logits), "loss": output.loss}
        tensors |= {f"head:{name}": parameter for name, parameter in head.items()}
        tensors |= {f"grad:{name}": p.grad for name, p in model.named_parameters() if p.grad is not None}
        note = f"torch {torch.__version__}, float64; gradients are of `loss`"
        write_tensors(out / "language" / f"{family}.safetensors", tensors, {"model": family, "note": note})


# What the flexible head of `adapters` calls the tensors of a masked language model's head.
FLEXIBLE_HEAD = {"0": "transform.dense", "2": "transform.LayerNorm", "3.bias": "bias"}


def write_invertible(out):
    """`language/bert-inv`: with an invertible adapter behind the embeddings and its inverse before the output layer.

    The base does not train. Only the flexible heads of `adapters` invert; with `BertForMaskedLM` it would be forgotten.
    """
    model = AutoAdapterModel.from_pretrained(out / "models" / "bert", attn_implementation="eager")
    model.config._name_or_path = "tiny-bert"
    config = SeqBnInvConfig(reduction_factor=6, non_linearity="gelu", inv_adapter_reduction_factor=3)
    model.add_adapter("inv", config=config)
    model.add_masked_lm_head("inv")
    model = model.double().eval()
    model.train_adapter("inv")
    model.heads["inv"][3].bias.requires_grad = True  # it is frozen with the weight beside it
    redraw(model, "language bert-inv", weight_deviation=0.3)
    batch = Batch(model.config, "language bert-inv")
    hidden = torch.rand(batch.mask.shape) < 0.4
    batch.labels = torch.randint(0, VOCABULARY, batch.mask.shape).masked_fill(~hidden | ~batch.mask, IGNORED_LABEL)
    output = model(**batch.model_inputs())
    output.loss.backward()
    tensors = batch.tensors("input.") | {"logits": batch.real(output.logits), "loss": output.loss}
    for name, parameter in trainable(model):
        part, name = name.split(":")
        if part == "head":
            inner = name.removeprefix("heads.inv.")
            found = [(old, new) for old, new in FLEXIBLE_HEAD.items() if inner.startswith(old)]
            if not found:  # the output layer's weight is that of the embeddings
                continue
            name = "cls.predictions." + inner.replace(*found[0], 1)
        tensors |= {f"{part}:{name}": parameter, f"grad:{name}": parameter.grad}
    with tempfile.TemporaryDirectory() as folder:
        model.save_adapter(folder, "inv", with_head=False)
        config = Path(folder, "adapter_config.json").read_text()
    note = f"adapters {adapters.__version__}, torch {torch.__version__}, float64; gradients are of `loss`"
    metadata = {"model": "bert", "note": note, "adapter_config": config}
    write_tensors(out / "language" / "bert-inv.safetensors", tensors, metadata)


# ---- Adapters upon each other ----------------------------------------------------------------------------------------


def write_stack(out, family, below, above):
    """`stacks/<family>`: the last hidden state with two adapters upon each other, and the gradients of both.

    The loss is a weighted sum of that state. A stack of the library may not hold LoRAs of layers that are not square.
    """
    model = AutoAdapterModel.from_pretrained(out / "models" / family, attn_implementation="eager")
    model.config._name_or_path = f"tiny-{family}"
    model.add_adapter("below", config=below)
    model.add_adapter("above", config=above)
    model = model.double().eval()
    model.train_adapter(Stack("below", "above"))
    redraw(model, f"stack {family}", weight_deviation=0.4)
    batch = Batch(model.config, f"stack {family}")
    hidden = batch.real(model.base_model(**batch.model_inputs()).last_hidden_state)
    weight = torch.randn(hidden.shape, dtype=torch.float64)
    loss = (hidden * weight).sum()
    loss.backward()
    tensors = batch.tensors("input.") | {"hidden": hidden, "weight": weight, "loss": loss}
    metadata = {"model": family, "note": f"adapters {adapters.__version__}, torch {torch.__version__}, float64"}
    for name in ("below", "above"):
        with tempfile.TemporaryDirectory() as folder:
            model.save_adapter(folder, name, with_head=False)
            metadata[f"{name}_config"] = Path(folder, "adapter_config.json").read_text()
    for name, parameter in model.named_parameters():
        if parameter.requires_grad and not name.startswith("heads."):
            owner = "below" if ".below." in name else "above"
            tensors |= {f"{owner}:{name}": parameter, f"grad:{name}": parameter.grad}
    write_tensors(out / "stacks" / f"{family}.safetensors", tensors, metadata)


# ---- Tasks that share matrices ---------------------------------------------------------------------------------------


def write_tasks(out):
    """`tasks/bert`: the last hidden state of a batch of two tasks, whose MTL-LoRAs share `A` and `B`, and all gradients."""
    model = AutoAdapterModel.from_pretrained(out / "models" / "bert", attn_implementation="eager")
    tasks = MultiTask("one", "two")
    for name in tasks:
        model.add_adapter(name, config=TASKS)
    model = model.double().eval()
    model.share_parameters(tasks)
    model.train_adapter(tasks)
    redraw(model, "tasks", weight_deviation=0.4)
    batch = Batch(model.config, "tasks")
    of_task = torch.tensor([1, 0, 0, 1])  # queries of a sequence of one token have no gradient
    hidden = batch.real(model.base_model(**batch.model_inputs(), task_ids=of_task).last_hidden_state)
    weight = torch.randn(hidden.shape, dtype=torch.float64)
    loss = (hidden * weight).sum()
    loss.backward()
    tensors = batch.tensors("input.") | {"hidden": hidden, "weight": weight, "loss": loss, "tasks": of_task}
    metadata = {"model": "bert", "note": f"adapters {adapters.__version__}, torch {torch.__version__}, float64"}
    for task in tasks:
        for name, parameter in model.named_parameters(remove_duplicate=False):
            if f".loras.{task}." in name:
                assert parameter.grad.any(), f"tasks: the gradient of {name} is zero, so it would test nothing"
                tensors |= {f"{task}:{name}": parameter, f"grad:{name}": parameter.grad}
        with tempfile.TemporaryDirectory() as folder:
            model.save_adapter(folder, task, with_head=False)
            metadata[f"{task}_config"] = Path(folder, "adapter_config.json").read_text()
    write_tensors(out / "tasks" / "bert.safetensors", tensors, metadata)


# ---- Training and saved files ----------------------------------------------------------------------------------------


def write_training(out, case):
    """`train/`: the losses of twenty AdamW steps, with the tensors before and after."""
    model = adapted_model(out, case).train()  # every dropout is zero
    all_lengths = (LENGTHS, (2, 7), (4, 4, 1), (11,))
    batches = [Batch(model.config, f"train {i}", case.head, lengths) for i, lengths in enumerate(all_lengths)]
    tensors = {name: parameter.detach().clone() for name, parameter in trainable(model)}
    for i, batch in enumerate(batches):
        tensors |= batch.tensors(f"batch.{i}.")
    tensors |= train(model, batches)
    tensors |= {f"final:{name}": parameter for name, parameter in trainable(model)}
    metadata = case_metadata(model, case) | {"hyperparameters": json.dumps(HYPERPARAMETERS, indent=2)}
    write_tensors(out / "train" / f"{case.title}.safetensors", tensors, metadata)


def train(model, batches):
    """Runs the steps of `HYPERPARAMETERS`; returns for each its loss, gradient norm before clipping, learning rate."""
    h = HYPERPARAMETERS
    parameters = [parameter for _, parameter in trainable(model)]
    decayed = [p for name, p in trainable(model) if name.endswith("weight") and "norm" not in name]
    plain = [p for p in parameters if not any(p is other for other in decayed)]
    groups = [{"params": decayed, "weight_decay": h["weight_decay"]}, {"params": plain, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=h["learning_rate"], betas=tuple(h["betas"]), eps=h["epsilon"])
    schedule = get_linear_schedule_with_warmup(optimizer, h["warmup_steps"], h["steps"])
    rows = []
    for step in range(h["steps"]):
        loss = model(**batches[step % len(batches)].model_inputs()).loss
        optimizer.zero_grad()
        loss.backward()
        norm = nn.utils.clip_grad_norm_(parameters, h["max_gradient_norm"])
        rows.append((loss.item(), norm.item(), schedule.get_last_lr()[0]))
        optimizer.step()
        schedule.step()
    columns = torch.tensor(rows, dtype=torch.float64).T
    return dict(zip(("losses", "gradient_norms", "learning_rates"), columns))


def write_saved(out):
    """`saved/`: folders exactly as `adapters` leaves them, and what the loaded adapters must compute, in float32."""
    labels = {0: "negative", 1: "neutral", 2: "positive"}
    case = Case("bert", "sentiment", seq_bn(4), classification(2, id2label=labels))
    model = adapted_model(out, case, torch.float32)
    for suffix in ("safetensors", "bin"):
        folder = out / "saved" / f"bert-seq_bn-{suffix}"
        model.save_adapter(folder, case.name, with_head=True, use_safetensors=suffix == "safetensors")
    shared = adapted_model(out, Case("bert", "shared", seq_bn(4, ln_before=True), classification(1)), torch.float32)
    shared.save_adapter(out / "saved" / "bert-ln_before-bin", "shared", with_head=True)  # two names, one storage
    batch = Batch(model.config, "saved")
    bare = bare_model(out)
    bare.save_adapter(out / "saved" / "bert-bare-bin", "bare")
    with torch.no_grad():
        logits = {"logits": model(**batch.model_inputs()).logits}
        logits["ln_before.logits"] = shared(**batch.model_inputs()).logits
        state = batch.real(bare(**batch.model_inputs()).last_hidden_state)
    tensors = batch.tensors("input.") | logits | {"bare.last_hidden_state": state}
    write_tensors(out / "saved" / "expected.safetensors", tensors, {"model": "bert", "note": "float32"})


def write_saved_loreft(out):
    """`saved/`: the same for a LoReFT whose frame begins at a base of PyTorch's own, not at the identity."""
    model = loreft_model(out)
    model.save_adapter(out / "saved" / "bert-loreft-safetensors", "loreft", with_head=True, use_safetensors=True)
    batch = Batch(model.config, "saved")
    with torch.no_grad():
        tensors = batch.tensors("input.") | {"logits": model(**batch.model_inputs()).logits}
    write_tensors(out / "saved" / "expected-loreft.safetensors", tensors, {"model": "bert", "note": "float32"})


def loreft_model(out):
    """A LoReFT as PyTorch draws its base, with random reflections on it."""
    config = LoReftConfig(r=2, prefix_positions=2, suffix_positions=1)
    model = AutoAdapterModel.from_pretrained(out / "models" / "bert", attn_implementation="eager")
    model.config._name_or_path = "tiny-bert"
    torch.manual_seed(zlib.crc32(b"loreft base"))
    model.add_adapter("loreft", config=config)
    model.add_prediction_head_from_config("loreft", classification(1))
    model.train_adapter("loreft")
    redraw(model, "loreft", weight_deviation=0.4)
    draw_signs(model)
    return model.eval()


def bare_model(out):
    """A plain `BertModel` with an adapter: its tensors are saved without the prefix `bert.`."""
    model = AutoModel.from_pretrained(out / "models" / "bert", attn_implementation="eager")
    model.config._name_or_path = "tiny-bert"
    adapters.init(model)
    model.add_adapter("bare", config=double_seq_bn(4))
    model.train_adapter("bare")
    redraw(model, "bare", weight_deviation=0.4)
    return model.eval()


def write_peft(out, name, config):
    """`peft/<name>/`: a folder as PEFT's `save_pretrained` leaves it, in f64, and `expected.safetensors`.

    The loss is the sum of the last hidden state, each number weighed by `weights`.
    """
    base = AutoModel.from_pretrained(out / "models" / "bert", attn_implementation="eager").double()
    torch.manual_seed(zlib.crc32(f"peft base {name}".encode()))  # VeRA's matrices are drawn when they are made
    model = peft.get_peft_model(base, config, autocast_adapter_dtype=False).double().eval()
    redraw(model, f"peft {name}", weight_deviation=0.4)
    batch = Batch(base.config, f"peft {name}")
    output = model(**batch.model_inputs(), output_hidden_states=True)
    weights = torch.randn(int(batch.lengths.sum()), HIDDEN, dtype=torch.float64)
    loss = (batch.real(output.last_hidden_state) * weights).sum()
    loss.backward()
    folder = out / "peft" / name
    model.save_pretrained(folder)
    (folder / "README.md").unlink()
    saved = peft.get_peft_model_state_dict(model).keys()
    tensors = batch.tensors("input.") | batch.hidden_tensors(output) | {"weights": weights, "loss": loss}
    for key, parameter in model.named_parameters():
        if parameter.requires_grad:
            assert parameter.grad.any(), f"peft {name}: the gradient of {key} is zero, so it would test nothing"
            plain = key.replace(".default", "").replace("magnitude_vector.weight", "magnitude_vector")
            assert plain in saved, plain
            tensors[f"grad:{plain}"] = parameter.grad
    write_tensors(folder / "expected.safetensors", tensors, {"model": "bert", "note": f"peft {peft.__version__}, float64"})
    tidy_config(folder / "adapter_config.json")


def write_peft_head(out, family, task, heads):
    """`peft-heads/<family>-<task>/`: LoRA with the classifier that PEFT saves beside it, in f64, and its logits."""
    auto = AutoModelForTokenClassification if task == "TOKEN_CLS" else AutoModelForSequenceClassification
    title = f"{family}-{task}"
    base = auto.from_pretrained(out / "models" / family, attn_implementation="eager", num_labels=3).double()
    target = "q_lin" if family == "distilbert" else "query"
    config = peft.LoraConfig(r=2, lora_alpha=3, target_modules=[target], task_type=task, modules_to_save=heads)
    model = peft.get_peft_model(base, config, autocast_adapter_dtype=False).double().eval()
    redraw(model, f"peft head {title}", weight_deviation=0.4)
    batch = Batch(base.config, f"peft head {title}")
    with torch.no_grad():
        logits = model(**batch.model_inputs()).logits
    folder = out / "peft-heads" / title
    model.save_pretrained(folder)
    (folder / "README.md").unlink()
    tensors = batch.tensors("input.") | {"logits": batch.real(logits) if task == "TOKEN_CLS" else logits}
    metadata = {"model": family, "note": f"peft {peft.__version__}, float64"}
    write_tensors(folder / "expected.safetensors", tensors, metadata)
    tidy_config(folder / "adapter_config.json")


def write_combined(out):
    """`combined/`: three LoRAs, and what PEFT adds to every layer with each of `COMBINATIONS` of them, in f64."""
    base = AutoModel.from_pretrained(out / "models" / "bert", attn_implementation="eager").double()
    layers = ["query", "intermediate.dense"]
    shapes = {"x": dict(r=2, lora_alpha=5), "y": dict(r=3, lora_alpha=2), "z": dict(r=1, lora_alpha=4)}
    configs = {name: peft.LoraConfig(**shape, target_modules=layers) for name, shape in shapes.items()}
    model = peft.get_peft_model(base, configs["x"], "x", autocast_adapter_dtype=False)
    for name in ("y", "z"):
        model.add_adapter(name, configs[name])
    for name in shapes:
        model.set_adapter(name)
        redraw(model.double(), f"combined {name}", weight_deviation=0.4)
    tensors = {}
    for how, (weights, rest) in COMBINATIONS.items():
        model.add_weighted_adapter(list(shapes), weights, how, combination_type=how, **rest)
        for path, layer in model.named_modules():
            if how in getattr(layer, "lora_A", {}):
                tensors[f"{how}:{path.removeprefix('base_model.model.')}"] = layer.get_delta_weight(how)
    folder = out / "combined"
    model.save_pretrained(folder, selected_adapters=list(shapes))
    (folder / "README.md").unlink()
    for name in shapes:
        tidy_config(folder / name / "adapter_config.json")
    write_tensors(folder / "expected.safetensors", tensors, {"model": "bert", "note": f"peft {peft.__version__}, float64"})


def write_peft_prompt(out, name, family, task, config):
    """`peft-prompts/<name>/`: a prefix or prompt with the classifier beside it, in f64; logits, weights of the loss, which is
    their sum weighed by them, and the gradients by the names of the files. Those of a projection belong to no file: `grad:`
    is left out.
    """
    auto = AutoModelForTokenClassification if task == "TOKEN_CLS" else AutoModelForSequenceClassification
    base = auto.from_pretrained(out / "models" / family, attn_implementation="eager", num_labels=3).double()
    config = config.__class__(**{**config.to_dict(), "task_type": task})
    model = peft.get_peft_model(base, config, autocast_adapter_dtype=False).double().eval()
    redraw(model, f"peft prompt {name}", weight_deviation=0.4)
    batch = Batch(base.config, f"peft prompt {name}")
    logits = model(**batch.model_inputs()).logits
    logits = batch.text(logits) if task == "TOKEN_CLS" else logits
    weights = torch.randn(logits.shape, dtype=torch.float64)
    loss = (logits * weights).sum()
    loss.backward()
    folder = out / "peft-prompts" / name
    model.save_pretrained(folder)
    (folder / "README.md").unlink()
    tensors = batch.tensors("input.") | {"logits": logits, "weights": weights, "loss": loss}
    if not getattr(config, "prefix_projection", False):
        tensors |= prompt_gradients(model, name)
    metadata = {"model": family, "note": f"peft {peft.__version__}, float64"}
    write_tensors(folder / "expected.safetensors", tensors, metadata)
    tidy_config(folder / "adapter_config.json")


def prompt_gradients(model, name):
    """`grad:NAME` for every tensor that trains, by the name that the file has for it."""
    gradients = {}
    for key, parameter in model.named_parameters():
        if parameter.requires_grad:
            assert parameter.grad.any(), f"peft {name}: the gradient of {key} is zero, so it would test nothing"
            plain = key.replace("modules_to_save.default.", "")
            plain = "prompt_embeddings" if key.startswith("prompt_encoder") else plain
            gradients[f"grad:{plain}"] = parameter.grad
    return gradients


def tidy_config(path):
    """PEFT keeps module names in sets, whose order changes from run to run, and records where the base was."""
    config = json.loads(path.read_text()) | {"base_model_name_or_path": "tiny-bert"}
    config = {key: sorted(value) if isinstance(value, list) else value for key, value in config.items()}
    path.write_text(json.dumps(config, indent=2, sort_keys=True))


# ---- Files -----------------------------------------------------------------------------------------------------------


def write_tensors(path, tensors, metadata):
    """Writes a safetensors file with sorted metadata; the library's own order changes from run to run."""
    tensors = {name: tensor.detach().clone().contiguous() for name, tensor in tensors.items()}
    file = save(tensors, metadata)
    end = 8 + int.from_bytes(file[:8], "little")
    header = json.loads(file[8:end])
    header = {"__metadata__": dict(sorted(header.pop("__metadata__").items())), **header}
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)  # the data must start at a multiple of eight
    path.write_bytes(len(text).to_bytes(8, "little") + text + file[end:])


def print_sizes(out):
    """The size of each folder, because all of this lies in the repository."""
    for folder in (*sorted(path for path in out.iterdir() if path.is_dir()), out):
        size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
        print(f"{size / 1000:8.0f} kB  {folder.name}")


if __name__ == "__main__":
    main()
