//! Downloads of models from the hub into the shared cache.

use super::cache::{self, CONFIG, INDEX, Snapshot, TOKENIZER, WEIGHTS};
use super::settings::Settings;
use anyhow::{Context, Result, anyhow, bail};
use hf_hub::Cache;
use hf_hub::api::Progress;
use hf_hub::api::sync::{ApiBuilder, ApiError, ApiRepo};
use indicatif::{ProgressBar, ProgressStyle};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};

/// Fetches what the cache lacks of a model and returns the folder of its snapshot.
///
/// All files must come from one commit. If the model changes on the hub while it is fetched, it is fetched once more.
pub(super) fn download(name: &str, settings: &Settings) -> Result<PathBuf> {
    let repo = repo(name, settings)?;
    for _ in 0..2 {
        let dir = fetch_all(name, &repo, settings)?;
        if Snapshot::of(&settings.cache, name).is_some_and(|now| now.dir == dir) {
            return Ok(dir);
        }
    }
    bail!("{name} keeps changing on {}; try again later", settings.endpoint)
}

fn repo(name: &str, settings: &Settings) -> Result<Arc<ApiRepo>> {
    // No retries: what hf-hub 0.5 appends after a failed try may start at the wrong byte.
    let api = ApiBuilder::from_cache(Cache::new(settings.cache.clone()))
        .with_endpoint(settings.endpoint.clone())
        .with_token(settings.token.clone())
        .with_retries(0)
        .build()?;
    Ok(Arc::new(api.model(name.to_owned())))
}

/// One pass over the files; the folder is that of the configuration.
fn fetch_all(name: &str, repo: &Arc<ApiRepo>, settings: &Settings) -> Result<PathBuf> {
    let source = Source { name, repo, settings };
    let config = source.fetch(CONFIG)?.with_context(|| {
        format!(
            "{} has no {CONFIG} of {name}; is the name right (owner/name), and the model public?",
            settings.endpoint
        )
    })?;
    source.fetch(TOKENIZER)?;
    if source.fetch(WEIGHTS)?.is_none() {
        let index = source.fetch(INDEX)?.with_context(|| no_safetensors(name))?;
        for shard in cache::shards(&index)? {
            source.fetch(&shard)?.with_context(|| format!("{name} lacks {shard}, which its index names"))?;
        }
    }
    Ok(config.parent().expect("a file lies in a folder").to_owned())
}

fn no_safetensors(name: &str) -> String {
    format!(
        "{name} has neither {WEIGHTS} nor {INDEX}; other forms are not read. Python converts it: \
         AutoModel.from_pretrained(\"{name}\").save_pretrained(\"FOLDER\")"
    )
}

struct Source<'a> {
    name: &'a str,
    repo: &'a Arc<ApiRepo>,
    settings: &'a Settings,
}

