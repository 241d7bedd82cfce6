//! What stands where a file should is called what it is, and nothing is waited for.
use adaptune_adapters::{Adapter, AdapterModel, Head, HeadConfig, Task, format};
use adaptune_tensor::Seed;
use adaptune_transformer::weights::{FloatFormat, WeightDirectory};
use adaptune_transformer::{Config, Encoder};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

fn base() -> Arc<Encoder<f32>> {
    let config = Config { vocabulary: 40, positions: 16, ..Config::bert(12, 2, 2, 20) };
    Arc::new(Encoder::random(config, 0.2, Seed::new(4)))
}

fn model() -> AdapterModel<f32> {
    let adapter = Adapter::on("mood", &"seq_bn[reduction_factor=5]".parse().expect("a method"), &base(), Seed::new(5));
    let head = HeadConfig::new(Task::CLASSIFICATION, vec!["bad".into(), "good".into()]);
    let head = Head::new("mood", &head, &base(), Seed::new(6)).expect("fits");
    AdapterModel::new(base(), Some(adapter.expect("fits")), head)
}

/// Puts something else in the place of a file.
type Make = fn(&Path);

/// What is put in the place of a file, and what it is called then.
const STRANGE: [(Make, &str); 5] = [
    (|path| fs::create_dir(path).expect("made"), "it is a folder, not a file"),
    (|path| symlink("nowhere", path).expect("linked"), "it is a link to nowhere, where nothing is"),
    (|path| symlink("/dev/zero", path).expect("linked"), "it is a device, not a file"),
    (
        |path| assert!(Command::new("mkfifo").arg(path).status().expect("it is there").success()),
        "it is a pipe (FIFO), not a file",
    ),
    (|path| fs::write(path, "version https://git-lfs.github.com/spec/v1\noid").expect("written"), "Git LFS pointer"),
];

/// Puts each strange thing in the place of each of these files, and looks at what reading the directory says.
fn check(files: &[&str], directory: &Path, read: impl Fn() -> Option<String>) {
    assert_eq!(read(), None, "the test is about nothing otherwise");
    for (file, (put, words)) in files.iter().flat_map(|file| STRANGE.map(|strange| (file, strange))) {
        let (path, aside) = (directory.join(file), directory.join("aside"));
        fs::rename(&path, &aside).expect("moved aside");
        put(&path);
        let error = read().unwrap_or_else(|| panic!("{file} {words}: it was read"));
        assert!(error.contains(words) && error.contains(file), "{file} {words}: {error}");
        let removed = if path.is_dir() { fs::remove_dir(&path) } else { fs::remove_file(&path) };
        removed.and_then(|()| fs::rename(&aside, &path)).expect("moved back");
    }
}

#[test]
fn in_the_place_of_an_adapters_files() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    format::save(&model(), folder.path()).expect("saved");
    let files = ["adapter_config.json", "adapter.safetensors", "head_config.json", "model_head.safetensors"];
    check(&files, folder.path(), || format::load(folder.path(), base()).err().map(|e| e.to_string()));
    check(&files, folder.path(), || format::describe(folder.path()).err().map(|e| e.to_string()));
}

#[test]
fn in_the_place_of_a_setups_file() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    format::save_setup(&model(), folder.path()).expect("saved");
    check(&["adapter_setup.json"], folder.path(), || format::load(folder.path(), base()).err().map(|e| e.to_string()));
}

#[test]
fn in_the_place_of_a_bases_files() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    format::save_base(&base(), folder.path(), FloatFormat::F32).expect("saved");
    let files = ["config.json", "model.safetensors"];
    check(&files, folder.path(), || Encoder::<f32>::load(folder.path()).err().map(|e| e.to_string()));
    fs::rename(folder.path().join("model.safetensors"), folder.path().join("one.safetensors")).expect("moved");
    let tensors: Vec<String> = base().tensors().into_iter().map(|(name, _)| name).collect();
    let entries: Vec<String> = tensors.iter().map(|name| format!("{name:?}: \"one.safetensors\"")).collect();
    let index = format!("{{\"weight_map\": {{{}}}}}", entries.join(", "));
    fs::write(folder.path().join("model.safetensors.index.json"), index).expect("written");
    let files = ["model.safetensors.index.json", "one.safetensors"];
    check(&files, folder.path(), || WeightDirectory::open(folder.path()).err().map(|e| e.to_string()));
}

#[test]
fn a_configuration_has_a_bound() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    format::save(&model(), folder.path()).expect("saved");
    let path = folder.path().join("adapter_config.json");
    let file = fs::File::options().write(true).open(&path).expect("opened");
    file.set_len(1 << 30).expect("a gigabyte of holes");
    let error = format::load(folder.path(), base()).expect_err("refused").to_string();
    assert!(error.contains("is 1073741824 bytes long") && error.contains("adapter_config.json"), "{error}");
}
