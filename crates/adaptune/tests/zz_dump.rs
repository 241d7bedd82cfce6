//! temporary
mod common;
use common::{data, model};
#[test]
fn dump() {
    let d = std::path::Path::new("/tmp/bench-dump");
    std::fs::create_dir_all(d).unwrap();
    model::write(&d.join("model"), &model::Sizes::tiny(), 1);
    let w = |n: &str, t: String| std::fs::write(d.join(n), t).unwrap();
    w("train.tsv", data::tsv(&data::reviews(96, 1)));
    w("dev.tsv", data::tsv(&data::reviews(32, 2)));
    w("train.csv", data::csv(&data::scores(160, 1)));
    w("dev.csv", data::csv(&data::scores(40, 2)));
    w("train.jsonl", data::pairs_json(&data::pairs(128, 1)));
    w("dev.jsonl", data::pairs_json(&data::pairs(24, 2)));
    w("train.conll", data::conll(&data::sentences(96, 1)));
    w("dev.conll", data::conll(&data::sentences(24, 2)));
}
