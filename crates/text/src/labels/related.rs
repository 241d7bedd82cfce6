//! Texts that belong together.

use super::refusals::whole;
use crate::error::Result;
use crate::table::{Table, TableKind};

/// What was found, where vectors are to be trained.
///
/// # Errors
/// Something else is to be learnt, or there are no texts to be compared.
pub(super) fn decide(table: &Table, of_vectors: bool) -> Result<String> {
    if !of_vectors || table.kind != TableKind::Compared {
        let message = match of_vectors {
            true => format!("vectors are made of texts to be compared, found {}", table.kind),
            false => format!("found {}, which are for --task embedding", table.kind),
        };
        return Err(whole(table, message));
    }
    let negatives = table.rows.iter().filter(|row| row.text.count() > 2).count();
    Ok(match negatives {
        0 => "pairs of texts that belong together".to_owned(),
        some if some == table.rows.len() => "texts that belong together, with negatives".to_owned(),
        some => format!("texts that belong together, {some} with negatives"),
    })
}