impl Source<'_> {
    /// A file from the cache or else from the hub; `None` if the hub says that there is no such file.
    fn fetch(&self, file: &str) -> Result<Option<PathBuf>> {
        if let Some(snapshot) = Snapshot::of(&self.settings.cache, self.name) {
            let cached = snapshot.dir.join(file);
            if cached.exists() {
                return Ok(Some(cached));
            }
            // A link to a file that is gone would be in the way of the new one.
            if cached.is_symlink() {
                std::fs::remove_file(&cached).with_context(|| format!("cannot replace {}", cached.display()))?;
            }
        }
        match self.attend(file)? {
            (Ok(path), expected) => self.whole(file, path, expected).map(Some),
            (Err(error), _) if status(&error) == Some(404) => Ok(None),
            (Err(error), _) => Err(self.explain(file, &error)),
        }
    }

    /// Downloads a file for as long as the hub says something; gives what came of it, and how long the hub said the file is.
    ///
    /// hf-hub sets no time limits and takes none. So it works in a thread of its own, which is left to itself when it has said
    /// nothing for too long: the command ends then, and the thread with it.
    fn attend(&self, file: &str) -> Result<(Result<PathBuf, ApiError>, u64)> {
        let (say, hear) = channel();
        let (repo, name) = (Arc::clone(self.repo), file.to_owned());
        std::thread::spawn(move || {
            let result = repo.download_with_progress(&name, Bar::new(say.clone()));
            // If nobody listens any more, nobody needs to know.
            let _ = say.send(News::End(result));
        });
        let mut expected = 0;
        loop {
            match hear.recv_timeout(self.settings.patience) {
                Ok(News::Size(size)) => expected = size,
                Ok(News::Bytes) => {}
                Ok(News::End(result)) => return Ok((result, expected)),
                Err(RecvTimeoutError::Timeout) => return Err(self.silent(file)),
                Err(RecvTimeoutError::Disconnected) => bail!("{}: the download broke off", self.repo.url(file)),
            }
        }
    }

    fn silent(&self, file: &str) -> anyhow::Error {
        anyhow!(
            "{}: the hub said nothing for {} s; is the network there? Try again, which goes on where it stopped, or allow \
             more seconds with HF_HUB_DOWNLOAD_TIMEOUT",
            self.repo.url(file),
            self.settings.patience.as_secs_f64()
        )
    }

    /// A connection that closes early without a word leaves a short file, and a server that does not
    /// heed where to go on leaves a long one. Neither may stay.
    fn whole(&self, file: &str, path: PathBuf, expected: u64) -> Result<PathBuf> {
        let found = std::fs::metadata(&path).with_context(|| format!("cannot read {}", path.display()))?.len();
        if found == expected {
            return Ok(path);
        }
        remove_with_target(&path);
        bail!("{file} is damaged: expected {expected} bytes, received {found}; it was removed, try again")
    }

    fn explain(&self, file: &str, error: &ApiError) -> anyhow::Error {
        let url = self.repo.url(file);
        match status(error) {
            Some(401 | 403) => anyhow!(
                "{url}: the hub says {}; check the name, or set HF_TOKEN if the model is private or gated",
                status(error).unwrap_or_default()
            ),
            Some(416) => {
                self.forget_parts();
                anyhow!("{url}: the unfinished download does not fit the file any more; it was removed, try again")
            }
            Some(code) => anyhow!("{url}: the hub answers with status {code}; try again later"),
            None if matches!(error, ApiError::InvalidResume) => {
                self.forget_parts();
                anyhow!("{url}: the unfinished download is longer than the file; it was removed, try again")
            }
            None => anyhow!("{url}: {error}"),
        }
    }

    /// Removes what unfinished downloads of this model have left.
    fn forget_parts(&self) {
        let blobs = self.settings.cache.join(format!("models--{}", self.name.replace('/', "--"))).join("blobs");
        for entry in std::fs::read_dir(blobs).into_iter().flatten().flatten() {
            if entry.path().extension().is_some_and(|extension| extension == "part") {
                // What cannot be removed will be complained of again.
                let _ = std::fs::remove_file(entry.path());
            }
        }
    }
}

/// Removes a file of a snapshot and the blob that it links to.
fn remove_with_target(path: &Path) {
    if let Ok(blob) = std::fs::canonicalize(path) {
        let _ = std::fs::remove_file(blob);
    }
    let _ = std::fs::remove_file(path);
}

/// The status of the hub's answer, if there was one.
fn status(error: &ApiError) -> Option<u16> {
    // hf-hub does not export the error of its HTTP client, which reads `http status: 404`.
    let ApiError::RequestError(inner) = error else { return None };
    inner.to_string().rsplit("http status: ").next()?.trim().parse().ok()
}

/// What is heard of a download.
enum News {
    /// How long the file will be.
    Size(u64),
    /// Some of it has come.
    Bytes,
    /// It has ended.
    End(Result<PathBuf, ApiError>),
}

/// Shows how far a file has come, and tells that it goes on.
struct Bar {
    bar: ProgressBar,
    say: Sender<News>,
}

impl Bar {
    fn new(say: Sender<News>) -> Self {
        Self { bar: ProgressBar::hidden(), say }
    }

    fn tell(&self, news: News) {
        // If nobody listens any more, nobody needs to know.
        let _ = self.say.send(news);
    }
}

impl Progress for Bar {
    fn init(&mut self, size: usize, filename: &str) {
        self.tell(News::Size(size as u64));
        let style = ProgressStyle::with_template("{msg} {bar:30} {bytes}/{total_bytes} {bytes_per_sec} {eta}")
            .expect("the template is well formed");
        self.bar = ProgressBar::new(size as u64).with_style(style).with_message(filename.to_owned());
    }

    fn update(&mut self, size: usize) {
        self.tell(News::Bytes);
        self.bar.inc(size as u64);
    }

    fn finish(&mut self) {
        self.bar.finish_and_clear();
    }
}
