//! Replacing files, interrupted after each step.

use super::*;
use crate::weights::resolve;
use adaptune_test_support::Folder;
use std::collections::BTreeMap;

const NAMES: &[&str] =
    &["config.json", "weights.bin", "thawed.bin", "peft.bin", "part/weights.bin", "part/config.json"];

type Set = BTreeMap<&'static str, Vec<u8>>;

fn set(files: &[(&'static str, &str)]) -> Set {
    files.iter().map(|(name, text)| (*name, text.as_bytes().to_vec())).collect()
}

/// Both sets have files that the other has not.
fn old() -> Set {
    set(&[("config.json", "old config"), ("weights.bin", "old weights"), ("thawed.bin", "old thawed")])
}

fn new() -> Set {
    let part = [("part/weights.bin", "new part"), ("part/config.json", "new part config")];
    let own = [("config.json", "new config"), ("weights.bin", "new weights"), ("peft.bin", "new peft")];
    set(&[own.as_slice(), &part].concat())
}

fn fill(set: &Set, folder: &Path) -> Result<(), WeightError> {
    for (name, bytes) in set {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
    Ok(())
}

fn save(set: &Set, directory: &Path) -> Result<(), WeightError> {
    replace_files(directory, NAMES, |folder| fill(set, folder))
}

/// What a reader finds. Files in a folder are looked for from that folder, and from the directory.
fn read(directory: &Path) -> Result<Set, WeightError> {
    let mut found = BTreeMap::new();
    for name in NAMES {
        let path = resolve(directory, name)?;
        if let Some((folder, file)) = name.split_once('/') {
            let within = resolve(&directory.join(folder), file)?;
            assert_eq!(fs::read(&within).ok(), fs::read(&path).ok(), "{name}");
        }
        found.extend(fs::read(path).ok().map(|bytes| (*name, bytes)));
    }
    Ok(found)
}

fn holds(directory: &Path, set: &Set) -> bool {
    read(directory).unwrap() == *set
}

/// A directory of the old files, with files of the user in it.
fn with_old() -> Folder {
    let folder = Folder::new();
    folder.write("notes.txt", b"mine");
    save(&old(), &folder.path("")).unwrap();
    folder
}

/// Saves the new files over the old ones and stops after so many steps; true if it has not come to its end. The first steps
/// write files, then comes the journal, then what it says.
fn interrupted(directory: &Path, steps: usize) -> bool {
    let staged = stage(directory).unwrap().keep();
    let written: Set = new().into_iter().take(steps).collect();
    fill(&written, &staged).unwrap();
    let Some(left) = steps.checked_sub(new().len() + 1) else { return true };
    let journal = prepare(directory, &staged, NAMES).unwrap();
    if left == 0 {
        return true;
    }
    journal.write(directory).unwrap();
    let all = journal.steps();
    run(directory, &journal, &all[..all.len().min(left - 1)]).unwrap();
    left <= all.len()
}

/// The number of steps after which the new files count.
const WRITTEN: usize = 7;

#[test]
fn whoever_is_interrupted_leaves_the_old_files_or_the_new_ones() {
    for steps in 0.. {
        let folder = with_old();
        let directory = folder.path("");
        let on_the_way = interrupted(&directory, steps);
        assert!(holds(&directory, &if steps < WRITTEN { old() } else { new() }), "after {steps} steps");
        assert_eq!(fs::read(folder.path("notes.txt")).unwrap(), b"mine");
        assert!(never_mixed_for_others(&directory), "after {steps} steps");
        finishes(&folder);
        if !on_the_way {
            assert!(steps >= WRITTEN + 10, "{steps}");
            return;
        }
    }
}

/// Whoever does not know the journal finds no configuration, or all other files of its set.
fn never_mixed_for_others(directory: &Path) -> bool {
    let plain = |name: &str| fs::read(directory.join(name)).ok();
    let Some(config) = plain("config.json") else { return true };
    let set = if config == old()["config.json"] { old() } else { new() };
    NAMES.iter().filter(|name| **name != "part/config.json").all(|name| plain(name).as_ref() == set.get(name))
}

/// Another save over what was left comes to its end.
fn finishes(folder: &Folder) {
    let third = set(&[("weights.bin", "third")]);
    save(&third, &folder.path("")).unwrap();
    assert!(holds(&folder.path(""), &third));
    assert!(!folder.path(JOURNAL).exists() && folder.path("notes.txt").exists());
}

#[test]
fn what_was_interrupted_is_finished_from_every_step() {
    for steps in WRITTEN..WRITTEN + 12 {
        let folder = with_old();
        interrupted(&folder.path(""), steps);
        finish_replacing(&folder.path("")).unwrap();
        assert!(
            new().iter().all(|(name, bytes)| fs::read(folder.path(name)).unwrap() == *bytes),
            "after {steps} steps"
        );
        assert!(!folder.path("thawed.bin").exists() && !folder.path(JOURNAL).exists());
        finish_replacing(&folder.path("")).unwrap();
    }
}

#[test]
fn nothing_hidden_is_left() {
    let folder = with_old();
    save(&new(), &folder.path("")).unwrap();
    assert!(folder.listing().iter().all(|name| !name.starts_with('.')), "{:?}", folder.listing());
}

#[test]
fn a_failure_before_the_journal_leaves_the_directory_as_it_was() {
    let folder = with_old();
    let before = folder.listing();
    let error = replace_files(&folder.path(""), NAMES, |to| {
        fill(&new(), to)?;
        Err(failed("write", to)(ErrorKind::StorageFull.into()))
    });
    assert!(error.unwrap_err().to_string().starts_with("cannot write"));
    assert_eq!(folder.listing(), before);
    assert!(holds(&folder.path(""), &old()));
}

#[test]
fn a_file_that_is_nowhere_is_named_and_nothing_is_moved() {
    let folder = with_old();
    interrupted(&folder.path(""), WRITTEN);
    let staged = resolve(&folder.path(""), "peft.bin").unwrap();
    fs::remove_file(staged).unwrap();
    let before = folder.listing();
    let save_again = save(&old(), &folder.path("")).unwrap_err();
    for error in [read(&folder.path("")).unwrap_err(), finish_replacing(&folder.path("")).unwrap_err(), save_again] {
        let message = error.to_string();
        assert!(matches!(error, WeightError::LostFile { .. }) && message.contains("peft.bin"), "{message}");
    }
    assert_eq!(folder.listing(), before);
}

/// A file that cannot be moved: a folder is in its way.
#[test]
fn new_files_that_cannot_be_moved_count_and_the_next_save_moves_them() {
    let folder = with_old();
    fs::create_dir(folder.path("peft.bin")).unwrap();
    let error = save(&new(), &folder.path("")).unwrap_err();
    assert!(error.to_string().contains("peft.bin") && error.to_string().contains(STAGING), "{error}");
    assert!(holds(&folder.path(""), &new()));
    fs::remove_dir(folder.path("peft.bin")).unwrap();
    finish_replacing(&folder.path("")).unwrap();
    assert!(holds(&folder.path(""), &new()) && !folder.path(JOURNAL).exists());
}

/// Whoever runs the tests as root may write everywhere; what is in the directory is compared too.
#[test]
#[cfg(unix)]
fn a_directory_that_is_read_only_is_read_through_its_journal() {
    use std::os::unix::fs::PermissionsExt;
    let folder = with_old();
    interrupted(&folder.path(""), WRITTEN + 4);
    let before = folder.listing();
    let allow = |mode| fs::set_permissions(folder.path(""), fs::Permissions::from_mode(mode)).unwrap();
    allow(0o555);
    let found = holds(&folder.path(""), &new());
    allow(0o755);
    assert!(found);
    assert_eq!(folder.listing(), before);
}
