//! The fields of a configuration on which the numbers depend that a model computes.

use super::architecture::{Architecture, Biases, ByLayer, NormKind, Pooler, Residual};
use super::disentangled::DisentangledPositions;
use super::relative::RelativeBuckets;
use super::rotary::RotaryPositions;
use super::sizes::Config;
use adaptune_tensor::{AttentionMask, RmsWeight, Seed};

impl Config {
    /// Every field on which a pass without dropout depends, by the name that the family's `config.json` has for it where it has
    /// one, with its value as text. The family comes first, since the other names are its own. Two models with the same fields
    /// and the same weights compute the same.
    ///
    /// Names and texts stand in files, so they are the same in every version.
    ///
    /// ```
    /// use adaptune_transformer::Config;
    /// let fields = Config::bert(8, 2, 2, 16).computed_fields();
    /// assert_eq!(fields[0], ("model_type", "bert".to_owned()));
    /// assert!(fields.contains(&("num_attention_heads", "2".to_owned())));
    /// ```
    #[must_use]
    pub fn computed_fields(&self) -> Vec<(&'static str, String)> {
        // Taken apart without `..`, so that a new field is not forgotten here.
        let Self {
            family,
            architecture,
            name: _,
            vocabulary,
            hidden,
            layers,
            heads,
            feed_forward,
            // How many there are limits lengths; which rows are read depends on the offset alone.
            positions: _,
            position_offset,
            token_types,
            norm_epsilon,
            activation,
            hidden_dropout: _,
            feed_forward_dropout: _,
            attention_output_dropout: _,
            attention_dropout: _,
            head_dropout: _,
        } = self;
        let names = family.description().fields;
        let mut fields = vec![
            ("model_type", family.model_type().to_owned()),
            (names.vocabulary, vocabulary.to_string()),
            (names.hidden, hidden.to_string()),
            (names.layers, layers.to_string()),
            (names.heads, heads.to_string()),
            (names.feed_forward, feed_forward.to_string()),
            ("first position", position_offset.to_string()),
            ("number of token types", token_types.to_string()),
            (names.norm_epsilon, format!("{norm_epsilon:?}")),
            ("activation", activation.name().to_owned()),
        ];
        fields.extend(self.computed_by(architecture));
        fields
    }

    fn computed_by(&self, architecture: &Architecture) -> Vec<(&'static str, String)> {
        let Architecture {
            residual,
            norm,
            biases: Biases { query_key_value, attention_output, feed_forward },
            learned_positions,
            embedding_norm,
            embedding_scale,
            final_norm,
            gated,
            key_value_heads: _,
            head_size: _,
            attention_scale,
            query_key_norm,
            mask,
            rotary,
            // A head says itself what it reads, and the others are among the later fields.
            classifier_reads: _,
            first_norm: _,
            embedding_width: _,
            shared_blocks: _,
            relative_bias: _,
            norm_behind_projection: _,
            disentangled: _,
            untied_output: _,
            pooler: _,
        } = architecture;
        let fields = vec![
            ("residual form", residual_text(*residual).to_owned()),
            ("kind of norm", norm_text(*norm).to_owned()),
            ("biases", format!("{query_key_value}, {attention_output}, {feed_forward}")),
            ("learned positions", learned_positions.to_string()),
            ("norm of the embeddings", embedding_norm.to_string()),
            ("scale of the embeddings", number(*embedding_scale)),
            ("norm behind the last block", final_norm.to_string()),
            ("gated feed-forward network", gated.to_string()),
            ("heads of keys and values", self.key_value_heads().to_string()),
            ("width of a head", self.head_size().to_string()),
            ("scale of the attention", number(*attention_scale)),
            ("norms of queries and keys", query_key_norm.to_string()),
        ];
        [fields, self.fields_by_layer(mask, rotary), later_fields(architecture)].concat()
    }

