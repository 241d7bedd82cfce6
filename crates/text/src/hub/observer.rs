//! Who is told how far a download has come.

/// Is told how far the download of a file has come. `()` is told and does nothing.
pub trait DownloadObserver {
    /// A file of so many bytes begins.
    fn begin(&mut self, file: &str, bytes: u64);
    /// So many more bytes of it have come.
    fn advance(&mut self, bytes: u64);
    /// It has ended, well or badly.
    fn end(&mut self);
}

impl DownloadObserver for () {
    fn begin(&mut self, _: &str, _: u64) {}
    fn advance(&mut self, _: u64) {}
    fn end(&mut self) {}
}
