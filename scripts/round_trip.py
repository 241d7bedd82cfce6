"""Shows that adapters travel between the Python libraries `adapters` and `peft` and adaptune, in both directions.

    python -m venv V && V/bin/pip install adapters==1.3.0 peft==0.21.2 safetensors
    cargo build --release
    V/bin/python scripts/round_trip.py --adaptune target/release/adaptune

From Python to Rust: an adapter saved by `adapters`, in either of its file formats, or by `peft` must give the same logits in
`adaptune predict`. From Rust to Python: what `adaptune train` or `adaptune convert --to peft` wrote must load without one
missing or unexpected tensor, and give the logits that `adaptune predict` gives. Prints one table; exits with 1 if any row of it fails, with 2 if
there is no binary to ask.
"""

import argparse
import json
import logging
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import peft
import torch
from adapters import AutoAdapterModel, CompacterConfig, LoReftConfig, MAMConfig, NoReftConfig, ParBnConfig
from adapters import IA3Config, LoRAConfig, MTLLoRAConfig, PrefixTuningConfig, PromptTuningConfig, SeqBnInvConfig, VeraConfig
from adapters.composition import Fuse, Stack
from safetensors import safe_open
from safetensors.torch import load_file
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import AutoModelForSequenceClassification, BertConfig, BertModel

from make_fixtures import EVERY_LAYER, adapter_plus, classification, double_seq_bn, par_bn, seq_bn
from make_fixtures import draw_signs, draw_vera, redraw

TOLERANCE = 1e-5  # on logits and probabilities: both sides compute in float32, in different orders
LEAST_EFFECT = 10 * TOLERANCE  # an adapter that changes less than this would prove nothing
PREDICTION_KEYS = {"text", "label", "logits", "probabilities"}
LABELS = {0: "negative", 1: "neutral", 2: "positive"}

# What `adapters` saves: method, configuration, head. Norms of ln_before and prefixes are known to it by several names,
# which its safetensors writer refuses; those exist as a .bin only.
PYTHON_METHODS = [
    ("seq_bn", seq_bn(4), classification(2)),
    ("double_seq_bn", double_seq_bn(5), classification(1, use_pooler=True)),
    ("par_bn", par_bn(2), classification(2, activation_function=None)),
    ("scaled_par_bn", par_bn(3, scaling="learned"), classification(1, bias=False)),
    ("adapter_plus", adapter_plus(7), classification(2, activation_function="relu")),
    ("ln_before", seq_bn(4, "gelu", ln_before=True), classification(3)),
    ("lora", LoRAConfig(r=3, alpha=7, **EVERY_LAYER), classification(2)),
    ("ia3", IA3Config(alpha=2), classification(1)),
    ("vera", VeraConfig(r=5, alpha=3), classification(2)),
    ("mtl_lora", MTLLoRAConfig(r=3, alpha=7, n_up_projection=3, weights_sharpness=0.4), classification(1)),
    ("prefix", PrefixTuningConfig(prefix_length=3, bottleneck_size=5), classification(1)),
    ("prompt", PromptTuningConfig(prompt_length=4, combine="prefix_after_bos"), classification(2)),
    ("loreft", LoReftConfig(r=2, suffix_positions=1), classification(1)),
    ("noreft", NoReftConfig(r=3), classification(1)),
    ("compacter", CompacterConfig(reduction_factor=4, phm_dim=3), classification(1)),
    ("seq_bn_inv", SeqBnInvConfig(reduction_factor=4), classification(1)),
    ("mam", MAMConfig(PrefixTuningConfig(prefix_length=2, bottleneck_size=4), ParBnConfig()), classification(1)),
]
# Several adapters, put together: a name, and Python's setup; a name, and the options of the training that does it here.
PYTHON_SETUPS = [("stack", Stack("a", "b")), ("fuse", Fuse("a", "b")), ("named-fuse", Fuse("b", "a", name="both"))]
RUST_SETUPS = [("fuse", ["--method", "fuse({work}/first, {work}/second)"]), ("below", ["--below", "{work}/first"])]
FORMATS = ("safetensors", "bin")
NOT_IN_SAFETENSORS = {"ln_before", "prefix", "mam"}

