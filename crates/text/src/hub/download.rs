//! Downloads of models from the hub into the shared cache.

use super::cache::{self, CONFIG, INDEX, OLDER_TOKENIZERS, Snapshot, TOKENIZER, TORCH, WEIGHTS};
use super::observer::DownloadObserver;
use super::settings::Settings;
use crate::error::{Result, TextError};
use crate::sentence_transformers::{LENGTHS, MODULES, PROMPTS, files};
use hf_hub::Cache;
use hf_hub::api::Progress;
use hf_hub::api::sync::{ApiBuilder, ApiError, ApiRepo};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};

/// What says more of a tokenizer of an older model, where it is there.
const OF_OLDER_TOKENIZERS: [&str; 3] = ["tokenizer_config.json", "special_tokens_map.json", "added_tokens.json"];

/// Fetches what the cache lacks of a model and returns the folder of its snapshot.
///
/// All files must come from one commit. If the model changes on the hub while it is fetched, it is fetched once more.
pub(super) fn download(name: &str, settings: &Settings, observer: &mut dyn DownloadObserver) -> Result<PathBuf> {
    let repo = repo(name, settings)?;
    let mut source = Source { name, repo: &repo, settings, observer };
    for _ in 0..2 {
        let dir = source.fetch_all()?;
        if Snapshot::of(&settings.cache, name).is_some_and(|now| now.dir == dir) {
            return Ok(dir);
        }
    }
    Err(hub(format!("{name} keeps changing on {}; try again later", settings.endpoint)))
}

fn repo(name: &str, settings: &Settings) -> Result<Arc<ApiRepo>> {
    // No retries: what hf-hub 0.5 appends after a failed try may start at the wrong byte.
    let api = ApiBuilder::from_cache(Cache::new(settings.cache.clone()))
        .with_endpoint(settings.endpoint.clone())
        .with_token(settings.token.clone())
        .with_retries(0)
        .build()
        .map_err(|error| hub(error.to_string()))?;
    Ok(Arc::new(api.model(name.to_owned())))
}

fn no_weights(name: &str) -> String {
    let [torch, torch_index] = TORCH;
    format!(
        "{name} has neither {WEIGHTS} nor {INDEX}, nor {torch} or {torch_index}; other forms are not read. Python converts it: \
         AutoModel.from_pretrained(\"{name}\").save_pretrained(\"FOLDER\")"
    )
}

fn hub(message: String) -> TextError {
    TextError::Hub(message)
}

struct Source<'a> {
    name: &'a str,
    repo: &'a Arc<ApiRepo>,
    settings: &'a Settings,
    observer: &'a mut dyn DownloadObserver,
}

