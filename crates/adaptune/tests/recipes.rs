//! The recipes, with less of everything: what they promise holds.
#![allow(clippy::duplicate_mod, reason = "each recipe is a program with a copy of what they have in common")]

#[allow(dead_code)]
#[path = "../examples/continual.rs"]
mod continual;
#[allow(dead_code)]
#[path = "../examples/cross_lingual.rs"]
mod cross_lingual;
#[allow(dead_code)]
#[path = "../examples/many_tasks.rs"]
mod many_tasks;

use adaptune::adapters::format;
use adaptune::transformer::Batch;
use adaptune::world::{Language, Split, Task};

/// Whatever else was learnt since, what was learnt first is the same to the last bit; fine-tuning forgets.
#[test]
fn adapters_do_not_forget_and_fine_tuning_does() {
    let studio = continual::support::Studio::open().unwrap();
    let effort = continual::Effort { examples: 500, epochs: 4 };
    let adapters = continual::adapters(&studio, &effort).unwrap();
    for task in 0..3 {
        let over_time: Vec<f64> = adapters[task..].iter().map(|row| row[task]).collect();
        assert!(over_time.windows(2).all(|pair| pair[0].to_bits() == pair[1].to_bits()), "{over_time:?}");
    }
    let tuned = continual::fine_tuning(&studio, &effort).unwrap();
    assert!(tuned[2][1] < tuned[1][1] - 5.0, "topics were forgotten: {tuned:?}");
}

/// What five adapters over one base answer to a mixed batch is what each answers alone.
#[test]
fn five_adapters_share_a_base_and_a_batch() {
    let (studio, folder) = (many_tasks::support::Studio::open().unwrap(), tempfile::tempdir().unwrap());
    many_tasks::train(&studio, folder.path(), &many_tasks::Effort { examples: 60, epochs: 1 }).unwrap();
    let pool = many_tasks::load(&studio, folder.path()).unwrap();
    assert!(pool.parameter_count() < studio.base.parameter_count(), "five adapters are less than one base");
    let data = studio.task(Task::Topic, Language::A, Split::Test, 10).unwrap();
    let sequences: Vec<&[u32]> = data.examples().iter().map(|e| e.sequences[0].token_ids.as_slice()).collect();
    let all: Vec<&str> = pool.names().collect();
    let names: Vec<&str> = all.into_iter().cycle().take(sequences.len()).collect();
    let logits = pool.logits(&Batch::from_ids(&sequences), &names).unwrap();
    for ((sequence, name), logits) in sequences.iter().zip(names).zip(logits) {
        let alone = format::load(&folder.path().join(name), studio.base.clone()).unwrap();
        assert_eq!(logits, alone.logits(&Batch::from_ids(&[sequence])).unwrap(), "{name}");
    }
}

/// A task that was learnt in one language is done better in the other upon that one's adapter.
#[test]
fn a_language_adapter_that_is_exchanged_carries_a_task_over() {
    let studio = cross_lingual::support::Studio::open().unwrap();
    let effort = cross_lingual::Effort { passages: 1000, language_epochs: 8, examples: 1000, task_epochs: 3 };
    let languages = cross_lingual::languages(&studio, &effort).unwrap();
    let found = cross_lingual::transfer(&studio, &languages, Task::Topic, &effort).unwrap();
    assert!(found.exchanged > found.unchanged + 5.0, "{found:?}");
    assert!(found.at_home > found.exchanged, "what is learnt is best at home: {found:?}");
}