SPELLED_OUT = "seq_bn[reduction_factor=5,non_linearity=gelu,ln_before=True]"
SOME_LAYERS = "double_seq_bn[leave_out=[1],ln_after=True,scaling=channel]"
ALL_LAYERS = "lora[r=3,alpha=7,attn_matrices=[q,k,v],intermediate_lora=True,output_lora=True]"
PREFIXES = "prefix_tuning[prefix_length=3,bottleneck_size=7,leave_out=[0]]"
INVERTIBLE = "double_seq_bn_inv[reduction_factor=4,non_linearity=gelu]"
RUST_METHODS = ["seq_bn", "double_seq_bn", "par_bn", "scaled_par_bn", "adapter_plus", SPELLED_OUT, SOME_LAYERS]
RUST_METHODS += [ALL_LAYERS, "lora[use_gating=True,alpha=2]", "ia3", "vera[alpha=24]", "lora|par_bn"]
RUST_METHODS += ["mtl_lora", "mtl_lora[r=3,alpha=7,n_up_projection=3,intermediate_lora=True,output_lora=True]"]
RUST_METHODS += [PREFIXES, "prefix_tuning_flat[prefix_length=2]", "prompt_tuning", "loreft[r=2,suffix_positions=2]"]
RUST_METHODS += ["direft[r=2]", "compacter[reduction_factor=4,phm_dim=3]", INVERTIBLE, "prefix_tuning|par_bn"]
# Enough training for every adapter to have an effect that can be measured: it starts with none.
TRAINING = ["--epochs", "6", "--batch-size", "8", "--lr", "1e-2"]
WEIGHT_FILES = {"adapter.safetensors": True, "pytorch_adapter.bin": False}  # whether it is the safetensors one

# The same with `peft`, whose head is transformers' own classifier: one layer on the pooler. What PEFT alone has is written for
# it by `train`, the rest by `convert`. The last ones have a head that it does not have, which stays beside the adapter.
PEFT_METHODS = [
    ("lora", peft.LoraConfig(r=3, lora_alpha=7, target_modules=["query", "output.dense"], task_type="SEQ_CLS")),
    ("dora", peft.LoraConfig(r=2, lora_alpha=5, use_dora=True, target_modules=["value"], task_type="SEQ_CLS")),
    ("ia3", peft.IA3Config(target_modules=["key", "value", "output.dense"], feedforward_modules=["output.dense"], task_type="SEQ_CLS")),
    ("prefix", peft.PrefixTuningConfig(num_virtual_tokens=3, task_type="SEQ_CLS")),
    ("prefix-projection", peft.PrefixTuningConfig(num_virtual_tokens=2, prefix_projection=True, task_type="SEQ_CLS")),
    ("prompt", peft.PromptTuningConfig(num_virtual_tokens=4, task_type="SEQ_CLS")),
]  # fmt: skip
PEFT_HEAD = ["--head-layers", "1", "--use-pooler"]
TO_PEFT = [ALL_LAYERS, "lora[r=3,alpha=7,use_rslora=True]", "dora[r=2,alpha=3]", "ia3", "vera[alpha=8]"]
TO_PEFT += ["prefix_tuning[prefix_length=3,bottleneck_size=7,position_shift=True]"]
TO_PEFT += ["prefix_tuning_flat[prefix_length=2,position_shift=True]", "prompt_tuning[prompt_length=3,combine=as_tokens]"]

TEXTS = [
    "a fine film , warm and funny",
    "dull",
    "The plot is thin, but the actors are a joy to watch!",
    "I did not like one minute of it ...",
    "Crème brûlée & snow \u2603 in May",
    "it is what it is and nothing more than what it is",
    '"quoted" text with a back\\slash',
]
WORDS = "a the it is was and but not of to film plot actors joy fine dull thin warm funny like one minute watch".split()


