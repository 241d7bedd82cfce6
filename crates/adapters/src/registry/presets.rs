//! The registry of methods: every name that a configuration string may begin with.

use crate::methods::bottleneck::config::BottleneckConfig;
use crate::methods::lora::config::LoraConfig;
use crate::methods::lora::mtl::config::MtlLoraConfig;
use crate::methods::prefix::config::PrefixConfig;
use crate::methods::prompt::config::PromptConfig;
use crate::methods::reft::config::ReftConfig;
use crate::registry::method::Method;

/// A named starting point for configurations.
#[derive(Debug)]
pub struct Preset {
    /// AdapterHub's identifier.
    pub name: &'static str,
    /// Names by which the papers know it.
    pub aliases: &'static [&'static str],
    /// One line about it.
    pub about: &'static str,
    /// Who described it first.
    pub paper: &'static str,
    /// Its configuration.
    pub method: fn() -> Method,
}

/// Every preset.
pub const PRESETS: &[Preset] = &[
    Preset {
        name: "seq_bn",
        aliases: &["pfeiffer"],
        about: "one bottleneck a block, after feed-forward",
        paper: "Pfeiffer et al., 2021",
        method: || Method::Bottleneck(BottleneckConfig::seq_bn()),
    },
    Preset {
        name: "double_seq_bn",
        aliases: &["houlsby"],
        about: "two bottlenecks a block, after attention and feed-forward",
        paper: "Houlsby et al., 2019",
        method: || Method::Bottleneck(BottleneckConfig::double_seq_bn()),
    },
    Preset {
        name: "par_bn",
        aliases: &["parallel"],
        about: "a bottleneck beside feed-forward, scaled by 4",
        paper: "He et al., 2022",
        method: || Method::Bottleneck(BottleneckConfig::par_bn()),
    },
    Preset {
        name: "scaled_par_bn",
        aliases: &["scaled_parallel"],
        about: "a bottleneck beside feed-forward with a learned scaling",
        paper: "He et al., 2022",
        method: || Method::Bottleneck(BottleneckConfig::scaled_par_bn()),
    },
    Preset {
        name: "adapter_plus",
        aliases: &["adapterplus"],
        about: "a bottleneck behind the block, scaled by channel",
        paper: "Steitz and Roth, 2024",
        method: || Method::Bottleneck(BottleneckConfig::adapter_plus()),
    },
    Preset {
        name: "compacter",
        aliases: &[],
        about: "two bottlenecks a block of Kronecker products",
        paper: "Mahabadi et al., 2021",
        method: || Method::Bottleneck(BottleneckConfig::compacter()),
    },
    Preset {
        name: "compacter++",
        aliases: &["compacter_plus_plus"],
        about: "a bottleneck a block of Kronecker products",
        paper: "Mahabadi et al., 2021",
        method: || Method::Bottleneck(BottleneckConfig::compacter_plus_plus()),
    },
    Preset {
        name: "seq_bn_inv",
        aliases: &["pfeiffer+inv"],
        about: "seq_bn and an invertible adapter at the embeddings",
        paper: "Pfeiffer et al., 2020",
        method: || Method::Bottleneck(BottleneckConfig::seq_bn().with_inverse()),
    },
    Preset {
        name: "double_seq_bn_inv",
        aliases: &["houlsby+inv"],
        about: "double_seq_bn and an invertible adapter at the embeddings",
        paper: "Pfeiffer et al., 2020",
        method: || Method::Bottleneck(BottleneckConfig::double_seq_bn().with_inverse()),
    },
    Preset {
        name: "lora",
        aliases: &[],
        about: "low-rank matrices added to queries and values",
        paper: "Hu et al., 2022",
        method: || Method::Lora(LoraConfig::lora()),
    },
    Preset {
        name: "dora",
        aliases: &[],
        about: "LoRA that trains the length of each row of the weight apart",
        paper: "Liu et al., 2024",
        method: || Method::Lora(LoraConfig::dora()),
    },
    Preset {
        name: "ia3",
        aliases: &[],
        about: "a factor for each channel of keys, values and feed-forward network",
        paper: "Liu et al., 2022",
        method: || Method::Lora(LoraConfig::ia3()),
    },
    Preset {
        name: "vera",
        aliases: &[],
        about: "two vectors a layer over random matrices that all layers share",
        paper: "Kopiczko et al., 2024",
        method: || Method::Lora(LoraConfig::vera()),
    },
    Preset {
        name: "mtl_lora",
        aliases: &[],
        about: "LoRA with a small matrix and mixing weights that belong to a task",
        paper: "Yang et al., 2024",
        method: || Method::MtlLora(MtlLoraConfig::mtl_lora()),
    },
    Preset {
        name: "prefix_tuning",
        aliases: &["prefix"],
        about: "keys and values in front of every block's, out of a small network",
        paper: "Li and Liang, 2021",
        method: || Method::Prefix(PrefixConfig::prefix_tuning()),
    },
    Preset {
        name: "prefix_tuning_flat",
        aliases: &["prefix_flat"],
        about: "keys and values in front of every block's, trained themselves",
        paper: "Li and Liang, 2021",
        method: || Method::Prefix(PrefixConfig::prefix_tuning_flat()),
    },
    Preset {
        name: "prompt_tuning",
        aliases: &["prompt"],
        about: "trainable tokens in front of every sequence",
        paper: "Lester et al., 2021",
        method: || Method::Prompt(PromptConfig::prompt_tuning()),
    },
    Preset {
        name: "loreft",
        aliases: &["reft"],
        about: "first and last tokens moved within an orthonormal subspace, after every block",
        paper: "Wu et al., 2024",
        method: || Method::Reft(ReftConfig::loreft()),
    },
    Preset {
        name: "noreft",
        aliases: &[],
        about: "the same within any subspace",
        paper: "Wu et al., 2024",
        method: || Method::Reft(ReftConfig::noreft()),
    },
    Preset {
        name: "direft",
        aliases: &[],
        about: "the same with nothing subtracted",
        paper: "Wu et al., 2024",
        method: || Method::Reft(ReftConfig::direft()),
    },
    Preset {
        name: "mam",
        aliases: &["mam_adapter"],
        about: "prefix_tuning and par_bn, mix and match",
        paper: "He et al., 2022",
        method: mam,
    },
    Preset {
        name: "unipelt",
        aliases: &[],
        about: "prefix_tuning, seq_bn and lora, each behind a gate",
        paper: "Mao et al., 2022",
        method: unipelt,
    },
];

/// Every name and alias.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    PRESETS.iter().flat_map(|preset| std::iter::once(preset.name).chain(preset.aliases.iter().copied()))
}

fn mam() -> Method {
    let prefix = PrefixConfig { bottleneck_size: 800, ..PrefixConfig::prefix_tuning() };
    Method::union(vec![Method::Prefix(prefix), Method::Bottleneck(BottleneckConfig::par_bn())])
}

fn unipelt() -> Method {
    let prefix = PrefixConfig { prefix_length: 10, use_gating: true, ..PrefixConfig::prefix_tuning() };
    let lora = LoraConfig { alpha: 2.0, use_gating: true, ..LoraConfig::lora() };
    let bottleneck = BottleneckConfig { use_gating: true, ..BottleneckConfig::seq_bn() };
    Method::union(vec![Method::Prefix(prefix), Method::Bottleneck(bottleneck), Method::Lora(lora)])
}
