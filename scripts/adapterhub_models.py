"""Models with AdapterHub's adapters, for the golden numbers of families; where AdapterHub wires an adapter otherwise than on other
families, it is put right here."""

import copy

import adapters
from adapters import ADAPTER_MODEL_MAPPING, AdapterModelInterface, AutoAdapterModel
from adapters.models.albert.modeling_albert import AlbertAttentionWithAdapters
from transformers import AutoModelForSequenceClassification

# What bottlenecks read in a pre-norm block is the state before its norms, as AdapterHub's own classes of such models (Llama,
# GPT-2) have it. Its interface of ModernBERT names the modules behind the norms instead.
INTERFACES = {
    "modernbert": AdapterModelInterface(
        adapter_methods=["bottleneck", "lora"], model_embeddings="embeddings", model_layers="layers", layer_self_attn="attn",
        layer_cross_attn=None, attn_qkv_proj="Wqkv", attn_o_proj="Wo", layer_intermediate_proj="mlp.Wi",
        layer_output_proj="mlp.Wo", layer_pre_self_attn="attn_norm", layer_pre_ffn="mlp_norm"),
}  # fmt: skip


def with_adapter(config, method, labels):
    """A model with the adapter `mood`, which trains; with a head of AdapterHub's, which trains too, or with the family's own,
    where AdapterHub has no model class of its own for the family."""
    config = copy.deepcopy(config)
    model = with_head(config, labels) if type(config) in ADAPTER_MODEL_MAPPING else through_interface(config)
    model.add_adapter("mood", config=method)
    model.train_adapter("mood")
    for layer in model.base_model.layers if config.model_type in INTERFACES else []:
        layer.attn.Wqkv.bias = None  # wrapping it for LoRA gave it one, which the model has not
    if type(config) not in ADAPTER_MODEL_MAPPING:
        for name, parameter in model.named_parameters():
            parameter.requires_grad = ".mood." in name
    return model


def with_head(config, labels):
    """A model of AdapterHub's own class."""
    model = AutoAdapterModel.from_config(config)
    for attention in (m for m in model.modules() if isinstance(m, AlbertAttentionWithAdapters)):
        # It is called with its arguments in the wrong order: the state first, then what the attention made of it.
        attention.attention_adapters.forward = swapped(attention.attention_adapters.forward)
    model.add_classification_head("mood", num_labels=labels)
    model.active_head = "mood"
    return model


def through_interface(config):
    """A model of transformers' class, into which AdapterHub's layers are put."""
    model = AutoModelForSequenceClassification.from_config(config)
    adapters.init(model, interface=INTERFACES[config.model_type])
    return model


def swapped(forward):
    """The same with its first two arguments in the other order."""
    return lambda first, second, norm: forward(second, first, norm)
