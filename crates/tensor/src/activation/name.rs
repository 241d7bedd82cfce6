//! Which activations there are, and what they are called.

/// An activation function. Names follow the `hidden_act` of Hugging Face configurations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activation {
    /// `x`.
    Identity,
    /// `max(x, 0)`; its derivative at 0 is taken as 0.
    Relu,
    /// `x Φ(x)` with the normal distribution function `Φ` (Hendrycks and Gimpel, 2016).
    Gelu,
    /// `x/2 (1 + tanh(√(2/π)(x + 0.044715 x³)))`, the approximation of GELU that GPT-2 uses.
    GeluTanh,
    /// `x σ(x)`, also called swish.
    Silu,
    /// `tanh x`.
    Tanh,
    /// `σ(x) = 1/(1 + e^(−x))`.
    Sigmoid,
    /// `x` where positive, `0.01 x` elsewhere.
    LeakyRelu,
}

const NAMES: &[(&str, Activation)] = &[
    ("relu", Activation::Relu),
    ("gelu", Activation::Gelu),
    ("gelu_new", Activation::GeluTanh),
    ("swish", Activation::Silu),
    ("tanh", Activation::Tanh),
    ("sigmoid", Activation::Sigmoid),
    ("leakyrelu", Activation::LeakyRelu),
    ("linear", Activation::Identity),
    ("silu", Activation::Silu),
    ("gelu_pytorch_tanh", Activation::GeluTanh),
    ("gelu_fast", Activation::GeluTanh),
    ("gelu_python", Activation::Gelu),
];

impl Activation {
    /// The activation of a Hugging Face or AdapterHub name, upper or lower case.
    ///
    /// ```
    /// use adaptune_tensor::Activation;
    /// assert_eq!(Activation::from_name("swish"), Some(Activation::Silu));
    /// ```
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        let name = name.to_lowercase();
        NAMES.iter().find(|(n, _)| *n == name).map(|(_, a)| *a)
    }

    /// All names that [`Activation::from_name`] knows.
    pub fn names() -> impl Iterator<Item = &'static str> {
        NAMES.iter().map(|(n, _)| *n)
    }

    /// The name under which AdapterHub knows it.
    #[must_use]
    pub fn name(self) -> &'static str {
        NAMES.iter().find(|(_, a)| *a == self).map_or("linear", |(n, _)| n)
    }
}
