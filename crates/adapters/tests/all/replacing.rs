//! Saving over a directory: whoever is interrupted leaves a directory that loads as the old model or as the new one, to the byte.

use adaptune_adapters::format::{self, FormatError};
use adaptune_adapters::{Adapter, AdapterModel, Expression, Head, HeadConfig, Setup, Task};
use adaptune_tensor::Seed;
use adaptune_test_support::Folder;
use adaptune_transformer::weights::FloatFormat;
use adaptune_transformer::{Config, Encoder, Thaw, Thawed};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;

const JOURNAL: &str = ".adaptune-replacing.json";
const STAGED: &str = ".adaptune-new-test";

type Files = BTreeMap<String, Vec<u8>>;

fn base(seed: u64) -> Encoder<f32> {
    Encoder::random(Config { vocabulary: 11, positions: 12, ..Config::bert(6, 2, 2, 7) }, 0.4, Seed::new(seed))
}

/// Models whose directories have other files, or the same with other numbers.
fn models() -> Vec<AdapterModel<f32>> {
    let base = Arc::new(base(3));
    let adapter = |name: &str, method: &str, seed: u64| {
        Adapter::on(name, &method.parse().expect("a method"), &base, Seed::new(seed)).expect("it fits")
    };
    let model = |adapter: Option<Adapter<f32>>, seed: u64| {
        let labels = vec!["no".to_owned(), "yes".to_owned()];
        let config = HeadConfig::new(Task::CLASSIFICATION, labels);
        let head = Head::new("answer", &config, &base, Seed::new(seed)).expect("a head");
        AdapterModel::new(base.clone(), adapter, head)
    };
    let expression: Expression = "stack(a, b)".parse().expect("an expression");
    let stack = Setup::of(&expression, base.config(), |name| Some(adapter(name, "lora[r=2]", 7).into()));
    let thawed = Thawed::new(&base, Thaw::ALL, false);
    vec![
        model(Some(adapter("a", "seq_bn[reduction_factor=2]", 1)), 1),
        model(Some(adapter("a", "seq_bn[reduction_factor=2]", 2)), 2),
        model(Some(adapter("a", "dora[r=2]", 3)), 3),
        model(None, 4).with_thawed(Some(thawed)),
        model(None, 5).with_setup(stack.expect("they add up")).expect("a setup"),
    ]
}

fn save(model: &AdapterModel<f32>, directory: &Path) -> Result<(), FormatError> {
    match model.setup().to_string() != "stack(a, b)" {
        true => format::save(model, directory),
        false => format::save_setup(model, directory),
    }
}

/// All files of a directory and its folders but the user's own.
fn files(directory: &Path) -> Files {
    let mut found = Files::new();
    for entry in directory.read_dir().expect("a directory").map(|entry| entry.expect("an entry")) {
        let name = entry.file_name().into_string().expect("a name");
        if entry.path().is_dir() {
            found.extend(files(&entry.path()).into_iter().map(|(file, bytes)| (format!("{name}/{file}"), bytes)));
        } else if name != "notes.txt" {
            found.insert(name, fs::read(entry.path()).expect("a file"));
        }
    }
    found
}

fn files_of(save: impl FnOnce(&Path) -> Result<(), FormatError>) -> Files {
    let folder = Folder::new();
    save(&folder.path("")).unwrap_or_else(|e| panic!("{e}"));
    files(&folder.path(""))
}

fn write(files: &Files, directory: &Path) {
    for (name, bytes) in files {
        let path = directory.join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(path, bytes).expect("a file");
    }
}

/// A directory of the old files in which the new ones are being put in place, after so many steps; true at the last.
fn interrupted(old: &Files, new: &Files, steps: usize) -> (Folder, bool) {
    let folder = Folder::new();
    folder.write("notes.txt", b"mine");
    write(old, &folder.path(""));
    write(new, &folder.path(STAGED));
    let removed: Vec<_> = old.keys().filter(|name| !new.contains_key(*name)).collect();
    let replaced: Vec<_> = new.keys().collect();
    let journal = serde_json::json!({ "staged": STAGED, "replace": replaced, "remove": removed });
    folder.write(JOURNAL, journal.to_string().as_bytes());
    for name in &replaced {
        fs::create_dir_all(folder.path(name).parent().expect("a folder")).expect("a folder");
    }
    for name in removed.iter().take(steps) {
        fs::remove_file(folder.path(name)).expect("it is there");
    }
    for name in replaced.iter().take(steps.saturating_sub(removed.len())) {
        fs::rename(folder.path(STAGED).join(name), folder.path(name)).expect("it is there");
    }
    (folder, steps == removed.len() + replaced.len())
}

