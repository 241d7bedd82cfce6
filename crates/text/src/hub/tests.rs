//! Tests of folders, names and the cache, all without network.

use super::*;
use std::collections::HashMap;
use std::time::Duration;
use tempfile::TempDir;

/// Settings that must not reach any network.
pub(super) fn settings(cache: &Path, endpoint: &str) -> Settings {
    Settings {
        cache: cache.to_owned(),
        endpoint: endpoint.to_owned(),
        token: None,
        offline: false,
        patience: Duration::from_secs(20),
    }
}

fn offline(cache: &Path) -> Settings {
    Settings { offline: true, ..settings(cache, "http://127.0.0.1:9") }
}

fn write(path: PathBuf, content: &str) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, content).unwrap();
}

/// A cache with the given files of `owner/mini` at commit `c0ffee`.
fn cache_with(files: &[(&str, &str)]) -> TempDir {
    let cache = tempfile::tempdir().unwrap();
    let model = cache.path().join("models--owner--mini");
    write(model.join("refs/main"), "c0ffee\n");
    for (name, content) in files {
        write(model.join("snapshots/c0ffee").join(name), content);
    }
    cache
}

fn failure(name: &str, settings: &Settings) -> String {
    format!("{:#}", resolve_with(name, settings, &mut ()).unwrap_err())
}

const INDEX_OF_TWO: &str =
    r#"{"metadata": {}, "weight_map": {"b": "m-2.safetensors", "a": "m-1.safetensors", "c": "m-2.safetensors"}}"#;

#[test]
fn a_folder_is_taken_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path().join("config.json"), "{}");
    let name = folder.path().to_str().unwrap();
    assert_eq!(resolve(name, &mut ()).unwrap(), folder.path());
}

#[test]
fn a_folder_without_a_model_is_described() {
    let folder = tempfile::tempdir().unwrap();
    let name = folder.path().to_str().unwrap();
    assert!(
        resolve(name, &mut ())
            .unwrap_err()
            .to_string()
            .contains("holds no model: expected config.json, found nothing;")
    );
    for i in 0..11 {
        write(folder.path().join(format!("f{i:02}")), "");
    }
    assert!(
        resolve(name, &mut ())
            .unwrap_err()
            .to_string()
            .contains("found f00, f01, f02, f03, f04, f05, f06, f07, ... (3 more)")
    );
    write(folder.path().join("adapter_config.json"), "{}");
    assert!(resolve(name, &mut ()).unwrap_err().to_string().contains("this is an adapter"));
    let file = folder.path().join("f00");
    assert!(resolve(file.to_str().unwrap(), &mut ()).unwrap_err().to_string().contains("is a file; give the folder"));
}

#[test]
fn a_path_with_a_slip_gets_its_neighbour_suggested() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path().join("models/minilm/config.json"), "{}");
    write(folder.path().join("models/minilm.txt"), "");
    let settings = offline(folder.path());
    let near = folder.path().join("models/minilm");
    let message = failure(folder.path().join("models/minlim").to_str().unwrap(), &settings);
    assert!(message.contains(&format!("(did you mean {}?)", near.display())), "{message}");
    for lost in ["../no such", "./no/such/model", "/no/such", "a/b/c", "model dir", "", "owner/"] {
        let message = failure(lost, &settings);
        assert!(message.starts_with(&format!("there is no folder {lost}")), "{message}");
    }
}

#[test]
fn names_of_the_hub_are_told_from_paths() {
    for name in ["gpt2", "bert-base-uncased", "sentence-transformers/all-MiniLM-L6-v2", "a/b.c_d"] {
        assert!(is_hub_name(name), "{name}");
    }
    for path in ["", ".", "./a", "/a", "a/", "a/b/c", "a\\b", "a b", "../a", "a/..", "~/a", "a--b", "C:/a", "größe"] {
        assert!(!is_hub_name(path), "{path}");
    }
    // The tests run in the folder of the crate, which has `src`.
    assert_eq!(folder_above(Path::new("src/mini")), Some(Path::new("src")));
    assert_eq!(folder_above(Path::new("mini")), None);
}

#[test]
fn a_complete_model_comes_from_the_cache() {
    let files = [("config.json", "{}"), ("tokenizer.json", "{}"), ("model.safetensors", "x")];
    let cache = cache_with(&files);
    let expected = cache.path().join("models--owner--mini/snapshots/c0ffee");
    assert_eq!(resolve_with("owner/mini", &offline(cache.path()), &mut ()).unwrap(), expected);
    let unreachable = settings(cache.path(), "http://127.0.0.1:9");
    assert_eq!(resolve_with("owner/mini", &unreachable, &mut ()).unwrap(), expected, "no network is needed");
}

