//! The same run gives the same bytes: with any number of threads, and however often it is killed and resumed. The base
//! model is never written to.

use crate::common::model::Sizes;
use crate::common::{
    ADAPTUNE, Bench, RUN_FILES, contents, data, decoder, json_lines, listing, model, ok, refused, training,
};
use adaptune_tensor::Seed;
use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Both folders hold the same files with the same bytes.
fn assert_same(found: &Path, expected: &Path, what: &str) {
    let (found, expected) = (contents(found), contents(expected));
    assert_eq!(found.keys().collect::<Vec<_>>(), expected.keys().collect::<Vec<_>>(), "{what}");
    for (file, bytes) in &expected {
        assert!(found[file] == *bytes, "{what}: {file} differs");
    }
}

/// Large enough that products, attention and rows are all cut into pieces.
#[test]
fn the_number_of_threads_does_not_show() {
    let bench = wide();
    in_threads(&bench, "--model wide --batch-size 96 --epochs 6 --method double_seq_bn[reduction_factor=4]");
    assert_eq!(listing(&bench.path("threads-1")), RUN_FILES);
}

#[test]
fn the_number_of_threads_does_not_show_in_a_choice_among_adapters() {
    let expression = "route(seq_bn,double_seq_bn,lora,top=2)";
    in_threads(&wide(), &format!("--model wide --batch-size 96 --epochs 3 --method {expression}"));
}

#[test]
fn the_number_of_threads_does_not_show_in_a_tree() {
    let bench = wide();
    bench.write("domains.tsv", data::with_domains(&data::reviews(96, 1)));
    let data = "--train domains.tsv --dev domains.tsv --domain-column domain";
    in_threads(&bench, &format!("--model wide {data} --batch-size 96 --epochs 3 --method tree(double_seq_bn)"));
}

#[test]
fn the_number_of_threads_does_not_show_in_a_fusion() {
    let bench = wide();
    for (name, seed) in [("a", 1), ("b", 2)] {
        bench.trained(name, &format!("--model wide --epochs 1 --name {name} --seed {seed}"));
    }
    in_threads(&bench, "--model wide --batch-size 96 --epochs 3 --method fuse(a,b)");
}

#[test]
fn the_number_of_threads_does_not_show_in_a_decoder() {
    let options = "--train chat.jsonl --dev dev.jsonl --batch-size 8 --accumulate 2 --epochs 4 --method lora";
    in_threads(&with_decoder(), &format!("--model decoder {options}"));
}

/// A tiny decoder, and conversations.
fn with_decoder() -> Bench {
    let bench = Bench::new();
    decoder::write(&bench.path("decoder"), Some(decoder::TEMPLATE));
    bench.write("chat.jsonl", decoder::conversations(300));
    bench.write("dev.jsonl", decoder::conversations(20));
    bench
}

fn wide() -> Bench {
    let bench = Bench::new();
    let sizes = Sizes { hidden: 96, layers: 2, heads: 4, feed_forward: 768, positions: 24 };
    model::write(&bench.path("wide"), &sizes, 5);
    bench
}

/// Trains with one, two and three threads.
fn in_threads(bench: &Bench, options: &str) {
    for threads in 1..=3 {
        bench.trained(&format!("threads-{threads}"), &format!("{options} --threads {threads}"));
    }
    let one = bench.path("threads-1");
    assert_same(&bench.path("threads-2"), &one, "two threads");
    assert_same(&bench.path("threads-3"), &one, "three threads");
}

#[test]
fn the_base_model_is_not_touched() {
    let bench = Bench::new();
    let before = contents(&bench.path("model"));
    bench.trained("a", "");
    assert_eq!(before.len(), 3);
    assert!(contents(&bench.path("model")) == before, "a file of the base has changed");
}

