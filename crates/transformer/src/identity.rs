//! What makes a base the base that it is.

use crate::encoder::Encoder;
use adaptune_tensor::Scalar;

/// What makes a base the base that it is: its weights, and every field of its configuration on which its numbers depend.
///
/// Two bases of one identity compute the same. The precision in which a base is held is not a part of it: adapters of one fit the
/// other.
///
/// ```
/// use adaptune_tensor::Seed;
/// use adaptune_transformer::{Config, Encoder};
/// let base = |heads| Encoder::<f32>::random(Config::bert(8, 2, heads, 16), 0.1, Seed::new(1));
/// let (two, four) = (base(2), base(4));
/// assert_eq!(two.fingerprint(), four.fingerprint(), "the weights are the same");
/// let [field, of_four, of_two] = two.identity().difference(&four.identity()).expect("the heads are not");
/// assert_eq!((field.as_str(), of_four.as_str(), of_two.as_str()), ("num_attention_heads", "4", "2"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BaseIdentity {
    fingerprint: String,
    fields: Vec<(&'static str, String)>,
}

impl<S: Scalar> Encoder<S> {
    /// What makes this base the base that it is.
    #[must_use]
    pub fn identity(&self) -> BaseIdentity {
        BaseIdentity { fingerprint: format!("{:016x}", self.fingerprint()), fields: self.config().computed_fields() }
    }
}

impl BaseIdentity {
    /// The [fingerprint](Encoder::fingerprint) of the weights, 16 hexadecimal digits.
    #[must_use]
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// The [fields of the configuration](crate::Config::computed_fields).
    #[must_use]
    pub fn fields(&self) -> &[(&'static str, String)] {
        &self.fields
    }

    /// The first point in which another base differs: its name, the other's value, this one's.
    #[must_use]
    pub fn difference(&self, other: &Self) -> Option<[String; 3]> {
        let value = |name: &str| other.fields.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_str());
        self.difference_from(value, Some(&other.fingerprint))
    }

    /// The same of a base of which a file says these values. What it does not say is not compared: files of earlier versions and
    /// of other libraries say less.
    #[must_use]
    pub fn difference_from<'a>(
        &self,
        value: impl Fn(&str) -> Option<&'a str>,
        fingerprint: Option<&str>,
    ) -> Option<[String; 3]> {
        let fields = self.fields.iter().filter_map(|(name, expected)| Some((*name, value(name)?, expected.as_str())));
        let weights = fingerprint.map(|found| ("fingerprint", found, self.fingerprint.as_str()));
        let (name, found, expected) = fields.chain(weights).find(|(_, found, expected)| found != expected)?;
        Some([name.to_owned(), found.to_owned(), expected.to_owned()])
    }
}
