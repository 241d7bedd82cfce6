//! Tests of what folders of sentence-transformers say.

use super::*;
use std::fs;
use std::path::PathBuf;
use tempfile::TempDir;

/// A folder with these modules, class and path, and files in them.
fn folder(modules: &[(&str, &str)], files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let entry = |(i, (class, path)): (usize, &(&str, &str))| {
        format!(r#"{{"idx": {i}, "name": "{i}", "path": "{path}", "type": "{class}"}}"#)
    };
    let text = modules.iter().enumerate().map(entry).collect::<Vec<_>>().join(",");
    fs::write(folder.path().join(MODULES), format!("[{text}]")).expect("written");
    for (name, text) in files {
        let path: PathBuf = folder.path().join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        fs::write(path, text).expect("written");
    }
    folder
}

const TRANSFORMER: (&str, &str) = ("sentence_transformers.models.Transformer", "");
const POOLING: (&str, &str) = ("sentence_transformers.models.Pooling", "1_Pooling");
const NORMALIZE: (&str, &str) = ("sentence_transformers.models.Normalize", "2_Normalize");

fn with_pooling(config: &str) -> TempDir {
    folder(&[TRANSFORMER, POOLING, NORMALIZE], &[("1_Pooling/config.json", config)])
}

fn poolings(config: &str) -> Vec<TokenPooling> {
    read(with_pooling(config).path()).expect("a good folder").expect("one of sentence-transformers").pooling
}

#[test]
fn modes_are_read_in_the_spelling_of_every_version() {
    use TokenPooling::{First, Last, Max, Mean, MeanSqrtLen, WeightedMean};
    let old = |keys: &[&str]| {
        let keys: Vec<String> = keys.iter().map(|key| format!(r#""pooling_mode_{key}": true"#)).collect();
        poolings(
            &format!(r#"{{"word_embedding_dimension": 8, "pooling_mode_cls_token": false, {}}}"#, keys.join(","))
                .replace(", }", "}"),
        )
    };
    for (key, expected) in [
        ("cls_token", First),
        ("mean_tokens", Mean),
        ("max_tokens", Max),
        ("mean_sqrt_len_tokens", MeanSqrtLen),
        ("weightedmean_tokens", WeightedMean),
        ("lasttoken", Last),
    ] {
        let config = format!(r#"{{"word_embedding_dimension": 8, "pooling_mode_{key}": true}}"#);
        assert_eq!(poolings(&config), [expected]);
        let new = format!(r#"{{"embedding_dimension": 8, "pooling_mode": "{expected}", "include_prompt": true}}"#);
        assert_eq!(poolings(&new), [expected]);
    }
    // Several are put together in a fixed order in older files, in their own in newer ones.
    assert_eq!(old(&["lasttoken", "mean_tokens", "max_tokens"]), [Max, Mean, Last]);
    assert_eq!(poolings(r#"{"pooling_mode": ["mean", "cls"]}"#), [Mean, First]);
    assert_eq!(poolings(r#"{"word_embedding_dimension": 8}"#), [Mean]);
    let unknown = read(with_pooling(r#"{"pooling_mode": "mena"}"#).path()).expect_err("unknown").to_string();
    assert!(unknown.contains("no pooling is called mena") && unknown.contains("did you mean `mean`"), "{unknown}");
}

#[test]
fn a_head_reads_one_known_mode() {
    let of_head = |config: &str| pooling(with_pooling(config).path()).expect("a good file");
    assert_eq!(of_head(r#"{"pooling_mode_mean_tokens": true, "pooling_mode_cls_token": false}"#), Some(Pooling::Mean));
    assert_eq!(of_head(r#"{"pooling_mode_lasttoken": true}"#), Some(Pooling::Last));
    assert_eq!(of_head(r#"{"pooling_mode": "cls"}"#), Some(Pooling::First));
    assert_eq!(of_head(r#"{"pooling_mode_mean_tokens": true, "pooling_mode_cls_token": true}"#), None);
    assert_eq!(of_head(r#"{"pooling_mode_max_tokens": true, "pooling_mode_weightedmean_tokens": true}"#), None);
    assert_eq!(of_head(r#"{"word_embedding_dimension": 8}"#), None);
}

#[test]
fn modules_that_are_not_known_are_refused_by_name() {
    let config = ("1_Pooling/config.json", r#"{"pooling_mode_mean_tokens": true}"#);
    let fails = |modules: &[(&str, &str)]| read(folder(modules, &[config]).path()).expect_err("refused").to_string();
    let other = fails(&[TRANSFORMER, POOLING, ("sentence_transformers.models.LSTM", "2_LSTM")]);
    assert!(other.contains("the module sentence_transformers.models.LSTM is not known"), "{other}");
    let custom = fails(&[("custom_st.Transformer", ""), POOLING]);
    assert!(custom.contains("custom_st.Transformer"), "{custom}");
    assert!(fails(&[TRANSFORMER, NORMALIZE, POOLING]).contains("Normalize stands where it means nothing"));
    assert!(fails(&[TRANSFORMER]).contains("no module of it is a Pooling"));
    assert!(
        fails(&[("sentence_transformers.models.Transformer", "0_Transformer"), POOLING]).contains("`0_Transformer`")
    );
    assert!(fails(&[TRANSFORMER, ("sentence_transformers.models.Pooling", "../other")]).contains("is not known"));
    let newer = folder(
        &[
            ("sentence_transformers.base.modules.transformer.Transformer", ""),
            ("sentence_transformers.sentence_transformer.modules.pooling.Pooling", "1_Pooling"),
        ],
        &[config],
    );
    assert!(read(newer.path()).expect("a good folder").is_some());
    assert_eq!(files(newer.path()).expect("a good file"), ["1_Pooling/config.json"]);
}

#[test]
fn lengths_letters_and_prompts_are_read() {
    let of = |files: &[(&str, &str)]| {
        let pooling = ("1_Pooling/config.json", r#"{"pooling_mode_mean_tokens": true, "include_prompt": false}"#);
        read(folder(&[TRANSFORMER, POOLING], &[files, &[pooling]].concat()).path())
            .expect("a good folder")
            .expect("one")
    };
    assert_eq!(of(&[]).texts, TextSettings::default());
    assert!(!of(&[]).pools_prompt);
    let texts = of(&[
        ("sentence_roberta_config.json", r#"{"max_seq_length": 75, "do_lower_case": true}"#),
        (PROMPTS, r#"{"prompts": {"query": "query: ", "document": ""}, "default_prompt_name": "query", "similarity_fn_name": "cosine"}"#),
    ])
    .texts;
    assert_eq!((texts.max_length, texts.lower_case, texts.prompts["query"].as_str()), (Some(75), true, "query: "));
    assert_eq!(texts.default_prompt.as_deref(), Some("query"));
    assert_eq!(of(&[(LENGTHS[0], r#"{"max_seq_length": null, "do_lower_case": false}"#)]).texts.max_length, None);
}

#[test]
fn damaged_files_are_named() {
    let damaged = with_pooling("{");
    for found in [read(damaged.path()).map(|_| ()), pooling(damaged.path()).map(|_| ())] {
        let error = found.expect_err("damaged").to_string();
        assert!(error.contains("config.json") && error.contains("sentence-transformers"), "{error}");
    }
    fs::write(damaged.path().join(MODULES), "{").expect("written");
    let error = read(damaged.path()).expect_err("damaged").to_string();
    assert!(error.contains(MODULES), "{error}");
    assert!(read(&damaged.path().join("nowhere")).expect("no folder says nothing").is_none());
}

/// `tanh(W x + b)`, computed by hand.
#[test]
fn a_dense_layer_is_read_and_computed() {
    use ndarray::array;
    let dense = ("sentence_transformers.models.Dense", "2_Dense");
    let config = |more: &str| format!(r#"{{"in_features": 3, "out_features": 2, "bias": true{more}}}"#);
    let with = |more: &str| {
        let files = [("1_Pooling/config.json", "{}"), ("2_Dense/config.json", &config(more)[..])];
        let folder = folder(&[TRANSFORMER, POOLING, dense], &files);
        let (weight, bias) = (array![[1.0_f32, 0.5, -2.0], [0.0, 0.25, 1.0]], array![0.5_f32, -1.0]);
        let path = folder.path().join("2_Dense/model.safetensors");
        let tensors = [("linear.weight".to_owned(), weight.into_dyn()), ("linear.bias".to_owned(), bias.into_dyn())];
        adaptune_transformer::weights::write_safetensors(&path, &tensors, &Default::default()).expect("written");
        folder
    };
    let read_dense = |more: &str| read(with(more).path()).map(|description| description.expect("one").steps);
    let steps = read_dense(r#", "activation_function": "torch.nn.modules.activation.Tanh""#).expect("a good folder");
    let [Step::Dense(dense)] = &steps[..] else { panic!("{steps:?}") };
    assert_eq!(dense.sizes(), (3, 2));
    let y = dense.forward(array![[1.0_f32, 2.0, 0.75]].view());
    assert!((y[[0, 0]] - 1.0_f32.tanh()).abs() < 1e-6 && (y[[0, 1]] - 0.25_f32.tanh()).abs() < 1e-6, "{y}");
    for (more, words) in [
        (r#", "activation_function": "my.Thing""#, "my.Thing is not known"),
        (r#", "use_residual": true"#, "use_residual"),
        (r#", "module_input_name": "token_embeddings""#, "token_embeddings"),
    ] {
        let error = read_dense(more).expect_err("refused").to_string();
        assert!(error.contains(words), "{error}");
    }
}