impl Source<'_> {
    /// One pass over the files; returns the folder of the configuration.
    fn fetch_all(&mut self) -> Result<PathBuf> {
        let name = self.name;
        let config = self.fetch(CONFIG)?.ok_or_else(|| {
            let endpoint = &self.settings.endpoint;
            hub(format!("{endpoint} has no {CONFIG} of {name}; is the name right (owner/name), and the model public?"))
        })?;
        if self.fetch(TOKENIZER)?.is_none() {
            self.fetch_older_tokenizer()?;
        }
        self.fetch_modules()?;
        if !self.fetch_weights(WEIGHTS, INDEX)? && !self.fetch_weights(TORCH[0], TORCH[1])? {
            return Err(hub(no_weights(name)));
        }
        Ok(config.parent().map(Path::to_owned).unwrap_or_default())
    }

    /// The weights, or an index and what it names. False if there is neither.
    fn fetch_weights(&mut self, whole: &str, index: &str) -> Result<bool> {
        if self.fetch(whole)?.is_some() {
            return Ok(true);
        }
        let Some(index) = self.fetch(index)? else { return Ok(false) };
        for shard in cache::shards(&index)? {
            let missing = hub(format!("{} lacks {shard}, which its index names", self.name));
            self.fetch(&shard)?.ok_or(missing)?;
        }
        Ok(true)
    }

    /// What older models have in the place of `tokenizer.json`: the first of these sets, and what says more of it.
    fn fetch_older_tokenizer(&mut self) -> Result<()> {
        for files in OLDER_TOKENIZERS {
            let mut whole = true;
            for name in files {
                whole = whole && self.fetch(name)?.is_some();
            }
            if whole {
                return OF_OLDER_TOKENIZERS.into_iter().try_for_each(|name| self.fetch(name).map(drop));
            }
        }
        Ok(())
    }

    /// What says how a model of sentence-transformers embeds texts; other models have nothing of the kind. Whether it is damaged is
    /// seen where it is read.
    fn fetch_modules(&mut self) -> Result<()> {
        let Some(modules) = self.fetch(MODULES)? else { return Ok(()) };
        let of_modules = modules.parent().map_or(Ok(Vec::new()), files).unwrap_or_default();
        for name in of_modules.iter().map(String::as_str).chain([LENGTHS[0], PROMPTS]) {
            self.fetch(name)?;
        }
        Ok(())
    }

    /// A file from the cache or else from the hub; `None` if the hub says that there is no such file.
    fn fetch(&mut self, file: &str) -> Result<Option<PathBuf>> {
        if let Some(snapshot) = Snapshot::of(&self.settings.cache, self.name) {
            let cached = snapshot.dir.join(file);
            if cached.exists() {
                return Ok(Some(cached));
            }
            // A link to a file that is gone would be in the way of the new one.
            if cached.is_symlink() {
                std::fs::remove_file(&cached).map_err(TextError::io("replace", &cached))?;
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
    fn attend(&mut self, file: &str) -> Result<(Result<PathBuf, ApiError>, u64)> {
        let (say, hear) = channel();
        let (repo, name) = (Arc::clone(self.repo), file.to_owned());
        std::thread::spawn(move || {
            let result = repo.download_with_progress(&name, Teller(say.clone()));
            // If nobody listens any more, nobody needs to know.
            let _ = say.send(News::End(result));
        });
        let mut expected = 0;
        loop {
            match hear.recv_timeout(self.settings.patience) {
                Ok(News::Size(size)) => {
                    expected = size;
                    self.observer.begin(file, size);
                }
                Ok(News::Bytes(bytes)) => self.observer.advance(bytes),
                Ok(News::End(result)) => {
                    self.observer.end();
                    return Ok((result, expected));
                }
                Err(RecvTimeoutError::Timeout) => return Err(self.silent(file)),
                Err(RecvTimeoutError::Disconnected) => {
                    return Err(hub(format!("{}: the download broke off", self.repo.url(file))));
                }
            }
        }
    }

    fn silent(&self, file: &str) -> TextError {
        hub(format!(
            "{}: the hub said nothing for {} s; is the network there? Try again, which goes on where it stopped, or allow \
             more seconds with HF_HUB_DOWNLOAD_TIMEOUT",
            self.repo.url(file),
            self.settings.patience.as_secs_f64()
        ))
    }

    /// A connection that closes early without a word leaves a short file, and a server that does not
    /// heed where to go on leaves a long one. Neither may stay.
    fn whole(&self, file: &str, path: PathBuf, expected: u64) -> Result<PathBuf> {
        let found = std::fs::metadata(&path).map_err(TextError::io("read", &path))?.len();
        if found == expected {
            return Ok(path);
        }
        remove_with_target(&path);
        Err(hub(format!("{file} is damaged: expected {expected} bytes, received {found}; it was removed, try again")))
    }

    fn explain(&self, file: &str, error: &ApiError) -> TextError {
        let url = self.repo.url(file);
        hub(match status(error) {
            Some(code @ (401 | 403)) => {
                format!("{url}: the hub says {code}; check the name, or set HF_TOKEN if the model is private or gated")
            }
            Some(416) => {
                self.forget_parts();
                format!("{url}: the unfinished download does not fit the file any more; it was removed, try again")
            }
            Some(code) => format!("{url}: the hub answers with status {code}; try again later"),
            None if matches!(error, ApiError::InvalidResume) => {
                self.forget_parts();
                format!("{url}: the unfinished download is longer than the file; it was removed, try again")
            }
            None => format!("{url}: {error}"),
        })
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
    /// So much more of it has come.
    Bytes(u64),
    /// It has ended.
    End(Result<PathBuf, ApiError>),
}

/// Tells how far a file has come, and so that it goes on.
struct Teller(Sender<News>);

impl Teller {
    fn tell(&self, news: News) {
        // If nobody listens any more, nobody needs to know.
        let _ = self.0.send(news);
    }
}

impl Progress for Teller {
    fn init(&mut self, size: usize, _: &str) {
        self.tell(News::Size(size as u64));
    }

    fn update(&mut self, size: usize) {
        self.tell(News::Bytes(size as u64));
    }

    fn finish(&mut self) {}
}