def main():
    arguments = parse_arguments()
    logging.disable(logging.WARNING)  # `adapters` warns of what this script does on purpose
    with tempfile.TemporaryDirectory() as scratch:
        work = arguments.work or Path(scratch)
        work.mkdir(parents=True, exist_ok=True)
        bench = Bench(arguments.adaptune, work)
        rows = [bench.python_to_rust(*method, form) for method in PYTHON_METHODS for form in formats_of(method[0])]
        rows += [row for method in RUST_METHODS for row in bench.rust_to_python(method)]
        rows += [bench.python_setup_to_rust(*setup, form) for setup in PYTHON_SETUPS for form in FORMATS]
        rows += [bench.rust_setup_to_python(*setup) for setup in RUST_SETUPS]
        rows += [bench.peft_to_rust(*method) for method in PEFT_METHODS]
        rows += [bench.rust_to_peft(method) for method in TO_PEFT]
    print_table(rows)
    sys.exit(0 if all(row.passed for row in rows) else 1)


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--adaptune", type=Path, default=Path("target/release/adaptune"), help="default: %(default)s")
    parser.add_argument("--work", type=Path, help="folder to keep all files in (default: a temporary one)")
    arguments = parser.parse_args()
    if not arguments.adaptune.is_file():
        print(f"{arguments.adaptune}: no such file; build it with `cargo build --release`", file=sys.stderr)
        sys.exit(2)
    arguments.adaptune = arguments.adaptune.resolve()
    return arguments


def formats_of(method):
    return ["bin"] if method in NOT_IN_SAFETENSORS else FORMATS


# ---- Both directions -------------------------------------------------------------------------------------------------


class Mismatch(Exception):
    """The two sides disagree; the text says in what."""


@dataclass
class Row:
    """One line of the table. The numbers stay empty where the comparison was not reached."""

    direction: str
    method: str
    form: str
    difference: float | None = None
    effect: float | None = None
    problem: str = ""

    @property
    def passed(self):
        return not self.problem


