//! Tests of downloading, from a small server on the loopback address that can also misbehave.

use super::tests::settings;
use super::*;
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// How the server answers when asked for a file's content.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Manner {
    /// As the hub does.
    Good,
    /// With this status and nothing else, also when asked for the file's size.
    Status(u16),
    /// Announces everything, sends half and hangs up.
    HangsUp,
    /// Announces nothing, sends half and hangs up.
    HalfWithoutLength,
    /// Sends the file from its first byte, wherever it is asked to start.
    IgnoresRange,
}

/// What the server serves; tests change it between requests.
struct Content {
    files: BTreeMap<String, Vec<u8>>,
    commit: String,
    manner: Manner,
    /// The file that `manner` is for.
    about: &'static str,
    /// Changes the commit after this many answers about sizes.
    moves_after: Option<usize>,
    requests: Vec<String>,
}

struct Server {
    address: SocketAddr,
    content: Arc<Mutex<Content>>,
    thread: Option<JoinHandle<()>>,
}

const WEIGHTS: &str = "model.safetensors";

impl Server {
    fn start(files: &[(&str, &[u8])]) -> Self {
        let files = files.iter().map(|&(name, bytes)| (name.to_owned(), bytes.to_vec())).collect();
        let (commit, manner, about) = ("c0ffee".to_owned(), Manner::Good, WEIGHTS);
        let content = Content { files, commit, manner, about, moves_after: None, requests: vec![] };
        let content = Arc::new(Mutex::new(content));
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::clone(&content);
        let thread = std::thread::spawn(move || {
            for stream in listener.incoming() {
                // A client that hangs up is no concern of the server.
                if matches!(answer(stream.unwrap(), address, &shared), Ok(true)) {
                    return;
                }
            }
        });
        Self { address, content, thread: Some(thread) }
    }

    fn change(&self, change: impl FnOnce(&mut Content)) {
        change(&mut self.content.lock().unwrap());
    }

    fn misbehaves(&self, about: &'static str, manner: Manner) {
        self.change(|content| (content.about, content.manner) = (about, manner));
    }

    fn settings(&self, cache: &TempDir) -> Settings {
        settings(cache.path(), &format!("http://{}", self.address))
    }

    fn requests(&self) -> Vec<String> {
        std::mem::take(&mut self.content.lock().unwrap().requests)
    }

    fn stop(mut self) {
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream.write_all(b"GET /stop HTTP/1.1\r\n\r\n").unwrap();
        self.thread.take().unwrap().join().unwrap();
    }
}

/// Answers one request; true if it was the one to stop.
fn answer(mut stream: TcpStream, address: SocketAddr, content: &Mutex<Content>) -> std::io::Result<bool> {
    let lines: Vec<String> =
        BufReader::new(&stream).lines().map_while(Result::ok).take_while(|line| !line.is_empty()).collect();
    let path = lines[0].split(' ').nth(1).unwrap_or_default().to_owned();
    if path == "/stop" {
        return Ok(true);
    }
    let header = |name: &str| {
        let pair = lines.iter().filter_map(|line| line.split_once(": ")).find(|pair| pair.0.eq_ignore_ascii_case(name));
        pair.map(|pair| pair.1.to_owned()).unwrap_or_default()
    };
    let mut content = content.lock().unwrap();
    content.requests.push(format!("{path} {} {}", header("range"), header("authorization")).trim().to_owned());
    let reply = reply(&mut content, address, &path, &header("range"));
    stream.write_all(&reply)?;
    Ok(false)
}