#[test]
fn a_sharded_model_needs_all_shards() {
    let mut files =
        vec![("config.json", "{}"), ("tokenizer.json", "{}"), ("model.safetensors.index.json", INDEX_OF_TWO)];
    files.push(("m-1.safetensors", "x"));
    let message = failure("owner/mini", &offline(cache_with(&files).path()));
    assert!(message.contains("is incomplete (it lacks m-2.safetensors); HF_HUB_OFFLINE forbids"), "{message}");
    files.push(("m-2.safetensors", "y"));
    assert!(resolve_with("owner/mini", &offline(cache_with(&files).path()), &mut ()).is_ok());
    files[2].1 = "{}";
    let message = failure("owner/mini", &offline(cache_with(&files).path()));
    assert!(message.contains("lacks shards of a readable index"), "{message}");
}

#[test]
fn an_index_must_not_lead_out_of_its_folder() {
    let folder = tempfile::tempdir().unwrap();
    let index = folder.path().join("index.json");
    for bad in
        ["../m.safetensors", "/m.safetensors", "a\\m.safetensors", "C:m.safetensors", "m.pt", ".safetensors", ".bin"]
    {
        write(index.clone(), &serde_json::json!({"weight_map": {"w": bad}}).to_string());
        let message = cache::shards(&index).unwrap_err().to_string();
        assert!(message.contains(&format!("same folder, found `{bad}`")), "{message}");
    }
    write(index.clone(), r#"{"weight_map": {}}"#);
    assert!(cache::shards(&index).unwrap_err().to_string().contains("names no shards"));
    write(index.clone(), INDEX_OF_TWO);
    assert_eq!(cache::shards(&index).unwrap(), ["m-1.safetensors", "m-2.safetensors"]);
}

#[test]
fn without_network_the_message_says_what_is_missing() {
    let empty = tempfile::tempdir().unwrap();
    let message = failure("owner/mini", &offline(empty.path()));
    assert!(message.starts_with("there is no folder owner/mini, the cache "), "{message}");
    assert!(message.ends_with("does not have it; HF_HUB_OFFLINE forbids to download it"), "{message}");
    let message = failure("owner/mini", &offline(cache_with(&[("config.json", "{}")]).path()));
    assert!(message.contains("(it lacks tokenizer.json, model.safetensors)"), "{message}");
}

#[test]
fn without_network_a_model_lacking_only_its_tokenizer_is_given() {
    let cache = cache_with(&[("config.json", "{}"), ("model.safetensors", "x")]);
    assert!(resolve_with("owner/mini", &offline(cache.path()), &mut ()).unwrap().ends_with("snapshots/c0ffee"));
}

#[test]
fn the_usual_variables_are_heeded() {
    let from = |pairs: &[(&str, &str)]| {
        let pairs: HashMap<_, _> = pairs.iter().copied().collect();
        Settings::from_lookup(|name| pairs.get(name).map(|&value| value.to_owned()))
    };
    let home = tempfile::tempdir().unwrap();
    write(home.path().join("token"), "hf_saved\n");
    let home_name = home.path().to_str().unwrap();
    let plain = from(&[("HF_HOME", home_name)]);
    assert_eq!(plain.cache, home.path().join("hub"));
    assert_eq!((plain.token.as_deref(), plain.endpoint.as_str()), (Some("hf_saved"), "https://huggingface.co"));
    assert!(!plain.offline);

    let all = [
        ("HF_HOME", home_name),
        ("HF_HUB_CACHE", "/elsewhere"),
        ("HF_TOKEN", " hf_given "),
        ("HF_ENDPOINT", "http://mirror/"),
        ("HF_HUB_OFFLINE", "true"),
        ("HF_HUB_DOWNLOAD_TIMEOUT", "7"),
    ];
    let expected = Settings {
        cache: "/elsewhere".into(),
        endpoint: "http://mirror".into(),
        token: Some("hf_given".into()),
        offline: true,
        patience: Duration::from_secs(7),
    };
    assert_eq!(from(&all), expected);
    assert_eq!(from(&[("XDG_CACHE_HOME", "/x")]).cache, Path::new("/x/huggingface/hub"));
    assert!(from(&[]).cache.ends_with(".cache/huggingface/hub"));
    assert!(from(&[("HF_HUB_CACHE", "relative")]).cache.is_absolute());
    let patience = |text| from(&[("HF_HUB_DOWNLOAD_TIMEOUT", text)]).patience;
    assert_eq!(["0", "soon", "-3"].map(patience), [plain.patience; 3]);
    assert!(!from(&[("HF_HUB_OFFLINE", "0")]).offline && !from(&[("HF_HUB_OFFLINE", "")]).offline);
}
