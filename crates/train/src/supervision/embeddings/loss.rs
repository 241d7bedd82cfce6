//! The losses of sentence embeddings, by name.

use adaptune_adapters::did_you_mean;
use adaptune_adapters::objective::{CoSent, Distance, MultipleNegatives};
use std::fmt;
use std::str::FromStr;

/// A loss of sentence embeddings. It is written as methods are, `multiple_negatives[scale=20,symmetric=true]`.
///
/// ```
/// use adaptune_train::supervision::EmbeddingLoss;
/// let loss: EmbeddingLoss = "cosent[scale=10]".parse()?;
/// assert_eq!((loss, loss.to_string()), (EmbeddingLoss::CoSent { scale: 10.0 }, "cosent[scale=10]".into()));
/// assert!("cosent[margin=1]".parse::<EmbeddingLoss>().unwrap_err().contains("expected scale"));
/// # Ok::<(), String>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum EmbeddingLoss {
    /// Which text belongs to which, among all of a batch: `multiple_negatives`. See [`MultipleNegatives`].
    MultipleNegatives {
        /// By what cosines are multiplied, one over the temperature.
        scale: f64,
        /// Positives are to find their anchors too.
        symmetric: bool,
    },
    /// Scored pairs in the order of their scores: `cosent`. See [`CoSent`].
    CoSent {
        /// By what differences of cosines are multiplied.
        scale: f64,
    },
    /// Scored pairs with these cosines: `cosine`. See [`CosineSimilarity`](adaptune_adapters::objective::CosineSimilarity).
    Cosine,
    /// A positive that is nearer than negatives: `triplet`. See [`Triplets`](adaptune_adapters::objective::Triplets).
    Triplet {
        /// By how much.
        margin: f64,
        /// What near means.
        distance: Distance,
    },
}

impl EmbeddingLoss {
    /// All of them, each with what is usual.
    pub const ALL: [Self; 4] = [
        Self::MultipleNegatives { scale: MultipleNegatives::SCALE, symmetric: false },
        Self::CoSent { scale: CoSent::SCALE },
        Self::Cosine,
        Self::Triplet { margin: 0.5, distance: Distance::Cosine },
    ];

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::MultipleNegatives { .. } => "multiple_negatives",
            Self::CoSent { .. } => "cosent",
            Self::Cosine => "cosine",
            Self::Triplet { .. } => "triplet",
        }
    }

    /// True if it is for scored pairs; the others are for texts that belong together.
    #[must_use]
    pub fn is_for_scores(self) -> bool {
        matches!(self, Self::CoSent { .. } | Self::Cosine)
    }

    /// Names and values of its fields.
    fn fields(self) -> Vec<(&'static str, String)> {
        match self {
            Self::MultipleNegatives { scale, symmetric } => {
                vec![("scale", scale.to_string()), ("symmetric", symmetric.to_string())]
            }
            Self::CoSent { scale } => vec![("scale", scale.to_string())],
            Self::Cosine => Vec::new(),
            Self::Triplet { margin, distance } => {
                vec![("margin", margin.to_string()), ("distance", name_of(distance).to_owned())]
            }
        }
    }

    /// The same with another value of a field.
    fn with(mut self, field: &str, value: &str) -> Result<Self, String> {
        match (&mut self, field) {
            (Self::MultipleNegatives { scale, .. } | Self::CoSent { scale }, "scale") => {
                *scale = positive(field, value)?;
            }
            (Self::MultipleNegatives { symmetric, .. }, "symmetric") => {
                *symmetric = value.parse().map_err(|_| format!("symmetric is {value}: expected true or false"))?;
            }
            (Self::Triplet { margin, .. }, "margin") => *margin = positive(field, value)?,
            (Self::Triplet { distance, .. }, "distance") => *distance = distance_of(value)?,
            _ => {
                let known: Vec<&str> = self.fields().into_iter().map(|(name, _)| name).collect();
                let known = if known.is_empty() { "no fields".to_owned() } else { known.join(", ") };
                return Err(format!("{} has no field {field}: expected {known}", self.name()));
            }
        }
        Ok(self)
    }
}

fn positive(field: &str, value: &str) -> Result<f64, String> {
    match value.parse::<f64>() {
        Ok(number) if number.is_finite() && number > 0.0 => Ok(number),
        _ => Err(format!("{field} is {value}: expected a number above 0")),
    }
}

fn name_of(distance: Distance) -> &'static str {
    match distance {
        Distance::Cosine => "cosine",
        Distance::Euclidean => "euclidean",
    }
}

fn distance_of(name: &str) -> Result<Distance, String> {
    let known = [Distance::Cosine, Distance::Euclidean].into_iter().find(|distance| name_of(*distance) == name);
    known.ok_or_else(|| format!("distance is {name}: expected cosine or euclidean"))
}

impl fmt::Display for EmbeddingLoss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fields: Vec<String> = self.fields().into_iter().map(|(name, value)| format!("{name}={value}")).collect();
        f.write_str(self.name())?;
        if fields.is_empty() { Ok(()) } else { write!(f, "[{}]", fields.join(",")) }
    }
}

impl FromStr for EmbeddingLoss {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, fields) = match text.trim().split_once('[') {
            Some((name, rest)) => {
                (name, rest.strip_suffix(']').ok_or_else(|| format!("{text}: a ] is missing at the end"))?)
            }
            None => (text.trim(), ""),
        };
        let usual = Self::ALL.into_iter().find(|loss| loss.name() == name).ok_or_else(|| {
            let names = Self::ALL.map(Self::name);
            format!("there is no loss {name}: expected {}{}", names.join(", "), did_you_mean(name, names))
        })?;
        fields.split(',').filter(|field| !field.trim().is_empty()).try_fold(usual, |loss, field| {
            let (field, value) = field.split_once('=').ok_or_else(|| format!("{field}: expected NAME=VALUE"))?;
            loss.with(field.trim(), value.trim())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        for loss in EmbeddingLoss::ALL {
            assert_eq!((loss.to_string().parse(), loss.name().parse()), (Ok(loss), Ok(loss)));
        }
        let triplet = EmbeddingLoss::Triplet { margin: 0.25, distance: Distance::Euclidean };
        assert_eq!(" triplet[ margin=0.25, distance=euclidean ]".parse(), Ok(triplet));
        let refused = |text: &str| text.parse::<EmbeddingLoss>().unwrap_err();
        assert!(refused("cosen").contains("did you mean `cosent`"));
        assert!(refused("cosine[scale=2]").contains("expected no fields"));
        assert!(refused("cosent[scale=0]").contains("above 0"));
        assert!(refused("cosent[scale=2").contains("] is missing"));
        assert!(refused("triplet[distance=far]").contains("cosine or euclidean"));
    }
}
