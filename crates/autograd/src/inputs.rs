//! What an operation may be computed from: typed outside, a list inside.

use crate::Var;
use adaptune_tensor::Scalar;
use ndarray::{Array, ArrayD, Dimension, IxDyn};

/// The inputs of an operation, as [`record`](crate::record) and [`checkpoint`](crate::checkpoint)
/// take them.
///
/// | inputs | `Needs` | `Gradients` | `Variables` |
/// |---|---|---|---|
/// | `&Var<S, D>` | `bool` | `Array<S, D>` | `Var<S, D>` |
/// | a tuple of two to four [`Input`]s, each a `&Var<S, D>` or an `Option` of it | a tuple of `bool` | a tuple of `Option<Array<S, D>>` | a tuple of `Var<S, D>` or `Option<Var<S, D>>` |
/// | `&[Var<S, D>]`, `&[&Var<S, D>]` | `Vec<bool>` | `Vec<Option<Array<S, D>>>` | `Vec<Var<S, D>>` |
///
/// The functions turn these types into lists and back. They are here for `record` and `checkpoint`
/// to call.
pub trait Inputs<S: Scalar> {
    /// For each input whether it needs a gradient.
    type Needs;
    /// For each input its gradient, if it needs one.
    type Gradients;
    /// Variables such as the inputs, but owned.
    type Variables;

    /// All inputs in order; `None` for one that was left out.
    fn list(&self) -> Vec<Option<Var<S, IxDyn>>>;
    /// From a list as long as that of the inputs.
    fn needs(list: &[bool]) -> Self::Needs;
    /// To a list as long as that of the inputs.
    fn gradients(gradients: Self::Gradients) -> Vec<Option<ArrayD<S>>>;
    /// From a list with the ranks of the inputs.
    fn variables(list: Vec<Option<Var<S, IxDyn>>>) -> Self::Variables;
}

/// One of several inputs of an operation: a variable, or one that may be left out.
pub trait Input<S: Scalar> {
    /// Its gradient.
    type Gradient;
    /// Such a variable, owned.
    type Variable;

    /// It, with its rank known at run time only.
    fn entry(&self) -> Option<Var<S, IxDyn>>;
    /// Its gradient, with its rank known at run time only.
    fn gradient(gradient: Self::Gradient) -> ArrayD<S>;
    /// The inverse of `entry`.
    fn variable(entry: Option<Var<S, IxDyn>>) -> Self::Variable;
}

impl<S: Scalar, D: Dimension> Input<S> for &Var<S, D> {
    type Gradient = Array<S, D>;
    type Variable = Var<S, D>;

    fn entry(&self) -> Option<Var<S, IxDyn>> {
        Some((*self).clone().into_dyn())
    }
    fn gradient(gradient: Array<S, D>) -> ArrayD<S> {
        gradient.into_dyn()
    }
    fn variable(entry: Option<Var<S, IxDyn>>) -> Var<S, D> {
        let entry = entry.expect("a list is rebuilt as what it was made from");
        entry.into_dimensionality().expect("a list keeps the ranks of what it was made from")
    }
}

impl<S: Scalar, D: Dimension> Input<S> for Option<&Var<S, D>> {
    type Gradient = Array<S, D>;
    type Variable = Option<Var<S, D>>;

    fn entry(&self) -> Option<Var<S, IxDyn>> {
        self.as_ref().and_then(Input::entry)
    }
    fn gradient(gradient: Array<S, D>) -> ArrayD<S> {
        gradient.into_dyn()
    }
    fn variable(entry: Option<Var<S, IxDyn>>) -> Option<Var<S, D>> {
        entry.map(|entry| <&Var<S, D>>::variable(Some(entry)))
    }
}

impl<S: Scalar, D: Dimension> Inputs<S> for &Var<S, D> {
    type Needs = bool;
    type Gradients = Array<S, D>;
    type Variables = Var<S, D>;

    fn list(&self) -> Vec<Option<Var<S, IxDyn>>> {
        vec![self.entry()]
    }
    fn needs(list: &[bool]) -> bool {
        list[0]
    }
    fn gradients(gradients: Array<S, D>) -> Vec<Option<ArrayD<S>>> {
        vec![Some(gradients.into_dyn())]
    }
    fn variables(list: Vec<Option<Var<S, IxDyn>>>) -> Var<S, D> {
        <&Var<S, D>>::variable(list.into_iter().flatten().next())
    }
}

macro_rules! tuple {
    ($($input:ident $number:tt $bool:ident),+) => {
        impl<S: Scalar, $($input: Input<S>),+> Inputs<S> for ($($input,)+) {
            type Needs = ($($bool,)+);
            type Gradients = ($(Option<$input::Gradient>,)+);
            type Variables = ($($input::Variable,)+);

            fn list(&self) -> Vec<Option<Var<S, IxDyn>>> {
                vec![$(self.$number.entry()),+]
            }
            fn needs(list: &[bool]) -> Self::Needs {
                ($(list[$number],)+)
            }
            fn gradients(gradients: Self::Gradients) -> Vec<Option<ArrayD<S>>> {
                vec![$(gradients.$number.map($input::gradient)),+]
            }
            fn variables(mut list: Vec<Option<Var<S, IxDyn>>>) -> Self::Variables {
                ($($input::variable(list[$number].take()),)+)
            }
        }
    };
}

tuple!(A 0 bool, B 1 bool);
tuple!(A 0 bool, B 1 bool, C 2 bool);
tuple!(A 0 bool, B 1 bool, C 2 bool, E 3 bool);

macro_rules! slice {
    ($element:ty) => {
        impl<S: Scalar, D: Dimension> Inputs<S> for &[$element] {
            type Needs = Vec<bool>;
            type Gradients = Vec<Option<Array<S, D>>>;
            type Variables = Vec<Var<S, D>>;

            fn list(&self) -> Vec<Option<Var<S, IxDyn>>> {
                self.iter().map(|variable| Some((*variable).clone().into_dyn())).collect()
            }
            fn needs(list: &[bool]) -> Vec<bool> {
                list.to_vec()
            }
            fn gradients(gradients: Self::Gradients) -> Vec<Option<ArrayD<S>>> {
                gradients.into_iter().map(|gradient| gradient.map(Array::into_dyn)).collect()
            }
            fn variables(list: Vec<Option<Var<S, IxDyn>>>) -> Vec<Var<S, D>> {
                list.into_iter().map(<&Var<S, D>>::variable).collect()
            }
        }
    };
}

slice!(Var<S, D>);
slice!(&Var<S, D>);
