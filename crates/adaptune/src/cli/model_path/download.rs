//! Downloads of models from the hub into the shared cache.

use super::Settings;
use super::cache::{self, CONFIG, INDEX, Snapshot, TOKENIZER, WEIGHTS};
use anyhow::{Context, Result, anyhow, bail};
use hf_hub::Cache;
use hf_hub::api::Progress;
use hf_hub::api::sync::{ApiBuilder, ApiError, ApiRepo};
use indicatif::{ProgressBar, ProgressStyle};
use std::path::{Path, PathBuf};

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

fn repo(name: &str, settings: &Settings) -> Result<ApiRepo> {
    // No retries: what hf-hub 0.5 appends after a failed try may start at the wrong byte.
    let api = ApiBuilder::from_cache(Cache::new(settings.cache.clone()))
        .with_endpoint(settings.endpoint.clone())
        .with_token(settings.token.clone())
        .with_retries(0)
        .build()?;
    Ok(api.model(name.to_owned()))
}

/// One pass over the files; the folder is that of the configuration.
fn fetch_all(name: &str, repo: &ApiRepo, settings: &Settings) -> Result<PathBuf> {
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
    repo: &'a ApiRepo,
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
        let mut expected = 0;
        match self.repo.download_with_progress(file, Bar::new(&mut expected)) {
            Ok(path) => self.whole(file, path, expected).map(Some),
            Err(error) if status(&error) == Some(404) => Ok(None),
            Err(error) => Err(self.explain(file, &error)),
        }
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

/// Shows how far a file has come; also learns how long it will be.
struct Bar<'a> {
    bar: ProgressBar,
    expected: &'a mut u64,
}

impl<'a> Bar<'a> {
    fn new(expected: &'a mut u64) -> Self {
        Self { bar: ProgressBar::hidden(), expected }
    }
}

impl Progress for Bar<'_> {
    fn init(&mut self, size: usize, filename: &str) {
        *self.expected = size as u64;
        let style = ProgressStyle::with_template("{msg} {bar:30} {bytes}/{total_bytes} {bytes_per_sec} {eta}")
            .expect("the template is well formed");
        self.bar = ProgressBar::new(size as u64).with_style(style).with_message(filename.to_owned());
    }

    fn update(&mut self, size: usize) {
        self.bar.inc(size as u64);
    }

    fn finish(&mut self) {
        self.bar.finish_and_clear();
    }
}
