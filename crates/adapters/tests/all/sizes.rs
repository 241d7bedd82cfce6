//! Sizes by formula are those of adapters that are there, and are known where no adapter could be.

use adaptune_adapters::{Adapter, Head, HeadConfig, Method, PRESETS, Size, Task, format};
use adaptune_tensor::{Parameters, Seed};
use adaptune_transformer::weights::{TensorFile, TensorSource};
use adaptune_transformer::{Config, Encoder, Thaw, Thawed};
use std::time::Instant;

/// Odd sizes, that formulas cannot mix up.
fn model() -> Config {
    Config { vocabulary: 11, positions: 90, ..Config::bert(24, 3, 2, 36) }
}

const ODD: &[&str] = &[
    "seq_bn[ln_before=True,ln_after=True,scaling=learned]",
    "double_seq_bn[reduction_factor={'1': 3, 'default': 0.5},use_gating=True,leave_out=[0]]",
    "adapter_plus[use_gating=True,ln_after=True]",
    "seq_bn_inv[inv_adapter=glow,inv_adapter_reduction_factor=1.5]",
    "double_seq_bn_inv[inv_adapter_reduction_factor=5]",
    "compacter[reduction_factor=4,phm_dim=2]",
    "compacter[reduction_factor=2,phm_dim=3,learn_phm=False,phm_bias=False]",
    "compacter[reduction_factor=2,phm_dim=3,learn_phm=False,shared_phm_rule=False,factorized_phm_rule=True]",
    "compacter++[reduction_factor=2,phm_dim=4,shared_W_phm=True,factorized_phm_W=False,phm_rank=3]",
    "compacter++[reduction_factor=2,phm_dim=4,shared_W_phm=True,shared_phm_rule=False,phm_rank=3]",
    "seq_bn[reduction_factor=2,phm_layer=True,phm_dim=2,shared_phm_rule=False,phm_rank=2]",
    "lora[r=3,intermediate_lora=True,output_lora=True,attn_matrices=[q,k,v,o],leave_out=[1]]",
    "lora[use_gating=True,output_lora=True]",
    "dora[r=5,intermediate_lora=True]",
    "ia3[attn_matrices=[k,v,o],output_lora=True,intermediate_lora=False,scale_inputs=[o,output]]",
    "vera[intermediate_lora=True,r=5]",
    "vera[output_lora=True,r=7,attn_matrices=[k]]",
    "mtl_lora[n_up_projection=3,r=5,intermediate_lora=True,output_lora=True]",
    "mtl_lora[task_specific_matrix_type=linear,r=3]",
    "prefix_tuning[prefix_length=5,bottleneck_size=7,leave_out=[1],use_gating=True,shared_gating=False]",
    "prefix_tuning_flat[prefix_length=5,use_gating=True]",
    "prompt_tuning[prompt_length=7]",
    "loreft[layers=[1],tied_weights=True,r=3]",
    "noreft[r=5,suffix_positions=2]",
    "prefix_tuning[prefix_length=5]|seq_bn[leave_out=[2]]|lora[use_gating=True]",
];

fn size(text: &str, model: &Config) -> Size {
    let method: Method = text.parse().unwrap_or_else(|e| panic!("{text}: {e}"));
    method.size(model).unwrap_or_else(|e| panic!("{text}: {e}"))
}

fn texts() -> impl Iterator<Item = &'static str> {
    let divides = |text: &str| !text.starts_with("compacter") || text.contains("phm_dim");
    PRESETS.iter().map(|preset| preset.name).filter(move |name| divides(name)).chain(ODD.iter().copied())
}

#[test]
fn every_count_is_that_of_the_adapter() {
    for text in texts() {
        let adapter = Adapter::<f32>::blank("a", &text.parse().expect("a method"), &model(), Seed::new(1)).expect(text);
        let (size, counted) = (size(text, &model()), adapter.counts());
        let counted: Vec<(String, u64)> = counted.into_iter().map(|(name, count)| (name, count as u64)).collect();
        assert_eq!(size.counts(), counted, "{text}");
        assert_eq!(size.parameters(), adapter.parameter_count() as u64, "{text}");
        let constants: usize = adapter.constants().iter().map(|(_, array)| array.values().len()).sum();
        assert_eq!(size.constants(), constants as u64, "{text}");
    }
}