fn reply(content: &mut Content, address: SocketAddr, path: &str, range: &str) -> Vec<u8> {
    let name = path.rsplit('/').next().unwrap_or_default();
    let manner = if name == content.about { content.manner } else { Manner::Good };
    if let Manner::Status(code) = manner {
        return head(code, &["Content-Length: 0".to_owned()]);
    }
    let Some(bytes) = content.files.get(name).cloned() else {
        return head(404, &["Content-Length: 0".to_owned()]);
    };
    match content.moves_after.as_mut() {
        Some(0) => content.commit = "decade".to_owned(),
        Some(left) if range == "bytes=0-0" => *left -= 1,
        _ => {}
    }
    // The hub keeps large files elsewhere: it answers with their hash and where to go.
    let mut headers = vec![format!("x-repo-commit: {}", content.commit), format!("etag: \"{name}-{}\"", bytes.len())];
    if name == WEIGHTS && !path.starts_with("/cdn/") {
        headers.extend([format!("x-linked-etag: \"linked-{}\"", bytes.len()), "Content-Length: 0".to_owned()]);
        headers.push(format!("Location: http://{address}/cdn/{name}"));
        return head(302, &headers);
    }
    partial(&bytes, range, manner, headers)
}

/// The bytes that `range` (`bytes=FROM-` or `bytes=FROM-TO`) asks for, as far as `manner` lets them through.
fn partial(bytes: &[u8], range: &str, manner: Manner, mut headers: Vec<String>) -> Vec<u8> {
    let (from, to) = range.strip_prefix("bytes=").and_then(|range| range.split_once('-')).unwrap_or(("0", ""));
    let from: usize = from.parse().unwrap();
    let to = to.parse().map_or(bytes.len(), |to: usize| to + 1);
    if from >= bytes.len() && manner != Manner::IgnoresRange {
        return head(416, &["Content-Length: 0".to_owned()]);
    }
    headers.push(format!("Content-Range: bytes {from}-{}/{}", to - 1, bytes.len()));
    let is_size = range == "bytes=0-0";
    let body = if manner == Manner::IgnoresRange && !is_size { bytes } else { &bytes[from..to] };
    if manner != Manner::HalfWithoutLength || is_size {
        headers.push(format!("Content-Length: {}", body.len()));
    }
    let halved = matches!(manner, Manner::HangsUp | Manner::HalfWithoutLength) && !is_size;
    let sent = if halved { &body[..body.len() / 2] } else { body };
    [head(206, &headers), sent.to_vec()].concat()
}

fn head(code: u16, headers: &[String]) -> Vec<u8> {
    format!("HTTP/1.1 {code} x\r\nConnection: close\r\n{}\r\n\r\n", headers.join("\r\n")).into_bytes()
}

fn small_model() -> Vec<(&'static str, &'static [u8])> {
    vec![("config.json", b"{\"a\": 1}"), ("tokenizer.json", b"{}"), (WEIGHTS, b"weights of a small model")]
}

fn failure(settings: &Settings) -> String {
    format!("{:#}", resolve_with("owner/mini", settings, &mut ()).unwrap_err())
}

/// The model is all there, byte by byte.
fn assert_complete(dir: &Path, files: &[(&str, &[u8])]) {
    for (name, bytes) in files {
        assert_eq!(std::fs::read(dir.join(name)).unwrap(), *bytes, "{name}");
    }
}

#[test]
fn a_model_is_downloaded_once_and_then_comes_from_the_cache() {
    let (server, cache) = (Server::start(&small_model()), tempfile::tempdir().unwrap());
    let settings = server.settings(&cache);
    let dir = resolve_with("owner/mini", &settings, &mut ()).unwrap();
    assert_eq!(dir, cache.path().join("models--owner--mini/snapshots/c0ffee"));
    assert_complete(&dir, &small_model());
    let asked = server.requests();
    assert_eq!(asked[0], "/owner/mini/resolve/main/config.json bytes=0-0");
    assert!(asked.contains(&"/cdn/model.safetensors bytes=0-".to_owned()), "{asked:?}");
    server.stop();
    assert_eq!(resolve_with("owner/mini", &settings, &mut ()).unwrap(), dir, "the server is gone");
}