/// With dropout off, the gradient of a batch is the sum over its parts, but for rounding.
#[test]
fn parts_of_a_batch_add_up_to_it() {
    let bench = Bench::new();
    let losses = |out: &str, more: &str| -> Vec<f64> {
        bench.trained(out, &format!("--dropout 0 {more}"));
        let records = json_lines(&fs::read_to_string(bench.path(out).join("metrics.jsonl")).unwrap());
        records.iter().filter(|record| record["event"] == "step").map(|step| step["loss"].as_f64().unwrap()).collect()
    };
    let (whole, halves) = (losses("whole", ""), losses("halves", "--accumulate 2"));
    assert_eq!((whole.len(), halves.len()), (48, 48));
    let off = |(a, b): (&f64, &f64)| (a - b).abs() / a;
    assert!(whole.iter().zip(&halves).all(|pair| off(pair) < 1e-3), "losses differ: {whole:?} and {halves:?}");
    assert!(whole != losses("other", "--seed 1"), "and another seed gives other losses");
}

/// A run of a second or more, most of it steps, with many checkpoints.
struct Run {
    bench: Bench,
    method: &'static str,
    /// Another model and other data than usual.
    data: &'static str,
}

impl Run {
    fn new() -> Self {
        let bench = Bench::new();
        bench.write("train.tsv", data::tsv(&data::reviews(512, 1)));
        Self { bench, method: "double_seq_bn", data: "" }
    }

    /// One that fuses two adapters.
    fn of_fusion() -> Self {
        let run = Self { method: "fuse(a,b)", ..Self::new() };
        for name in ["a", "b"] {
            run.bench.trained(name, &format!("--epochs 1 --name {name} --seed 4 --method double_seq_bn"));
        }
        run
    }

    fn line(&self, out: &str) -> String {
        let Self { method, data, .. } = self;
        training(
            out,
            &format!("{data} --epochs 12 --patience 11 --checkpoint-every 7 --method {method} --optimiser adamw"),
        )
    }

    /// Runs without interruption; gives the time that it took.
    fn whole(&self, out: &str) -> Duration {
        let begun = Instant::now();
        ok(&mut self.bench.command(&self.line(out)));
        begun.elapsed()
    }

    fn start(&self, out: &str, more: &str) -> Child {
        let mut command = Command::new(ADAPTUNE);
        command.current_dir(self.bench.path("")).args(self.line(out).split_whitespace()).args(more.split_whitespace());
        command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the program starts")
    }

    /// Starts, waits and kills; true if the run had not ended by itself.
    fn kill_after(&self, out: &str, more: &str, time: Duration) -> bool {
        let mut child = self.start(out, more);
        std::thread::sleep(time);
        let running = child.try_wait().expect("it is our child").is_none();
        child.kill().expect("it is our child"); // SIGKILL on Unix: the program gets no chance to tidy up
        child.wait().expect("it is our child");
        running
    }

    fn resume(&self, out: &str) {
        ok(&mut self.bench.command(&format!("{} --resume", self.line(out))));
    }

    fn has_checkpoint(&self, out: &str) -> bool {
        self.bench.path(out).join("checkpoint.safetensors").exists()
    }
}

/// Ten runs, each killed once: one in each tenth of the time that a whole run takes, and some right after the start.
#[test]
fn a_run_that_is_killed_and_resumed_ends_in_the_same_bytes() {
    let run = Run::new();
    let time = run.whole("whole");
    let seed = Seed::new(20);
    let moment = |i: u64| (i as f64 + seed.unit(i)) / 10.0;
    let moments = (0..10).map(|i| time.mul_f64(moment(i))).chain([0, 2, 5].map(Duration::from_millis));
    let (mut interrupted, mut checkpoints) = (0, 0);
    for (i, moment) in moments.enumerate() {
        let out = format!("killed-{i}");
        interrupted += usize::from(run.kill_after(&out, "", moment));
        checkpoints += usize::from(run.has_checkpoint(&out));
        run.resume(&out);
        assert_same(&run.bench.path(&out), &run.bench.path("whole"), &format!("killed after {moment:?} of {time:?}"));
    }
    assert!(interrupted >= 8 && checkpoints >= 4, "{interrupted} killed, {checkpoints} with a checkpoint: too quick");
}

