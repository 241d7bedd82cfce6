//! What would take all memory, or never end, is refused before anything is written.

use crate::common::Bench;
#[cfg(unix)]
use crate::common::ok;

/// Each takes 34 GB, so often that no machine has it.
#[test]
fn methods_that_take_more_memory_than_there_is_are_refused_with_the_numbers() {
    let bench = Bench::new();
    for method in ["prefix_tuning[prefix_length=65536,bottleneck_size=65536]", "vera[r=65536]"] {
        let many = vec![method; 400].join("|");
        bench.refuses_to_train(&format!("--method {many}"), &["--method", " TB of memory", "available"]);
    }
}

#[test]
fn sizes_beyond_all_reason_are_refused() {
    let bench = Bench::new();
    for method in [
        "prefix_tuning[prefix_length=4000000]",
        "prefix_tuning[bottleneck_size=4000000]",
        "prompt_tuning[prompt_length=1000000000000]",
        "vera[r=4000000]",
        "lora[r=1000000000000]",
        "mtl_lora[r=4000000]",
    ] {
        bench.refuses_to_train(&format!("--method {method}"), &["--method", "must be", "from 1 to 65536"]);
    }
}

/// A device has no end.
#[test]
#[cfg(unix)]
fn what_is_no_file_is_called_what_it_is() {
    let bench = Bench::new();
    bench.refuses_to_train("--train /dev/zero --format tsv", &["/dev/zero", "it is a device, not a file"]);
    bench.refuses_to_train("--dev /dev/zero --format tsv", &["/dev/zero", "it is a device, not a file"]);
    std::os::unix::fs::symlink("nowhere", bench.path("lost.tsv")).unwrap();
    bench.refuses_to_train("--train lost.tsv", &["lost.tsv", "it is a link to nowhere, where nothing is"]);
    let adapter = bench.trained("run", "");
    for file in ["adapter_config.json", "head_config.json", "run.json"] {
        let (path, kept) = (adapter.join(file), adapter.join("kept"));
        std::fs::rename(&path, &kept).unwrap();
        std::os::unix::fs::symlink("/dev/zero", &path).unwrap();
        bench.refuses("predict --adapter run --input dev.tsv", &[file, "it is a device, not a file"]);
        std::fs::remove_file(&path).unwrap();
        assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
        bench.refuses("predict --adapter run --input dev.tsv", &[file, "it is a pipe (FIFO), not a file"]);
        std::fs::remove_file(&path).unwrap();
        std::os::unix::fs::symlink("nowhere", &path).unwrap();
        bench.refuses("predict --adapter run --input dev.tsv", &[file, "it is a link to nowhere, where nothing is"]);
        std::fs::rename(&kept, &path).unwrap();
    }
    ok(&mut bench.command("predict --adapter run --input dev.tsv"));
}

/// As `--train <(zcat train.tsv.gz)` names one.
#[test]
#[cfg(unix)]
fn a_pipe_is_read_once_where_data_are_named() {
    let bench = Bench::new();
    let pipe = bench.path("pipe.tsv");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let whole = std::fs::read(bench.path("train.tsv")).unwrap();
    // Nobody waits for it: it would wait for a reader if the command refused the pipe.
    std::thread::spawn(move || std::fs::write(pipe, whole));
    let (piped, read) = (bench.trained("piped", "--train pipe.tsv"), bench.trained("read", ""));
    let weights = |run: &std::path::Path| std::fs::read(run.join("adapter.safetensors")).unwrap();
    assert!(weights(&piped) == weights(&read), "what a pipe holds trains as a file does");
}