/// But for names under which one array is stored twice.
#[test]
fn files_hold_as_many_numbers_as_the_formula_says() {
    let base = Encoder::<f32>::random(model(), 0.2, Seed::new(1));
    for text in texts().filter(|text| !text.contains("ln_before=True")) {
        let adapter = Adapter::on("a", &text.parse().expect("a method"), &base, Seed::new(1)).expect(text);
        let folder = tempfile::tempdir().expect("a temporary folder");
        if format::save_adapterhub(&adapter, &base, folder.path()).is_err() {
            continue; // it has no file of AdapterHub's
        }
        let file = TensorFile::open(folder.path().join("adapter.safetensors")).expect("a whole file");
        let numbers = |name: &str| file.shape(name).expect("it is there").iter().product::<usize>() as u64;
        let found: u64 = file.names().into_iter().map(numbers).sum();
        assert_eq!(size(text, &model()).stored(), found, "{text}");
    }
}

/// What cannot be allocated can be counted, at once.
#[test]
fn counts_are_formulas() {
    let begun = Instant::now();
    let small = Config::bert(16, 3, 4, 32);
    let huge = [
        ("prefix_tuning[prefix_length=65536,bottleneck_size=65536]", 65536_u64 * 16 + 65536 * 17 + 96 * 65537),
        ("prompt_tuning[prompt_length=65536]", 65536 * 16),
        ("vera[r=65536]", 3 * 2 * (65536 + 16)),
        ("lora[r=65536]", 3 * 2 * 65536 * 32),
        ("mtl_lora[r=65536,task_specific_matrix_type=linear]", 3 * 2 * (65536 * 32 + 1 + 65536 * 65536)),
    ];
    for (text, parameters) in huge {
        assert_eq!(size(text, &small).parameters(), parameters, "{text}");
    }
    assert_eq!(size("vera[r=65536]", &small).stored(), 3 * 2 * (65536 * 65536 + 16 * 16) + 2 * 65536 * 16);
    let deep = Config { layers: 65536, ..Config::bert(65536, 1, 1024, 262_144) };
    for preset in PRESETS.iter().filter(|preset| !preset.name.starts_with("compacter")) {
        assert!(size(preset.name, &deep).parameters() > 65536, "{}", preset.name);
    }
    let endless = Config { layers: 1, ..Config::bert(usize::MAX / 4 * 4, 1, 4, usize::MAX) };
    assert_eq!(endless.parameter_count(), usize::MAX);
    assert_eq!(size("lora", &endless).parameters(), u64::MAX);
    assert!(begun.elapsed().as_secs() < 20, "{:?}", begun.elapsed());
}

#[test]
fn what_does_not_fit_has_no_size() {
    for text in ["seq_bn[leave_out=[9]]", "lora[dropout=1]", "seq_bn[scaling=1e300]|lora"] {
        let method: Method = text.parse().expect("a method");
        assert!(method.size(&model()).is_err(), "{text}");
    }
}

#[test]
fn heads_and_what_is_thawed_are_counted_too() {
    let base = Encoder::<f32>::random(model(), 0.2, Seed::new(1));
    let labels = || vec!["a".to_owned(), "b".into(), "c".into()];
    let plain = HeadConfig::new(Task::CLASSIFICATION, labels());
    for config in [
        HeadConfig { layers: 3, bias: false, ..plain.clone() },
        plain,
        HeadConfig::new(Task::TAGGING, labels()),
        HeadConfig::new(Task::REGRESSION, vec![]),
        HeadConfig::new(Task::MASKED_LANGUAGE, vec![]),
    ] {
        let head = Head::new("h", &config, &base, Seed::new(1)).expect("fits");
        assert_eq!(config.parameter_count(&model()), head.parameter_count() as u64, "{config:?}");
    }
    for thaw in [Thaw::ALL, Thaw::BIASES, Thaw::LAYER_NORMS, Thaw::BIASES | Thaw::LAYER_NORMS] {
        for pooler in [false, true] {
            let thawed = Thawed::new(&base, thaw, pooler);
            assert_eq!(thaw.parameter_count(&model(), pooler), thawed.parameter_count() as u64, "{thaw} {pooler}");
        }
    }
}