    fn fields_by_layer(
        &self,
        mask: &ByLayer<AttentionMask>,
        rotary: &ByLayer<Option<RotaryPositions>>,
    ) -> Vec<(&'static str, String)> {
        vec![
            ("attention mask", by_layer((0..self.layers).map(|layer| mask_text(*mask.at(layer))))),
            ("rotary positions", by_layer((0..self.layers).map(|layer| rotary_text(rotary.at(layer).as_ref())))),
        ]
    }
}

fn number(value: Option<f64>) -> String {
    value.map_or("by default".to_owned(), |value| format!("{value:?}"))
}

/// What files of earlier versions do not say: only where it is another than in BERT, so that those of BERT stay as they are.
fn later_fields(architecture: &Architecture) -> Vec<(&'static str, String)> {
    let Architecture {
        first_norm,
        embedding_width,
        norm_behind_projection,
        shared_blocks,
        relative_bias,
        disentangled,
        untied_output,
        pooler,
        ..
    } = architecture;
    let buckets = |RelativeBuckets { buckets, most }: &RelativeBuckets| format!("{buckets} buckets up to {most}");
    let pooled = |Pooler { activation, bias, norm }: &Pooler| format!("{}, {bias}, {norm}", activation.name());
    let all = [
        (!first_norm).then(|| ("norm before the first attention", first_norm.to_string())),
        embedding_width.map(|width| ("width of the embeddings", width.to_string())),
        norm_behind_projection.then(|| ("norm of the embeddings behind their projection", true.to_string())),
        disentangled.as_ref().map(|of| ("disentangled positions", disentangled_text(of))),
        relative_bias.as_ref().map(|of| ("relative biases", buckets(of))),
        shared_blocks.map(|blocks| ("number of stored blocks", blocks.to_string())),
        untied_output.then(|| ("output layer", "of its own".to_owned())),
        pooler.as_ref().filter(|pooler| **pooler != Pooler::BERT).map(|pooler| ("pooler", pooled(pooler))),
    ];
    all.into_iter().flatten().collect()
}

fn disentangled_text(of: &DisentangledPositions) -> String {
    let DisentangledPositions { content_to_position, position_to_content, buckets, most, own_projections, norm } = of;
    let buckets = buckets.map_or("no buckets".to_owned(), |buckets| format!("{buckets} buckets"));
    format!("{content_to_position}, {position_to_content}, {buckets} up to {most}, {own_projections}, {norm}")
}

/// The text of all layers, or those of each one where they differ.
fn by_layer(texts: impl Iterator<Item = String>) -> String {
    let mut texts: Vec<String> = texts.collect();
    if texts.iter().all(|text| *text == texts[0]) {
        texts.truncate(1);
    }
    texts.join(", ")
}

fn residual_text(residual: Residual) -> &'static str {
    match residual {
        Residual::PostNorm => "post-norm",
        Residual::PreNorm => "pre-norm",
        Residual::Sandwich => "sandwich",
        Residual::Parallel => "parallel",
    }
}

fn norm_text(norm: NormKind) -> &'static str {
    match norm {
        NormKind::Layer { bias: true } => "layer norm",
        NormKind::Layer { bias: false } => "layer norm without bias",
        NormKind::Rms(RmsWeight::Plain) => "RMS norm",
        NormKind::Rms(RmsWeight::OnePlus) => "RMS norm of 1 + w",
    }
}

fn mask_text(mask: AttentionMask) -> String {
    match mask {
        AttentionMask::Full => "full".into(),
        AttentionMask::Causal => "causal".into(),
        AttentionMask::Window(n) => format!("window of {n} on either side"),
        AttentionMask::CausalWindow(n) => format!("causal window of {n}"),
    }
}

