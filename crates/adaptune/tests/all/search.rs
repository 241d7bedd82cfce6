//! `adaptune search`: what it finds, writes and refuses; that it ends in the same bytes however it is interrupted, and by whom its
//! trainings are run.

use crate::common::{ADAPTUNE, Bench, contents, data, json, listing, ok};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

/// Two rungs, of one epoch and of three.
const DATA: &str = "--model model --train train.tsv --dev dev.tsv --epochs 3";
const SPACE: &str =
    "--space seq_bn[reduction_factor=each(2|4|8|none),non_linearity=relu|gelu]@1e-2|3e-2 --space lora[r=1|2]@1e-2";
const LIMIT: &str = "--limit 12% --trials 8";

fn line(out: &str, more: &str) -> String {
    format!("search {DATA} {SPACE} {LIMIT} --out {out} {more} -- --batch-size 8")
}

fn found(bench: &Bench, out: &str) -> Value {
    json(&fs::read_to_string(bench.path(out).join("search.json")).expect("a summary"))
}

/// The bytes of all files of a search, those of its folders too.
fn all(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = contents(folder);
    for name in listing(folder).iter().filter(|name| folder.join(name).is_dir()) {
        found.extend(contents(&folder.join(name)).into_iter().map(|(file, bytes)| (format!("{name}/{file}"), bytes)));
    }
    found
}

#[track_caller]
fn assert_same(bench: &Bench, found: &str, expected: &str) {
    let [found, expected] = [found, expected].map(|out| all(&bench.path(out)));
    assert_eq!(found.keys().collect::<Vec<_>>(), expected.keys().collect::<Vec<_>>());
    for (file, bytes) in &expected {
        assert!(found[file] == *bytes, "{file} differs");
    }
}

/// One search, with what it must hold.
#[test]
fn what_is_found_is_shown_saved_and_measured() {
    let bench = Bench::new();
    bench.write("test.tsv", data::tsv(&data::reviews(40, 9)));
    let said = ok(&mut bench.command(&line("s", "--test test.tsv")));
    let found = found(&bench, "s");
    let trials = found["trials"].as_array().expect("a list");
    let plan = json(&fs::read_to_string(bench.path("s/plan.json")).expect("the plan"));
    let (most, base) = (plan["most"].as_u64().expect("a number"), plan["base"].as_u64().expect("a number"));
    assert!(most as f64 / (base + most) as f64 <= 0.12 && (most + 1) as f64 / (base + most + 1) as f64 > 0.12);
    assert_eq!(trials.len(), 8);
    for trial in trials {
        let method = trial["method"].as_str().expect("a text");
        let mut budget = bench.command("budget --model model --json");
        let budget = json(&ok(budget.args(["--method", method])));
        assert_eq!((&budget["adapter"], &budget["share"]), (&trial["parameters"], &trial["share"]), "{method}");
        assert!(trial["parameters"].as_u64().expect("a number") <= most);
    }
    let origins: Vec<&str> = trials.iter().filter_map(|trial| trial["origin"].as_str()).collect();
    assert_eq!(origins, ["preset", "preset", "random", "random", "random", "random", "child", "child"]);

    let best = &found["best"];
    let best_score = best["dev"].as_f64().expect("a score");
    let scores = || trials.iter().flat_map(|trial| trial["trainings"].as_array().expect("a list"));
    assert!(scores().all(|training| training["score"].as_f64().expect("a score") <= best_score));
    let test = json(&ok(&mut bench.command("eval --adapter s/best --data test.tsv --json")));
    assert_eq!(test["metrics"]["accuracy"], best["test"]);
    assert!(found["best_preset"]["test"].is_number() && found["better_than_best_preset"]["dev"].is_boolean());
    ok(&mut bench.command("predict --adapter s/best --input test.tsv"));
    let run = json(&fs::read_to_string(bench.path("s/best/run.json")).expect("a run"));
    assert_eq!(run["method"], best["method"]);

    let front = found["front"].as_array().expect("a list");
    let page = fs::read_to_string(bench.path("s/search.html")).expect("a page");
    assert!(page.contains("<svg") && !page.replace("http://www.w3.org/2000/svg", "").contains("http"), "{page}");
    let picture = fs::read_to_string(bench.path("s/front.svg")).expect("a picture");
    assert_eq!(picture.matches("<circle").count(), 8, "a dot for each trial");
    assert!(!front.is_empty() && said.contains("best preset: ") && said.contains("on test data"), "{said}");
}