fn read(directory: &Path) -> Files {
    let loaded = format::load(directory, Arc::new(base(3))).unwrap_or_else(|e| panic!("{e}"));
    files_of(|to| save(&loaded, to))
}

#[test]
fn a_model_loads_as_the_new_one_after_every_step_and_the_next_save_finishes() {
    let models = models();
    let all: Vec<_> = models.iter().map(|model| files_of(|to| save(model, to))).collect();
    for (i, j) in [(0, 1), (1, 2), (2, 0), (0, 3), (1, 4), (4, 2)] {
        let (old, new) = (&all[i], &all[j]);
        assert_ne!(old, new);
        for steps in 0.. {
            let (folder, last) = interrupted(old, new, steps);
            let before = files(&folder.path(""));
            assert!(read(&folder.path("")) == *new, "{j} over {i} after {steps} steps");
            format::describe(&folder.path("")).map_or_else(|_| assert_eq!(j, 4), |parts| assert!(!parts.is_empty()));
            assert!(files(&folder.path("")) == before, "reading writes nothing");
            save(&models[i], &folder.path("")).unwrap_or_else(|e| panic!("{e}"));
            assert!(read(&folder.path("")) == *old, "{i} over {j} after {steps} steps");
            assert!(folder.path("notes.txt").exists() && !folder.path(JOURNAL).exists());
            assert!(!folder.path(STAGED).exists());
            if last {
                break;
            }
        }
    }
}

/// Each of the files in turn cannot be replaced, since a folder is in its place.
#[test]
fn a_save_that_is_stopped_at_any_file_has_saved_all() {
    let models = models();
    for (old, new) in [(0, 1), (1, 2), (2, 0), (0, 3), (1, 4)] {
        let expected = files_of(|to| save(&models[new], to));
        for name in expected.keys() {
            let folder = Folder::new();
            save(&models[old], &folder.path("")).unwrap_or_else(|e| panic!("{e}"));
            let place = folder.path(name);
            _ = fs::remove_file(&place);
            fs::create_dir_all(&place).expect("a folder");
            let error = save(&models[new], &folder.path("")).expect_err("a folder is in the way").to_string();
            assert!(error.contains(name.as_str()) && error.contains("the next save"), "{error}");
            assert!(read(&folder.path("")) == expected, "{name} of {new} over {old}");
            fs::remove_dir(&place).expect("it is empty");
            save(&models[old], &folder.path("")).unwrap_or_else(|e| panic!("{e}"));
            assert!(read(&folder.path("")) == files_of(|to| save(&models[old], to)));
        }
    }
}

#[test]
fn a_base_loads_as_the_new_one_after_every_step() {
    let [old, new] = [1, 2].map(|seed| files_of(|to| format::save_base(&base(seed), to, FloatFormat::F32)));
    for steps in 0..=new.len() {
        let (folder, _) = interrupted(&old, &new, steps);
        let found = Encoder::<f32>::load(&folder.path("")).expect("a base");
        assert_eq!(found.fingerprint(), base(2).fingerprint(), "after {steps} steps");
        format::save_base(&base(1), &folder.path(""), FloatFormat::F32).expect("a folder");
        assert!(files(&folder.path("")) == old);
    }
}

#[test]
fn a_file_that_is_nowhere_is_named() {
    let models = models();
    let [old, new] = [0, 1].map(|i| files_of(|to| save(&models[i], to)));
    for name in new.keys() {
        let (folder, _) = interrupted(&old, &new, 0);
        fs::remove_file(folder.path(STAGED).join(name)).expect("it is there");
        fs::remove_file(folder.path(name)).expect("it is there");
        let error = format::load(&folder.path(""), Arc::new(base(3))).map(|_| ()).expect_err("one is lost").to_string();
        assert!(error.contains(&format!("{name} is lost")), "{error}");
        let error = save(&models[0], &folder.path("")).expect_err("one is lost").to_string();
        assert!(error.contains(&format!("{name} is lost")), "{error}");
    }
}