#[test]
fn shards_are_fetched_by_their_index() {
    let index = br#"{"weight_map": {"a": "m-1.safetensors", "b": "m-2.safetensors"}}"#;
    let files: [(&str, &[u8]); 5] = [
        ("config.json", b"{}"),
        ("tokenizer.json", b"{\"t\": 1}"),
        ("model.safetensors.index.json", index),
        ("m-1.safetensors", b"one"),
        ("m-2.safetensors", b"two!"),
    ];
    let (server, cache) = (Server::start(&files), tempfile::tempdir().unwrap());
    assert_complete(&resolve_with("owner/mini", &server.settings(&cache), &mut ()).unwrap(), &files);

    server.change(|content| _ = content.files.remove("m-2.safetensors"));
    let message = failure(&server.settings(&tempfile::tempdir().unwrap()));
    assert!(message.contains("owner/mini lacks m-2.safetensors, which its index names"), "{message}");
    server.stop();
}

/// As the pretrained DeBERTa has it: neither safetensors nor `tokenizer.json`.
#[test]
fn files_of_older_models_are_fetched_where_there_are_no_others() {
    let mut files: Vec<(&str, &[u8])> = vec![
        ("config.json", b"{}"),
        ("spm.model", b"pieces"),
        ("tokenizer_config.json", b"{\"t\": 1}"),
        ("pytorch_model.bin", b"weights of old"),
    ];
    for _ in 0..2 {
        let (server, cache) = (Server::start(&files), tempfile::tempdir().unwrap());
        let settings = server.settings(&cache);
        let dir = resolve_with("owner/mini", &settings, &mut ()).unwrap();
        assert_complete(&dir, &files);
        server.stop();
        assert_eq!(resolve_with("owner/mini", &settings, &mut ()).unwrap(), dir, "the server is gone");
        // And in shards.
        files.truncate(3);
        files.extend([
            ("pytorch_model.bin.index.json", br#"{"weight_map": {"a": "m-1.bin", "b": "m-2.bin"}}"# as &[u8]),
            ("m-1.bin", b"one"),
            ("m-2.bin", b"two!"),
        ]);
    }
}

#[test]
fn an_evil_index_fetches_nothing() {
    let files: [(&str, &[u8]); 2] =
        [("config.json", b"{}"), ("model.safetensors.index.json", br#"{"weight_map": {"a": "../../x.safetensors"}}"#)];
    let (server, cache) = (Server::start(&files), tempfile::tempdir().unwrap());
    assert!(failure(&server.settings(&cache)).contains("same folder, found `../../x.safetensors`"));
    assert!(server.requests().iter().all(|request| !request.contains("x.safetensors")));
    server.stop();
}

#[test]
fn a_model_without_tokenizer_is_still_a_model() {
    let (server, cache) = (Server::start(&small_model()), tempfile::tempdir().unwrap());
    server.change(|content| _ = content.files.remove("tokenizer.json"));
    let dir = resolve_with("owner/mini", &server.settings(&cache), &mut ()).unwrap();
    assert!(dir.join(WEIGHTS).exists() && !dir.join("tokenizer.json").exists());
    server.change(|content| _ = content.files.insert("tokenizer.json".into(), b"late".to_vec()));
    assert_eq!(resolve_with("owner/mini", &server.settings(&cache), &mut ()).unwrap(), dir);
    assert_eq!(std::fs::read(dir.join("tokenizer.json")).unwrap(), b"late");
    server.stop();
}

#[test]
fn what_the_hub_does_not_have_is_said() {
    let (server, cache) = (Server::start(&[]), tempfile::tempdir().unwrap());
    let message = failure(&server.settings(&cache));
    assert!(message.contains("does not have it, and downloading it failed: http://127.0.0.1"), "{message}");
    assert!(message.contains("has no config.json of owner/mini; is the name right"), "{message}");
    server.change(|content| _ = content.files.insert("config.json".into(), b"{}".to_vec()));
    let message = failure(&server.settings(&cache));
    assert!(message.contains("has neither model.safetensors nor model.safetensors.index.json"), "{message}");
    server.stop();
}

#[test]
fn errors_of_the_hub_are_explained_and_leave_nothing_half_done() {
    for (code, expected) in [(401, "set HF_TOKEN"), (403, "set HF_TOKEN"), (500, "status 500"), (503, "status 503")] {
        let (server, cache) = (Server::start(&small_model()), tempfile::tempdir().unwrap());
        server.misbehaves(WEIGHTS, Manner::Status(code));
        let message = failure(&server.settings(&cache));
        assert!(message.contains(expected) && message.contains("resolve/main/model.safetensors"), "{message}");
        let offline = Settings { offline: true, ..server.settings(&cache) };
        assert!(failure(&offline).contains("is incomplete (it lacks model.safetensors)"));
        server.misbehaves(WEIGHTS, Manner::Good);
        assert_complete(&resolve_with("owner/mini", &server.settings(&cache), &mut ()).unwrap(), &small_model());
        server.stop();
    }
}

#[test]
fn a_broken_connection_leaves_no_half_file_and_is_taken_up_again() {
    let (server, cache) = (Server::start(&small_model()), tempfile::tempdir().unwrap());
    server.misbehaves(WEIGHTS, Manner::HangsUp);
    let message = failure(&server.settings(&cache));
    assert!(message.contains("downloading it failed"), "{message}");
    let offline = Settings { offline: true, ..server.settings(&cache) };
    assert!(failure(&offline).contains("it lacks model.safetensors"));
    server.misbehaves(WEIGHTS, Manner::Good);
    server.requests();
    assert_complete(&resolve_with("owner/mini", &server.settings(&cache), &mut ()).unwrap(), &small_model());
    let asked = server.requests();
    assert!(asked.contains(&"/cdn/model.safetensors bytes=12-".to_owned()), "it goes on where it was cut: {asked:?}");
    server.stop();
}

#[test]
fn a_body_cut_without_notice_is_found_out_and_removed() {
    for file in ["config.json", WEIGHTS] {
        let (server, cache) = (Server::start(&small_model()), tempfile::tempdir().unwrap());
        server.misbehaves(file, Manner::HalfWithoutLength);
        let message = failure(&server.settings(&cache));
        assert!(message.contains(&format!("{file} is damaged: expected ")), "{message}");
        let offline = Settings { offline: true, ..server.settings(&cache) };
        assert!(failure(&offline).contains(file));
        server.misbehaves(file, Manner::Good);
        assert_complete(&resolve_with("owner/mini", &server.settings(&cache), &mut ()).unwrap(), &small_model());
        server.stop();
    }
}

#[test]
fn a_server_that_cannot_go_on_does_not_spoil_the_file() {
    let (server, cache) = (Server::start(&small_model()), tempfile::tempdir().unwrap());
    server.misbehaves(WEIGHTS, Manner::HangsUp);
    failure(&server.settings(&cache));
    server.misbehaves(WEIGHTS, Manner::IgnoresRange);
    let message = failure(&server.settings(&cache));
    assert!(message.contains("model.safetensors is damaged: expected 24 bytes, received 36"), "{message}");
    assert_complete(&resolve_with("owner/mini", &server.settings(&cache), &mut ()).unwrap(), &small_model());
    server.stop();
}

#[test]
fn an_unfinished_download_that_does_not_fit_is_thrown_away() {
    for part in [&b"weights of a small model"[..], b"something that is longer than the file"] {
        let (server, cache) = (Server::start(&small_model()), tempfile::tempdir().unwrap());
        let blobs = cache.path().join("models--owner--mini/blobs");
        std::fs::create_dir_all(&blobs).unwrap();
        std::fs::write(blobs.join("linked-24.part"), part).unwrap();
        let message = failure(&server.settings(&cache));
        assert!(message.contains("it was removed, try again"), "{message}");
        assert_complete(&resolve_with("owner/mini", &server.settings(&cache), &mut ()).unwrap(), &small_model());
        server.stop();
    }
}

#[test]
fn a_model_that_changes_meanwhile_is_fetched_from_one_commit() {
    let (server, cache) = (Server::start(&small_model()), tempfile::tempdir().unwrap());
    server.change(|content| content.moves_after = Some(1));
    let dir = resolve_with("owner/mini", &server.settings(&cache), &mut ()).unwrap();
    assert!(dir.ends_with("snapshots/decade"), "{}", dir.display());
    assert_complete(&dir, &small_model());
    server.stop();
}

#[cfg(unix)]
#[test]
fn a_link_to_a_lost_file_is_replaced() {
    let (server, cache) = (Server::start(&small_model()), tempfile::tempdir().unwrap());
    let dir = resolve_with("owner/mini", &server.settings(&cache), &mut ()).unwrap();
    std::fs::remove_file(std::fs::canonicalize(dir.join(WEIGHTS)).unwrap()).unwrap();
    assert_complete(&resolve_with("owner/mini", &server.settings(&cache), &mut ()).unwrap(), &small_model());
    server.stop();
}

#[test]
fn the_token_goes_to_the_hub() {
    let (server, cache) = (Server::start(&small_model()), tempfile::tempdir().unwrap());
    let settings = Settings { token: Some("hf_secret".into()), ..server.settings(&cache) };
    resolve_with("owner/mini", &settings, &mut ()).unwrap();
    assert_eq!(server.requests()[0], "/owner/mini/resolve/main/config.json bytes=0-0 Bearer hf_secret");
    server.stop();
}

#[test]
fn a_hub_that_is_not_there_is_an_error() {
    let cache = tempfile::tempdir().unwrap();
    let server = Server::start(&[]);
    let settings = server.settings(&cache);
    server.stop();
    let message = failure(&settings);
    assert!(message.contains("downloading it failed: http://127.0.0.1"), "{message}");
}

/// A server that says this much of an answer to everybody, a piece at a time with a pause behind each, and then nothing more, but
/// stays connected.
fn falls_silent(pieces: &'static [&'static str], pause: Duration) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let answer = move |mut stream: TcpStream| {
        for piece in pieces {
            // A client that has gone is no concern of the server.
            let _ = stream.write_all(piece.as_bytes());
            std::thread::sleep(pause);
        }
        std::thread::sleep(Duration::from_secs(60));
    };
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            std::thread::spawn(move || answer(stream));
        }
    });
    address
}