#[test]
fn the_number_of_threads_and_a_resumption_do_not_show() {
    let bench = Bench::new();
    ok(&mut bench.command(&line("s", "--threads 1")));
    ok(&mut bench.command(&line("t", "--threads 3")));
    assert_same(&bench, "t", "s");
    let before = all(&bench.path("s"));
    // What is there is not trained again, and what is lost is.
    fs::remove_dir_all(bench.path("s/trial-003-epochs-1")).expect("it was there");
    fs::remove_file(bench.path("s/search.json")).expect("it was there");
    fs::remove_dir_all(bench.path("s/best")).expect("it was there");
    let modified =
        || fs::metadata(bench.path("s/trial-002-epochs-1/run.json")).expect("there").modified().expect("a time");
    let time = modified();
    ok(&mut bench.command("search --resume --out s"));
    assert_eq!(modified(), time);
    assert!(all(&bench.path("s")) == before);
}

#[test]
fn a_search_that_was_killed_goes_on_to_the_same_bytes() {
    let bench = Bench::new();
    ok(&mut bench.command(&line("s", "--json")));
    for (i, millis) in [30, 150, 400, 900, 1_600].into_iter().enumerate() {
        let out = format!("killed-{i}");
        let mut command = Command::new(ADAPTUNE);
        let words = line(&out, "--json");
        command.current_dir(bench.path("")).args(words.split_whitespace()).stdout(Stdio::null()).stderr(Stdio::null());
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let mut child = command.spawn().expect("it starts");
        std::thread::sleep(Duration::from_millis(millis));
        // What it has started is killed with it.
        let group = format!("-{}", child.id());
        let _ = Command::new("kill").args(["-s", "KILL", "--", &group]).stderr(Stdio::null()).status();
        let _ = child.kill();
        child.wait().expect("it ends");
        while Command::new("kill")
            .args(["-s", "0", "--", &group])
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|s| s.success())
        {
            std::thread::sleep(Duration::from_millis(5));
        }
        ok(&mut bench.command(&line(&out, "--json --resume")));
        assert_same(&bench, &out, "s");
    }
}

#[test]
fn trainings_that_others_run_give_the_same_search() {
    let bench = Bench::new();
    ok(&mut bench.command(&line("s", "")));
    let mut said = ok(&mut bench.command(&line("t", "--jobs jobs.txt")));
    let mut rounds = 0;
    loop {
        let jobs = fs::read_to_string(bench.path("jobs.txt")).expect("a file of jobs");
        if jobs.is_empty() {
            break;
        }
        assert!(said.contains("search --collect --jobs jobs.txt --out t"), "{said}");
        // In any order; one of them is missing at first.
        let commands: Vec<&str> = jobs.lines().rev().collect();
        for command in &commands[usize::from(commands.len() > 1)..] {
            shell(&bench, command);
        }
        said = ok(&mut bench.command("search --collect --jobs jobs.txt --out t"));
        rounds += 1;
        assert!(rounds < 20, "{said}");
    }
    assert!(rounds > 3, "{rounds}");
    assert_same(&bench, "t", "s");
}

