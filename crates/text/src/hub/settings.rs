//! What the environment says.

use std::path::PathBuf;
use std::time::Duration;

/// What the environment says about the hub.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Settings {
    /// The folder of `models--owner--name`.
    pub(super) cache: PathBuf,
    /// Address of the hub.
    pub(super) endpoint: String,
    /// For models that are not public.
    pub(super) token: Option<String>,
    /// No network.
    pub(super) offline: bool,
    /// How long the hub may say nothing, before it answers or in the midst of a file.
    pub(super) patience: Duration,
}

/// Longer than Python waits, which is 10 s.
const PATIENCE: Duration = Duration::from_secs(30);

impl Settings {
    pub(super) fn from_lookup(lookup: impl Fn(&str) -> Option<String>) -> Self {
        let given = |name| lookup(name).filter(|value| !value.trim().is_empty());
        let home = given("HF_HOME").map(PathBuf::from).unwrap_or_else(|| {
            let user_cache = given("XDG_CACHE_HOME").map(PathBuf::from);
            let user_cache = user_cache.or_else(|| std::env::home_dir().map(|home| home.join(".cache")));
            user_cache.unwrap_or_default().join("huggingface")
        });
        let saved_token = || std::fs::read_to_string(home.join("token")).ok();
        let token = given("HF_TOKEN").or_else(saved_token).map(|token| token.trim().to_owned());
        let offline = given("HF_HUB_OFFLINE").map(|value| value.to_ascii_uppercase());
        let seconds = given("HF_HUB_DOWNLOAD_TIMEOUT").and_then(|seconds| seconds.trim().parse().ok());
        let endpoint = given("HF_ENDPOINT").unwrap_or_else(|| "https://huggingface.co".to_owned());
        let cache = given("HF_HUB_CACHE").map_or_else(|| home.join("hub"), PathBuf::from);
        Self {
            cache: std::path::absolute(&cache).unwrap_or(cache),
            endpoint: endpoint.trim_end_matches('/').to_owned(),
            token: token.filter(|token| !token.is_empty()),
            offline: matches!(offline.as_deref(), Some("1" | "ON" | "YES" | "TRUE")),
            patience: seconds.filter(|seconds| *seconds > 0).map_or(PATIENCE, Duration::from_secs),
        }
    }
}
