//! From the path of a product to the kernel's type.

/// Evaluates an expression with the kernel of a path.
macro_rules! with_kernel {
    ($path:expr, $kernel:ident => $expression:expr) => {
        match $path {
            ProductPath::Portable => {
                type $kernel = portable::Portable;
                $expression
            }
            #[cfg(target_arch = "x86_64")]
            ProductPath::Avx2 => {
                type $kernel = avx2::Avx2;
                $expression
            }
            #[cfg(target_arch = "x86_64")]
            ProductPath::Avx512 => {
                type $kernel = avx512::Avx512;
                $expression
            }
            #[cfg(target_arch = "aarch64")]
            ProductPath::Neon => {
                type $kernel = neon::Neon;
                $expression
            }
            #[allow(unreachable_patterns, reason = "which paths there are depends on the processor")]
            other => panic!("{other:?} is for another processor"),
        }
    };
}

pub(super) use with_kernel;