/// Runs a command of a file of jobs as a shell would.
fn shell(bench: &Bench, command: &str) {
    let command = command.replacen("adaptune ", &format!("'{ADAPTUNE}' "), 1);
    let output = Command::new("sh").args(["-c", &command]).current_dir(bench.path("")).output().expect("a shell");
    assert!(output.status.success(), "{command}: {}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn an_older_search_is_replaced_as_a_whole() {
    let bench = Bench::new();
    ok(&mut bench.command(&line("s", "")));
    ok(&mut bench.command(&line("t", "--seed 5").replace("--trials 8", "--trials 4")));
    let (new, old) = (all(&bench.path("t")), all(&bench.path("s")));
    assert!(old.keys().any(|file| !new.contains_key(file)), "the old one has more trials");
    ok(&mut bench.command(&line("s", "--seed 5 --overwrite").replace("--trials 8", "--trials 4")));
    assert_same(&bench, "s", "t");
}

#[test]
fn a_time_becomes_a_plan_before_the_first_training() {
    let bench = Bench::new();
    let line = |out: &str, more: &str| line(out, more).replace("--trials 8", "");
    ok(&mut bench.command(&line("s", "--budget 1h --jobs jobs.txt")));
    let plan = json(&fs::read_to_string(bench.path("s/plan.json")).expect("the plan"));
    let number = |name: &str| plan["budget"][name].as_f64().expect("a number");
    assert!((number("epochs") - (3_600.0 / number("seconds_per_epoch")).floor()).abs() < 1.0, "{plan}");
    let jobs = fs::read_to_string(bench.path("jobs.txt")).expect("jobs");
    assert!(jobs.lines().count() > 8, "{jobs}");
    let short = line("u", "--budget 1s").replace("--epochs 3", "--epochs 3000");
    bench.refuses(&short, &["--budget 1s", "the smallest search", "give more time"]);
}

/// A training whose loss stops being a number is a result like others, of which none is worse.
#[test]
fn a_rate_at_which_nothing_is_learnt_ends_no_search() {
    let bench = Bench::new();
    let space = "--space lora[r=1|2|3|4,alpha=8|16]@1e-2|1e30";
    let line =
        format!("search {DATA} {space} --limit 12% --trials 7 --strategy random --out s -- --batch-size 8 --clip 0");
    ok(&mut bench.command(&line));
    let found = found(&bench, "s");
    let trials = found["trials"].as_array().expect("a list");
    let diverged: Vec<&Value> = trials.iter().filter(|trial| trial["trainings"][0]["score"].is_null()).collect();
    assert!(!diverged.is_empty() && diverged.len() < trials.len(), "{found}");
    let folder = bench.path("s").join(diverged[0]["trainings"][0]["folder"].as_str().expect("a name"));
    assert_eq!(listing(&folder), ["diverged.txt"]);
    assert_eq!(found["best"]["learning_rate"], 0.01);
    let before = all(&bench.path("s"));
    ok(&mut bench.command("search --resume --out s"));
    assert!(all(&bench.path("s")) == before);
}

#[test]
fn mistakes_are_found_before_anything_is_trained() {
    let bench = Bench::new();
    bench.write("space.toml", "methods = [\n  'lora[r=1|2]',\n  'seq_bn[reduction_facto=2|4]',\n]\n");
    bench.write("strange.toml", "methods = ['lora']\nbudget = 3\n");
    for (more, words) in [
        ("--limit 1", &["--limit", "no configuration", "the smallest is", "reduction_factor=8"][..]),
        ("--limit 0%", &["--limit", "'1 %'"]),
        ("--trials 3", &["--trials is 3", "2 presets", "at least 4"]),
        ("--space space.toml", &["a file stands by itself"]),
        ("--strategy luck", &["--strategy", "random, halving, evolution"]),
        ("--budget soon", &["--budget", "1h30m"]),
        ("--jobs j --resume --trials x", &["--trials"]),
        ("--task tagging", &["--task", "cannot be used with"]),
    ] {
        let options = [("--limit", "--limit 12%"), ("--trials", "--trials 8"), ("--budget", "--trials 8")];
        let given = options
            .iter()
            .filter(|(name, _)| more.contains(name))
            .fold(LIMIT.to_owned(), |limit, (_, usual)| limit.replace(usual, ""));
        bench.refuses(&format!("search {DATA} {SPACE} {given} --out s {more}"), words);
        assert!(!bench.path("s").exists(), "{more}");
    }
    for (line, words) in [
        ("search --model model --train train.tsv --out s", &["--dev is missing"][..]),
        ("search --model model --dev dev.tsv --out s", &["--train is missing"]),
        ("search --model model --out s", &["--train is missing"]),
        ("search --task tagging --out s", &["--task", "builtin:topic@B"]),
        ("search --resume --out s", &["there is no search in s"]),
    ] {
        bench.refuses(line, words);
    }
    bench.refuses(
        &format!("search {DATA} --space space.toml --out s"),
        &["space.toml, line 3", "did you mean `reduction_factor`?"],
    );
    bench.refuses(
        &format!("search {DATA} --space strange.toml --out s"),
        &["strange.toml, line 2", "unknown field `budget`"],
    );
    bench.refuses(&format!("search {DATA} {SPACE} {LIMIT} --out s -- --warmup soon"), &["--warmup", "soon"]);
    bench.refuses(&format!("search {DATA} {SPACE} {LIMIT} --out s -- --bogus 1"), &["--bogus"]);
    assert!(!bench.path("s").exists());
}

#[test]
fn a_folder_that_is_another_search_is_left_alone() {
    let bench = Bench::new();
    ok(&mut bench.command(&line("s", "--jobs jobs.txt")));
    let before = all(&bench.path("s"));
    bench.refuses(&line("s", ""), &["did not end", "--resume", "--overwrite"]);
    bench.refuses(&line("s", "--seed 3 --resume"), &["another search", "--seed 3", "--resume --out s"]);
    bench.write("train.tsv", data::tsv(&data::reviews(95, 3)));
    bench.refuses("search --resume --out s", &["train.tsv", "has changed"]);
    assert!(all(&bench.path("s")) == before);
    fs::create_dir(bench.path("other")).expect("it is new");
    bench.write("other/notes.txt", "mine");
    bench.refuses(&line("other", ""), &["other is not empty"]);
    bench.write("s/plan.json", "{}");
    bench.refuses("search --resume --out s", &["plan.json", "damaged"]);
}