class Bench:
    """One tiny model, its tokenizer, the texts, and the binary under test."""

    def __init__(self, adaptune, work):
        self.adaptune, self.work, self.model_folder = adaptune, work, work / "model"
        self.tokenizer = write_tokenizer(self.model_folder)
        write_model(self.model_folder, self.tokenizer.get_vocab_size())
        self.texts_file = work / "texts.txt"
        self.texts_file.write_text("".join(f"{text}\n" for text in TEXTS), encoding="utf-8")
        for name, count in (("train", 96), ("dev", 12)):
            write_table(work / f"{name}.tsv", count)

    def python_to_rust(self, method, config, head, form):
        """Saves a random adapter with `adapters` and asks adaptune for the logits."""
        row = Row("Python to Rust", method, form)
        try:
            model = self.fresh_model()
            model.add_adapter(method, config=config)
            model.add_prediction_head_from_config(method, {**head, "id2label": LABELS})
            model.train_adapter(method)
            redraw(model, f"round trip {method}", weight_deviation=0.1)
            draw_vera(model, f"round trip {method}")
            draw_signs(model)
            folder = self.work / f"{method}-{form}"
            model.save_adapter(folder, method, with_head=True, use_safetensors=form == "safetensors")
            self.compare(row, model, method, folder)
        except Mismatch as mismatch:
            row.problem = str(mismatch)
        return row

    def rust_to_python(self, method):
        """Trains with adaptune and loads what it wrote with `adapters`; one row for each format that it wrote."""
        folder = self.work / f"trained-{method.replace('[', '-').rstrip(']')}"
        shutil.rmtree(folder, ignore_errors=True)  # of an earlier run in the same --work
        tables = ["--train", self.work / "train.tsv", "--dev", self.work / "dev.tsv"]
        try:
            how = ["--method", method, *TRAINING]
            self.run("train", "--model", self.model_folder, *tables, *how, "--out", folder)
            written = [safe for file, safe in WEIGHT_FILES.items() if (folder / file).is_file()]
            if not written:
                raise Mismatch(f"adaptune train wrote none of {', '.join(WEIGHT_FILES)}")
        except Mismatch as mismatch:
            return [Row("Rust to Python", method, "-", problem=str(mismatch))]
        return [self.load_and_compare(method, folder, safe) for safe in written]

    def python_setup_to_rust(self, name, setup, form):
        """Saves random adapters that are put together with `adapters` and asks adaptune for the logits."""
        row = Row("Python to Rust", name, form)
        try:
            model = self.fresh_model()
            for i, adapter in enumerate(dict.fromkeys(setup.flatten())):
                model.add_adapter(adapter, config=seq_bn(3 + i))
            model.add_prediction_head_from_config("mood", {**classification(2), "id2label": LABELS})
            if isinstance(setup, Fuse):
                model.add_adapter_fusion(setup, "dynamic")
                model.train_adapter_fusion(setup, unfreeze_adapters=True)
            else:
                model.train_adapter(setup)
            model = model.eval()
            redraw(model, f"round trip {name}", weight_deviation=0.1)
            folder = self.work / f"setup-{name}-{form}"
            model.save_adapter_setup(folder, setup, head_setup="mood", use_safetensors=form == "safetensors")
            self.compare(row, model, "mood", folder, setup)
        except Mismatch as mismatch:
            row.problem = str(mismatch)
        return row

    def rust_setup_to_python(self, name, options):
        """Trains two adapters, then what `options` put together of them, and loads that with `adapters`."""
        row = Row("Rust to Python", name, "safetensors")
        tables = ["--train", self.work / "train.tsv", "--dev", self.work / "dev.tsv"]
        try:
            for adapter, out in (("first", "first"), ("second", "second"), ("mood", f"composed-{name}")):
                shutil.rmtree(self.work / out, ignore_errors=True)
                how = [option.format(work=self.work) for option in options] if adapter == "mood" else ["--method", "seq_bn[reduction_factor=4]"]
                how += ["--name", adapter, "--seed", len(adapter)]
                self.run("train", "--model", self.model_folder, *tables, *how, *TRAINING, "--out", self.work / out)
            model = self.fresh_model()
            setup, _ = model.load_adapter_setup(str(self.work / f"composed-{name}"), use_safetensors=True, set_active=True)
            self.compare(row, model, "mood", self.work / f"composed-{name}", setup)
        except Mismatch as mismatch:
            row.problem = str(mismatch)
        return row

    def load_and_compare(self, method, folder, safe):
        row = Row("Rust to Python", method, "safetensors" if safe else "bin")
        try:
            model = self.fresh_model()
            name = load_strictly(model, folder, safe)
            self.compare(row, model, name, folder)
        except Mismatch as mismatch:
            row.problem = str(mismatch)
        return row

    def peft_to_rust(self, method, config):
        """Saves a random adapter and classifier with `peft` and asks adaptune for the logits."""
        row = Row("PEFT to Rust", method, "safetensors")
        try:
            model = peft.get_peft_model(self.fresh_classifier(), config).eval()
            redraw(model, f"round trip peft {method}", weight_deviation=0.1)
            folder = self.work / f"peft-{method}"
            model.save_pretrained(folder)
            self.compare_peft(row, model, folder, {f"LABEL_{id}": id for id in LABELS})
        except Mismatch as mismatch:
            row.problem = str(mismatch)
        return row

    def rust_to_peft(self, method):
        """Trains with adaptune, converts, and loads with `peft`: every tensor of the file, and no other."""
        row = Row("Rust to PEFT", method, "safetensors")
        trained, folder = (self.work / f"{kind}-{method.replace('[', '-').rstrip(']')}" for kind in ("for-peft", "to-peft"))
        for old in (trained, folder):
            shutil.rmtree(old, ignore_errors=True)
        tables = ["--train", self.work / "train.tsv", "--dev", self.work / "dev.tsv"]
        try:
            how = ["--method", method, *PEFT_HEAD, *TRAINING]
            self.run("train", "--model", self.model_folder, *tables, *how, "--out", trained)
            self.run("convert", "--adapter", trained, "--to", "peft", "--out", folder)
            if Path(folder, "head_config.json").exists():
                raise Mismatch("the head is beside the adapter, not in PEFT's file")
            model = peft.PeftModel.from_pretrained(self.fresh_classifier(), str(folder)).eval()
            check_peft_state(model, folder)
            with safe_open(folder / "adapter_model.safetensors", "pt") as file:
                labels = json.loads(file.metadata()["adaptune_head"])["config"]["label2id"]
            self.compare_peft(row, model, folder, labels)
        except Mismatch as mismatch:
            row.problem = str(mismatch)
        return row

    def compare_peft(self, row, model, folder, labels):
        """The same for `peft`: the effect is that on the base with the same classifier and no adapter."""
        predictions = self.predict(folder)
        expected = self.logits(model)
        alone = self.fresh_classifier()
        head = {key: tensor for key, tensor in load_file(folder / "adapter_model.safetensors").items() if "classifier" in key}
        alone.classifier.load_state_dict({key.rsplit(".", 1)[-1]: tensor for key, tensor in head.items()})
        row.effect = (expected - self.logits(alone)).abs().max().item()
        row.difference = check_predictions(predictions, expected, {id: label for label, id in labels.items()})
        if row.effect < LEAST_EFFECT:
            raise Mismatch(f"the adapter changes no logit by more than {row.effect:.1e}, so this row proves nothing")

    def fresh_classifier(self):
        return AutoModelForSequenceClassification.from_pretrained(self.model_folder, num_labels=len(LABELS)).eval()

    def compare(self, row, model, name, folder, setup=None):
        """Fills in the row: Python's logits with the adapter or setup, without it, and those of `adaptune predict`."""
        predictions = self.predict(folder)
        expected = self.python_logits(model, setup or name, name)
        labels = {id: label for label, id in model.heads[name].config["label2id"].items()}
        row.effect = (expected - self.python_logits(model, None, name)).abs().max().item()
        row.difference = check_predictions(predictions, expected, labels)
        if row.effect < LEAST_EFFECT:
            raise Mismatch(f"the adapter changes no logit by more than {row.effect:.1e}, so this row proves nothing")

    def predict(self, folder):
        """What `adaptune predict` prints: one JSON object a line."""
        what = ["--model", self.model_folder, "--adapter", folder, "--input", self.texts_file]
        output = self.run("predict", *what, "--json")
        try:
            predictions = [json.loads(line) for line in output.splitlines()]
        except json.JSONDecodeError as error:
            raise Mismatch(f"adaptune predict --json printed a line that is no JSON: {error}") from error
        for prediction in predictions:
            if absent := PREDICTION_KEYS - prediction.keys():
                raise Mismatch(f"adaptune predict --json left out {', '.join(sorted(absent))}")
        return predictions

    def run(self, *arguments):
        """Runs the binary; its standard output, or a `Mismatch` with what it complained of."""
        command = [str(self.adaptune), *map(str, arguments)]
        done = subprocess.run(command, capture_output=True, encoding="utf-8", check=False)
        if done.returncode != 0:
            raise Mismatch(f"adaptune {arguments[0]} ended with {done.returncode}: {done.stderr.strip()[-400:]}")
        return done.stdout

    def fresh_model(self):
        return AutoAdapterModel.from_pretrained(self.model_folder).eval()

    def python_logits(self, model, adapter, head):
        """`[texts, labels]`, one text at a time, so that no padding is involved."""
        model.set_active_adapters(adapter)
        model.active_head = head
        return self.logits(model)

    def logits(self, model):
        rows = []
        with torch.no_grad():
            for text in TEXTS:
                ids = torch.tensor([self.tokenizer.encode(text).ids])
                rows.append(model.eval()(input_ids=ids).logits[0])
        return torch.stack(rows)