#[test]
fn a_fusion_that_is_killed_and_resumed_ends_in_the_same_bytes() {
    ends_in_the_same_bytes(&Run::of_fusion());
}

#[test]
fn a_routed_run_that_is_killed_and_resumed_ends_in_the_same_bytes() {
    for method in ["route(double_seq_bn,seq_bn,double_seq_bn,top=1)", "route(lora,lora,by=chance)"] {
        ends_in_the_same_bytes(&Run { method, ..Run::new() });
    }
}

#[test]
fn a_tree_that_is_killed_and_resumed_ends_in_the_same_bytes() {
    let data = "--train domains.tsv --dev domains.tsv --domain-column domain";
    let run = Run { method: "tree(double_seq_bn)", data, ..Run::new() };
    run.bench.write("domains.tsv", data::with_domains(&data::reviews(512, 1)));
    ends_in_the_same_bytes(&run);
}

#[test]
fn a_decoder_that_is_killed_and_resumed_ends_in_the_same_bytes() {
    let data = "--model decoder --train chat.jsonl --dev dev.jsonl";
    ends_in_the_same_bytes(&Run { bench: with_decoder(), method: "seq_bn", data });
}

#[test]
fn a_run_that_leaves_layers_out_ends_in_the_same_bytes_after_a_kill() {
    ends_in_the_same_bytes(&Run { method: "double_seq_bn --layer-drop 1", ..Run::new() });
}

/// Kills a run three times, at different moments.
fn ends_in_the_same_bytes(run: &Run) {
    let time = run.whole("whole");
    let mut checkpoints = 0;
    for (i, moment) in [0.3, 0.5, 0.7].into_iter().enumerate() {
        let out = format!("killed-{i}");
        run.kill_after(&out, "", time.mul_f64(moment));
        checkpoints += usize::from(run.has_checkpoint(&out));
        run.resume(&out);
        assert_same(&run.bench.path(&out), &run.bench.path("whole"), &format!("killed after {moment} of {time:?}"));
    }
    assert!(checkpoints >= 1, "too quick");
}

/// One run that is killed again and again.
#[test]
fn a_run_can_be_killed_many_times() {
    let run = Run::new();
    let time = run.whole("whole");
    let seed = Seed::new(21);
    let mut kills = 0;
    for i in 0..40 {
        kills += usize::from(run.kill_after("killed", "--resume", time.mul_f64(0.05 + 0.15 * seed.unit(i))));
        if run.bench.path("killed/run.json").exists() {
            break;
        }
    }
    run.resume("killed");
    assert_same(&run.bench.path("killed"), &run.bench.path("whole"), &format!("killed {kills} times"));
    assert!(kills >= 3, "{kills}");
}

/// What a kill in the middle of a write leaves lying about is taken away; so is a checkpoint that was about to be.
#[test]
fn leftovers_of_a_killed_run_are_cleared() {
    let run = Run::new();
    let time = run.whole("whole");
    run.kill_after("killed", "", time / 2);
    let folder = run.bench.path("killed");
    fs::create_dir_all(folder.join(".adaptune-1")).unwrap();
    fs::write(folder.join(".adaptune-1/adapter.safetensors"), "half").unwrap();
    fs::write(folder.join(".adaptune-x.part"), "half").unwrap();
    run.resume("killed");
    assert_same(&folder, &run.bench.path("whole"), "with leftovers");
    fs::write(folder.join("checkpoint.safetensors"), "of a run that was killed after its last file").unwrap();
    run.resume("killed");
    assert_same(&folder, &run.bench.path("whole"), "with a checkpoint");
}

