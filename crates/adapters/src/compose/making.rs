//! Setups made of expressions.

use super::expression::{Expression, ExpressionError};
use super::mixer::Mixer;
use super::setup::Setup;
use super::supply::{Supply, WantedMixer};
use adaptune_tensor::Scalar;
use adaptune_transformer::Config;

impl<S: Scalar> Setup<S> {
    /// The setup of an expression; `adapter` returns the adapter or setup of a name.
    ///
    /// ```
    /// use adaptune_adapters::{Adapter, Setup};
    /// use adaptune_tensor::Seed;
    /// use adaptune_transformer::Config;
    /// let model = Config::bert(8, 2, 2, 12);
    /// let new = |name: &str| Some(Adapter::<f32>::new(name, &"lora".parse().ok()?, &model, Seed::new(2)).ok()?.into());
    /// let setup = Setup::of(&"stack(german, layer_drop(mood, layers=[0]))".parse()?, &model, new)?;
    /// assert_eq!(setup.to_string(), "stack(german, layer_drop(mood, layers=[0]))");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// If a name is unknown, the expression has a fusion or a router, or its parts cannot be put together.
    pub fn of(
        expression: &Expression,
        model: &Config,
        adapter: impl FnMut(&str) -> Option<Self>,
    ) -> Result<Self, ExpressionError> {
        Self::supplied(expression, model, &mut Adapters(adapter))
    }

    /// The setup of an expression that names fusions and routers too.
    ///
    /// # Errors
    /// If the name of an adapter, a fusion or a router is unknown, or the parts cannot be put together.
    pub fn supplied(
        expression: &Expression,
        model: &Config,
        supply: &mut dyn Supply<Self, Mixer<S>>,
    ) -> Result<Self, ExpressionError> {
        match expression {
            Expression::None => Ok(Self::None),
            Expression::Adapter(name) => {
                supply.adapter(name).ok_or_else(|| ExpressionError::UnknownAdapter { name: name.clone() })
            }
            Expression::Node(node) => {
                let parts = node.parts.iter().map(|part| Self::supplied(part, model, supply));
                let parts = parts.collect::<Result<_, _>>()?;
                Self::of_parts(node, model, parts, supply)
            }
        }
    }
}

/// What gives adapters alone.
struct Adapters<F>(F);

impl<P, U, F: FnMut(&str) -> Option<P>> Supply<P, U> for Adapters<F> {
    fn adapter(&mut self, name: &str) -> Option<P> {
        self.0(name)
    }
    fn mixer(&mut self, _: &WantedMixer<'_>, _: &[P]) -> Option<U> {
        None
    }
}