def check_peft_state(model, folder):
    """What `peft` holds of the adapter must be what the file holds: names and numbers."""
    found, expected = peft.get_peft_model_state_dict(model), load_file(folder / "adapter_model.safetensors")
    if odd := found.keys() ^ expected.keys():
        raise Mismatch(f"peft and the file differ in {', '.join(sorted(odd))}")
    for name, tensor in expected.items():
        if not torch.equal(found[name], tensor):
            raise Mismatch(f"peft did not load {name} as it is in the file")


def load_strictly(model, folder, safe):
    """`load_adapter` with its head; nothing may be missing, nothing left over. Returns the adapter's name."""
    info = {}
    try:
        name = model.load_adapter(str(folder), use_safetensors=safe, with_head=True, loading_info=info, set_active=True)
    except Exception as error:  # any refusal of the library is a result, not a failure of this script
        raise Mismatch(f"load_adapter: {type(error).__name__}: {error}") from error
    for kind in ("missing_keys", "unexpected_keys"):
        # A prefix has one more name in every layer, for the same array.
        if names := [name for name in info[kind] if ".prefix_tuning.pool." not in name]:
            raise Mismatch(f"load_adapter reports {kind}: {', '.join(names)}")
    config = json.loads(Path(folder, "adapter_config.json").read_text())["config"]
    for unit in (unit for module in model.modules() if type(module).__name__ == "ReftModule" for unit in module.units):
        unit.subtract_projection = config.get("subtract_projection", True)  # which `adapters` does not read
    if name not in model.heads:
        raise Mismatch(f"load_adapter found no head called {name}")
    if set(model.heads[name].config["label2id"]) != set(LABELS.values()):
        raise Mismatch(f"the head's labels are {model.heads[name].config['label2id']}")
    return name


