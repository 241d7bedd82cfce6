//! Which instructions products are computed with.

use std::fmt;
use std::sync::OnceLock;

/// The environment variable that forces a path; see [`product_path`].
pub const PATH_VARIABLE: &str = "ADAPTUNE_KERNEL";

/// A set of instructions that there is a micro-kernel for. All give the same bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProductPath {
    /// Plain Rust, on any processor. It is the oracle of the others and slow: where the processor is not known to have
    /// a fused multiply-add, each one is a call.
    Portable,
    /// Vectors of 8, x86-64 with AVX2 and FMA.
    Avx2,
    /// Vectors of 16, x86-64 with AVX-512 F, BW, DQ and VL.
    Avx512,
    /// Vectors of 4, aarch64.
    Neon,
}

impl ProductPath {
    /// All of them, the best last.
    pub const ALL: [Self; 4] = [Self::Portable, Self::Neon, Self::Avx2, Self::Avx512];

    /// The name by which the environment variable knows it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Portable => "portable",
            Self::Avx2 => "avx2",
            Self::Avx512 => "avx512",
            Self::Neon => "neon",
        }
    }

    /// True if this processor has the instructions.
    #[must_use]
    pub fn is_available(self) -> bool {
        match self {
            Self::Portable => true,
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma"),
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => Self::Avx2.is_available() && has_avx512(),
            #[cfg(target_arch = "aarch64")]
            Self::Neon => std::arch::is_aarch64_feature_detected!("neon"),
            _ => false,
        }
    }

    /// Those that this processor has, the best last.
    pub fn available() -> impl Iterator<Item = Self> {
        Self::ALL.into_iter().filter(|path| path.is_available())
    }

    /// The path of the variable's value: the best one if it is not set.
    fn choose(asked: Option<&str>) -> Result<Self, UnknownPath> {
        match asked {
            None | Some("") => Ok(Self::available().last().expect("the portable path is always there")),
            Some(name) => {
                Self::available().find(|path| path.name() == name).ok_or_else(|| UnknownPath(name.to_owned()))
            }
        }
    }
}

/// Products need the first alone; [rows](crate::kernel::rows) the others too. Every processor for desktops and servers that
/// has the first has them.
#[cfg(target_arch = "x86_64")]
fn has_avx512() -> bool {
    is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx512bw")
        && is_x86_feature_detected!("avx512dq")
        && is_x86_feature_detected!("avx512vl")
}

/// [`PATH_VARIABLE`] names no path that this processor has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownPath(String);

impl fmt::Display for UnknownPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = ProductPath::available().map(ProductPath::name).collect();
        let names = names.join(", ");
        write!(f, "{PATH_VARIABLE} is {:?}, but this processor has {names}; unset it for the best of them", self.0)
    }
}

impl std::error::Error for UnknownPath {}

/// The path that f32 products take in this process: the best that the processor has, or the one that the environment
/// variable `ADAPTUNE_KERNEL` names (`portable`, `avx2`, `avx512`, `neon`). It is read once, at the first product.
///
/// ```
/// println!("products by {}", adaptune_tensor::kernel::product_path()?.name());
/// # Ok::<(), adaptune_tensor::kernel::UnknownPath>(())
/// ```
///
/// # Errors
/// If the variable names an unknown path or one that this processor has not.
pub fn product_path() -> Result<ProductPath, UnknownPath> {
    static PATH: OnceLock<Result<ProductPath, UnknownPath>> = OnceLock::new();
    PATH.get_or_init(|| {
        let asked = std::env::var_os(PATH_VARIABLE).map(|name| name.to_string_lossy().into_owned());
        ProductPath::choose(asked.as_deref())
    })
    .clone()
}

/// The path of this process.
///
/// # Panics
/// If [`product_path`] is an error.
pub(crate) fn path() -> ProductPath {
    product_path().unwrap_or_else(|error| panic!("{error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_path_is_taken_unless_another_is_asked_for() {
        let best = ProductPath::available().last();
        assert_eq!(ProductPath::choose(None).ok(), best);
        assert_eq!(ProductPath::choose(Some("")).ok(), best);
        for path in ProductPath::available() {
            assert_eq!(ProductPath::choose(Some(path.name())), Ok(path));
        }
    }

    #[test]
    fn what_is_unknown_or_missing_is_refused_and_the_choice_is_shown() {
        let foreign = if cfg!(target_arch = "aarch64") { "avx2" } else { "neon" };
        for name in ["AVX2", "fast", foreign] {
            let message = ProductPath::choose(Some(name)).unwrap_err().to_string();
            assert!(message.contains(name) && message.contains("portable"), "{message}");
        }
    }
}