const SIZE: &str = "HTTP/1.1 206 x\r\nx-repo-commit: c0ffee\r\netag: \"e\"\r\nContent-Range: bytes 0-0/9\r\n";

#[test]
fn a_hub_that_falls_silent_is_not_waited_for_for_ever() {
    let silent: [&[&str]; 3] = [&[], &["HTTP/1.1 206 x\r\nx-repo-"], &[SIZE, "Content-Length: 9\r\n\r\n", "half"]];
    for pieces in silent {
        let (address, cache) = (falls_silent(pieces, Duration::ZERO), tempfile::tempdir().unwrap());
        let settings = settings(cache.path(), &format!("http://{address}"));
        let settings = Settings { patience: Duration::from_millis(200), ..settings };
        let begun = Instant::now();
        let message = failure(&settings);
        assert!(begun.elapsed() < Duration::from_secs(5), "{pieces:?}: it took {:?}", begun.elapsed());
        for words in ["config.json", "said nothing for 0.2 s", "HF_HUB_DOWNLOAD_TIMEOUT", "goes on where it stopped"] {
            assert!(message.contains(words), "{pieces:?}: {words:?} is missing in {message}");
        }
    }
}

/// It is silence that ends a download, not the time that it takes.
#[test]
fn a_slow_hub_is_given_all_the_time_it_takes() {
    let pieces = &[SIZE, "Content-Length: 9\r\nConnection: close\r\n\r\n{", "\"a\"", ": ", "1", "1", "}"];
    let (address, cache) = (falls_silent(pieces, Duration::from_millis(250)), tempfile::tempdir().unwrap());
    let settings = settings(cache.path(), &format!("http://{address}"));
    let settings = Settings { patience: Duration::from_millis(1200), ..settings };
    let begun = Instant::now();
    // Every file is the same here, so the weights' file comes too.
    let dir = resolve_with("owner/mini", &settings, &mut ()).unwrap();
    assert!(begun.elapsed() > settings.patience, "the test is about nothing otherwise");
    assert_eq!(std::fs::read_to_string(dir.join("config.json")).unwrap(), r#"{"a": 11}"#);
}
