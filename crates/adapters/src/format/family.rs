//! What files call things, family by family: all that the formats know of families.

use crate::core::hub_names::HubNames;
use crate::core::point::Point;
use adaptune_tensor::Activation;
use adaptune_transformer::{Family, SequencePoint, Sublayer, SublayerPoint};

impl HubNames for Family {
    fn module(&self, point: Option<Point>) -> String {
        match (point, self) {
            (Some(Point::Linear(point)), _) => point.path(*self),
            (Some(Point::Sublayer(SublayerPoint { layer, sublayer })), Family::DistilBert) => match sublayer {
                Sublayer::Attention => format!("transformer.layer.{layer}.attention_adapters"),
                Sublayer::FeedForward => format!("transformer.layer.{layer}.output_adapters"),
            },
            (Some(Point::Sublayer(SublayerPoint { layer, sublayer })), _) => match sublayer {
                Sublayer::Attention => format!("encoder.layer.{layer}.attention.output"),
                Sublayer::FeedForward => format!("encoder.layer.{layer}.output"),
            },
            (Some(Point::Attention(layer)), Family::DistilBert) => format!("transformer.layer.{layer}.attention"),
            (Some(Point::Attention(layer)), _) => format!("encoder.layer.{layer}.attention.self"),
            (Some(Point::Sequence(SequencePoint::Embeddings)), _) => "embeddings".to_owned(),
            (Some(Point::Sequence(SequencePoint::Block(layer))), Family::DistilBert) => {
                format!("transformer.layer.{layer}")
            }
            (Some(Point::Sequence(SequencePoint::Block(layer))), _) => format!("encoder.layer.{layer}"),
            (None, _) => "shared_parameters".to_owned(),
        }
    }

    fn prefix_location(&self) -> &'static str {
        if *self == Self::DistilBert { "self" } else { "self_prefix" }
    }
}

/// AdapterHub's class of such models.
pub(super) fn model_class(family: Family) -> &'static str {
    match family {
        Family::Bert => "BertAdapterModel",
        Family::Roberta => "RobertaAdapterModel",
        Family::XlmRoberta => "XLMRobertaAdapterModel",
        Family::DistilBert => "DistilBertAdapterModel",
    }
}

/// What the names of transformers' classes begin with.
pub(super) fn class_name(family: Family) -> &'static str {
    match family {
        Family::Bert => "Bert",
        Family::Roberta => "Roberta",
        Family::XlmRoberta => "XLMRoberta",
        Family::DistilBert => "DistilBert",
    }
}

/// Where checkpoints keep a parameter of the head of a masked language model.
pub(super) fn language_tensor_name(family: Family, parameter: &str) -> String {
    let (transform, norm, bias) = match family {
        Family::Bert => {
            ("cls.predictions.transform.dense", "cls.predictions.transform.LayerNorm", "cls.predictions.bias")
        }
        Family::Roberta | Family::XlmRoberta => ("lm_head.dense", "lm_head.layer_norm", "lm_head.bias"),
        Family::DistilBert => ("vocab_transform", "vocab_layer_norm", "vocab_projector.bias"),
    };
    match parameter.split_once('.') {
        Some(("transform", part)) => format!("{transform}.{part}"),
        Some((_, part)) => format!("{norm}.{part}"),
        None => bias.to_owned(),
    }
}

/// The layers of transformers' classifier of sequences, from the first to the last.
pub(super) fn classifier(family: Family) -> &'static [&'static str] {
    match family {
        Family::Bert => &["classifier"],
        Family::Roberta | Family::XlmRoberta => &["classifier.dense", "classifier.out_proj"],
        Family::DistilBert => &["pre_classifier", "classifier"],
    }
}

/// The activation between these layers.
pub(super) fn classifier_activation(family: Family) -> Activation {
    if family == Family::DistilBert { Activation::Relu } else { Activation::Tanh }
}

/// True if transformers' classifier of sequences reads the pooler.
pub(super) fn classifier_reads_pooler(family: Family) -> bool {
    family == Family::Bert
}

/// True if PEFT runs the classifier of sequences with a prefix. Of what RobertaModel gives without a pooler, it takes the
/// cache for the pooled state.
pub(super) fn classifies_with_prefix(family: Family) -> bool {
    !matches!(family, Family::Roberta | Family::XlmRoberta)
}

/// True if transformers' model takes keys and values from outside, as PEFT's prefixes need.
pub(super) fn takes_prefixes(family: Family) -> bool {
    family != Family::DistilBert
}
