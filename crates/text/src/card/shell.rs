//! Commands as a shell reads them.

/// Writes a word as a shell reads it: as it is, or in quotes.
///
/// ```
/// assert_eq!(adaptune_text::shell("lora[r=2]"), "'lora[r=2]'");
/// assert_eq!(adaptune_text::shell("runs/a"), "runs/a");
/// ```
#[must_use]
pub fn shell(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-=:@%+,".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', "'\\''"))
    }
}