/// Frequencies are many numbers, so they are told apart by one that is computed from them.
fn rotary_text(rotary: Option<&RotaryPositions>) -> String {
    let Some(RotaryPositions { frequencies, base: _, scaling: _ }) = rotary else { return "none".into() };
    let print = frequencies.iter().fold(Seed::new(0), |seed, frequency| seed.at(frequency.to_bits())).bits(0);
    format!("{} frequencies {print:016x}", frequencies.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::ByLayer;
    use crate::family::Family;
    use adaptune_tensor::Activation;

    /// What has changed, and nothing else.
    fn changed(config: &Config) -> Vec<&'static str> {
        let (plain, other) = (Config::bert(8, 3, 2, 12).computed_fields(), config.computed_fields());
        let differing = other.iter().filter(|field| !plain.contains(field));
        differing.map(|(name, _)| *name).collect()
    }

    #[test]
    fn every_field_that_changes_the_numbers_is_among_them() {
        let plain = || Config::bert(8, 3, 2, 12);
        let built = |architecture| Config { architecture, ..plain() };
        let bert = Architecture::bert;
        let frequencies = |base: f64| Some(RotaryPositions { base, scaling: None, frequencies: vec![1.0, base] });
        for (config, field) in [
            (Config { heads: 4, ..plain() }, "num_attention_heads"),
            (Config { norm_epsilon: 1e-5, ..plain() }, "layer_norm_eps"),
            (Config { activation: Activation::GeluTanh, ..plain() }, "activation"),
            (Config { position_offset: 2, ..plain() }, "first position"),
            (Config { family: Family::ROBERTA, ..plain() }, "model_type"),
            (Config { token_types: 1, ..plain() }, "number of token types"),
            (built(Architecture { residual: Residual::PreNorm, ..bert() }), "residual form"),
            (built(Architecture { norm: NormKind::Rms(RmsWeight::OnePlus), ..bert() }), "kind of norm"),
            (built(Architecture { biases: Biases { feed_forward: false, ..Biases::ALL }, ..bert() }), "biases"),
            (built(Architecture { embedding_scale: Some(2.5), ..bert() }), "scale of the embeddings"),
            (built(Architecture { pooler: Some(Pooler { norm: true, ..Pooler::BERT }), ..bert() }), "pooler"),
            (built(Architecture { first_norm: false, ..bert() }), "norm before the first attention"),
            (built(Architecture { shared_blocks: Some(2), ..bert() }), "number of stored blocks"),
            (
                built(Architecture { relative_bias: Some(RelativeBuckets { buckets: 8, most: 20 }), ..bert() }),
                "relative biases",
            ),
            (built(Architecture { embedding_width: Some(5), ..bert() }), "width of the embeddings"),
            (
                built(Architecture { norm_behind_projection: true, ..bert() }),
                "norm of the embeddings behind their projection",
            ),
            (
                built(Architecture { disentangled: Some(DisentangledPositions::every_distance(9)), ..bert() }),
                "disentangled positions",
            ),
            (built(Architecture { final_norm: true, ..bert() }), "norm behind the last block"),
            (built(Architecture { untied_output: true, ..bert() }), "output layer"),
            (built(Architecture { gated: true, ..bert() }), "gated feed-forward network"),
            (built(Architecture { key_value_heads: Some(1), ..bert() }), "heads of keys and values"),
            (built(Architecture { attention_scale: Some(0.3), ..bert() }), "scale of the attention"),
            (built(Architecture { query_key_norm: true, ..bert() }), "norms of queries and keys"),
            (built(Architecture { mask: ByLayer::every(AttentionMask::Causal), ..bert() }), "attention mask"),
            (
                built(Architecture {
                    mask: ByLayer::pattern(vec![AttentionMask::Full, AttentionMask::Window(2)]),
                    ..bert()
                }),
                "attention mask",
            ),
            (built(Architecture { rotary: ByLayer::every(frequencies(0.1)), ..bert() }), "rotary positions"),
        ] {
            assert!(changed(&config).contains(&field), "{field}: {:?}", changed(&config));
        }
        let rotary =
            |base| built(Architecture { rotary: ByLayer::every(frequencies(base)), ..bert() }).computed_fields();
        assert_ne!(rotary(0.1), rotary(0.2));
    }

    #[test]
    fn what_changes_no_number_is_not_among_them() {
        let named = Config { name: Some("x".into()), positions: 99, ..Config::bert(8, 3, 2, 12) };
        assert_eq!(changed(&named.with_dropout(0.3, 0.2)), [""; 0]);
    }
}