def check_predictions(predictions, expected, labels):
    """The largest difference of a logit; a `Mismatch` if texts, labels, logits or probabilities disagree."""
    texts = [prediction["text"] for prediction in predictions]
    if texts != TEXTS:
        raise Mismatch(f"expected the {len(TEXTS)} texts in their order, found {texts}")
    logits = torch.tensor([p["logits"] for p in predictions])
    probabilities = torch.tensor([list(p["probabilities"].values()) for p in predictions])
    if logits.shape != expected.shape:
        raise Mismatch(f"expected logits of shape {list(expected.shape)}, found {list(logits.shape)}")
    difference = (logits - expected).abs().max().item()
    if not difference <= TOLERANCE:  # so that a NaN is a mismatch, too
        raise Mismatch(f"the logits differ by {difference:.1e}")
    if not (probabilities - expected.softmax(-1)).abs().max() <= TOLERANCE:
        raise Mismatch("the probabilities are not the softmax of the logits")
    best = [labels[i] for i in expected.argmax(-1).tolist()]
    if (chosen := [prediction["label"] for prediction in predictions]) != best:
        raise Mismatch(f"expected the labels {best}, found {chosen}")
    return difference


# ---- The model and the texts -----------------------------------------------------------------------------------------


def write_tokenizer(folder):
    """A WordPiece `tokenizer.json` that knows a few words, and every lower-case letter for the rest."""
    letters = [chr(code) for code in range(ord("a"), ord("z") + 1)]
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    pieces = [*special, *"!\"&',.\\", *letters, *(f"##{letter}" for letter in letters), *WORDS]
    vocabulary = {piece: id for id, piece in enumerate(dict.fromkeys(pieces))}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    ends = [(token, vocabulary[token]) for token in ("[CLS]", "[SEP]")]
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=ends
    )
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(folder / "tokenizer.json"))
    return tokenizer


def write_model(folder, vocabulary_size):
    """A random BERT with a pooler. Odd sizes, and no bias or norm at a neutral value."""
    shape = dict(hidden_size=36, num_attention_heads=3, num_hidden_layers=3, intermediate_size=50)
    model = BertModel(BertConfig(vocab_size=vocabulary_size, max_position_embeddings=80, **shape))
    redraw(model, "round trip model", weight_deviation=0.2)
    model.save_pretrained(folder)


def write_table(path, count):
    """A table `text<TAB>label` in which one word of each text decides the label."""
    telling = {"negative": "dull", "neutral": "thin", "positive": "funny"}
    torch.manual_seed(count)
    lines = ["text\tlabel"]
    for i in range(count):
        label = LABELS[i % len(LABELS)]
        length = 2 + torch.randint(8, ()).item()
        words = [WORDS[k] for k in torch.randint(len(WORDS), (length,)).tolist()]
        lines.append(f"{' '.join([*words, telling[label]])}\t{label}")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


# ---- The table -------------------------------------------------------------------------------------------------------


def print_table(rows):
    """One line for each comparison, then what went wrong."""
    width = max(len(row.method) for row in rows)
    print(f"{'direction':14}  {'method':{width}}  {'file':11}  {'difference':>10}  {'effect':>8}  result")
    for row in rows:
        result = "same" if row.passed else "MISMATCH"
        numbers = f"{show(row.difference):>10}  {show(row.effect):>8}"
        print(f"{row.direction:14}  {row.method:{width}}  {row.form:11}  {numbers}  {result}")
    print("\ndifference: largest between a logit of Python and one of adaptune")
    print("effect: largest change of a logit by the adapter")
    for row in rows:
        if not row.passed:
            print(f"\n{row.direction}, {row.method}, {row.form}: {row.problem}")


def show(number):
    return "-" if number is None else f"{number:.1e}"


if __name__ == "__main__":
    main()
