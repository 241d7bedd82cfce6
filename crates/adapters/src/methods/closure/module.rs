//! What all closures have in common.

/// What every closure is beside its forward pass: a holder of parameters, and a module of one shape.
macro_rules! module {
    ($type:ident: $shape:ident, $trait:ident) => {
        impl<S: adaptune_tensor::Scalar> adaptune_tensor::Parameters<S> for $type<S> {
            fn list<'a>(&'a self, name: &str, all: &mut adaptune_tensor::Named<'a, S>) {
                self.parameters.list(name, all);
            }
            fn list_mut<'a>(&'a mut self, name: &str, all: &mut adaptune_tensor::NamedMut<'a, S>) {
                self.parameters.list_mut(name, all);
            }
        }

        impl<S: adaptune_tensor::Scalar> crate::core::module::Module<S> for $type<S> {
            fn $shape(&self) -> Option<&dyn $trait<S>> {
                Some(self)
            }
        }

        impl<S: adaptune_tensor::Scalar> From<$type<S>> for Box<dyn crate::core::module::Module<S>> {
            fn from(module: $type<S>) -> Self {
                Box::new(module)
            }
        }

        impl<S: adaptune_tensor::Scalar> std::fmt::Debug for $type<S> {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.debug_struct(stringify!($type)).field("parameters", &self.parameters).finish_non_exhaustive()
            }
        }
    };
}

pub(super) use module;