/// What another run would be, and how the message names the difference.
const OTHER_RUNS: [(&str, &str); 16] = [
    ("--lr 2e-2", "the learning rate was 0.01, but now is 0.02"),
    ("--epochs 399", "the number of epochs was 400, but now is 399"),
    ("--batch-size 4", "the batch size was 8, but now is 4"),
    ("--seed 1", "the seed was 0, but now is 1"),
    ("--warmup 7", "the warm-up was 0.06, but now is 7"),
    ("--optimiser sgd", "the optimiser was AdamW"),
    ("--dropout 0.3", "the dropout of attention was 0.05, but now is 0.3"),
    ("--method seq_bn[non_linearity=gelu]", "the adapter's non_linearity was \"relu\", but now is \"gelu\""),
    ("--method seq_bn[scaling=2]", "the adapter's scaling was 1.0, but now is 2.0"),
    ("--method head", "the adapter's name was mine, but now is none"),
    ("--name yours", "the adapter's name was mine, but now is yours"),
    ("--head-layers 1", "the head's layers was 2, but now is 1"),
    ("--train train-2.tsv", "the training data's fingerprint was"),
    ("--train renamed.tsv --dev dev-renamed.tsv", "the head's labels was bad, good, but now is bad, nice"),
    ("--dev dev-2.tsv", "the development data's fingerprint was"),
    ("--model other", "the base model's fingerprint was"),
];

#[test]
fn resuming_another_run_is_refused_and_the_difference_named() {
    let bench = Bench::new();
    model::write(&bench.path("other"), &Sizes::tiny(), 2);
    bench.write("train-2.tsv", data::tsv(&data::reviews(96, 7)));
    bench.write("dev-2.tsv", data::tsv(&data::reviews(32, 7)));
    bench.write("renamed.tsv", data::tsv(&data::reviews(96, 1)).replace("\tgood", "\tnice"));
    bench.write("dev-renamed.tsv", data::tsv(&data::reviews(32, 2)).replace("\tgood", "\tnice"));
    kill_at_first_checkpoint(&bench, "a", "--epochs 400");
    let mut before = contents(&bench.path("a"));
    before.retain(|file, _| !file.starts_with(".adaptune-")); // what the kill left half written may go
    for (other, difference) in OTHER_RUNS {
        let epochs = if other.starts_with("--epochs") { "" } else { "--epochs 400" };
        let message = refused(&mut bench.train("a", &format!("{other} {epochs} --resume")));
        assert!(message.contains(difference), "{other}: {message}");
        assert!(message.contains("belongs to another run") && message.contains("start anew"), "{message}");
        assert!(contents(&bench.path("a")) == before, "{other}: the run was changed");
    }
}

#[test]
fn a_run_that_did_not_end_is_not_taken_for_one_that_did() {
    let bench = Bench::new();
    kill_at_first_checkpoint(&bench, "a", "--epochs 400");
    let again = refused(&mut bench.train("a", "--epochs 400"));
    let eval = refused(&mut bench.command("eval --model model --adapter a --data dev.tsv"));
    for message in [again, eval] {
        assert!(message.contains("did not end") && message.contains("--resume"), "{message}");
    }
}

/// The time at the end is that of what was done since it went on, and is called so.
#[test]
fn the_time_of_a_resumed_run_is_that_of_its_last_part() {
    let bench = Bench::new();
    let whole = ok(&mut bench.train("whole", "--epochs 1"));
    assert!(whole.lines().any(|line| line.starts_with("time ")) && !whole.contains("since"), "{whole}");
    kill_at_first_checkpoint(&bench, "a", "--epochs 60");
    let resumed = ok(&mut bench.command("train --resume --out a"));
    let times: Vec<&str> = resumed.lines().filter(|line| line.starts_with("time")).collect();
    assert!(matches!(times[..], [time] if time.starts_with("time since --resume ")), "{resumed}");
}

fn kill_at_first_checkpoint(bench: &Bench, out: &str, more: &str) {
    let line = training(out, &format!("{more} --checkpoint-every 5"));
    let mut command = Command::new(ADAPTUNE);
    command.current_dir(bench.path("")).args(line.split_whitespace()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = command.spawn().expect("the program starts");
    while !bench.path(out).join("checkpoint.safetensors").exists() {
        assert!(child.try_wait().expect("it is our child").is_none(), "the run is over");
        std::thread::sleep(Duration::from_millis(5));
    }
    child.kill().expect("it is our child");
    child.wait().expect("it is our child");
}
