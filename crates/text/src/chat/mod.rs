//! Conversations, and the templates that turn them into the text that a model was trained on.
//!
//! A model of conversations brings a template in Jinja, in `chat_template.jinja` or `tokenizer_config.json`. It is rendered as transformers'
//! `apply_chat_template` renders it: blocks are trimmed, `raise_exception`, `strftime_now`, `tojson`, `break` and `continue` are known,
//! and so are Python's methods of texts, lists and dictionaries.

mod answers;
mod environment;
mod message;
mod python_json;
mod source;
mod template;
#[cfg(test)]
mod tests;

pub use answers::Rendered;
pub use message::Message;
pub use template::ChatTemplate;
