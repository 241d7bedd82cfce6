//! What a setup is made of: adapters, fusions and routers, those that train and those that stay as they are.

use super::error::CompositionError;
use super::fuse::Fusion;
use super::mixing::{Mixing, member_name};
use super::setup::Setup;
use super::watch::MixingRecord;
use crate::adapter::Adapter;
use adaptune_tensor::{Gradients, Named, NamedMut, Parameters, Scalar, join};
use std::sync::Arc;

/// What trains of a setup.
pub(crate) enum Member<'a, S> {
    Adapter(&'a Adapter<S>),
    Mixing(&'a dyn Mixing<S>),
}

impl<'a, S: Scalar> Member<'a, S> {
    /// What its parameters are called after, where there are others.
    fn name(&self) -> String {
        match self {
            Self::Adapter(adapter) => adapter.name().to_owned(),
            Self::Mixing(mixing) => member_name(*mixing),
        }
    }

    fn parameters(&self) -> &'a dyn Parameters<S> {
        match self {
            Self::Adapter(adapter) => *adapter,
            Self::Mixing(mixing) => *mixing,
        }
    }
}

impl<S: Scalar> Setup<S> {
    /// All adapters in the order of the expression.
    #[must_use]
    pub fn adapters(&self) -> Vec<&Adapter<S>> {
        match self {
            Self::Adapter(adapter) => vec![adapter],
            Self::Frozen(adapter) => vec![adapter],
            other => other.parts().iter().flat_map(Self::adapters).collect(),
        }
    }

    /// The adapters that train, in the order of the expression.
    #[must_use]
    pub fn training(&self) -> Vec<&Adapter<S>> {
        match self {
            Self::Adapter(adapter) => vec![adapter],
            other => other.parts().iter().flat_map(Self::training).collect(),
        }
    }

    /// All fusions, in the order of the expression; one stands behind those of its parts.
    #[must_use]
    pub fn fusions(&self) -> Vec<&Fusion<S>> {
        self.parts().iter().flat_map(Self::fusions).chain(self.fusion()).collect()
    }

    /// All fusions and routers, in the order of the expression; one stands behind those of its parts.
    #[must_use]
    pub fn mixings(&self) -> Vec<&dyn Mixing<S>> {
        self.parts().iter().flat_map(Self::mixings).chain(self.mixing()).collect()
    }

    /// What trains: adapters, fusions and routers, in the order of the expression.
    pub(crate) fn members(&self) -> Vec<Member<'_, S>> {
        if let Self::Adapter(adapter) = self {
            return vec![Member::Adapter(adapter)];
        }
        let own = self.mixing().filter(|mixing| !mixing.is_frozen()).map(Member::Mixing);
        self.parts().iter().flat_map(Self::members).chain(own).collect()
    }

    fn members_mut(&mut self) -> Vec<(String, &mut dyn Parameters<S>)> {
        if let Self::Adapter(adapter) = self {
            return vec![(adapter.name().to_owned(), &mut **adapter)];
        }
        let (parts, own) = self.parts_and_mixing_mut();
        let own = own.filter(|mixing| !mixing.is_frozen());
        let own = own.map(|mixing| (member_name(mixing), mixing as &mut dyn Parameters<S>));
        parts.iter_mut().flat_map(Self::members_mut).chain(own).collect()
    }

    fn parts_mut(&mut self) -> &mut [Self] {
        self.parts_and_mixing_mut().0
    }

    /// The adapter that trains, if one does and nothing else.
    pub(crate) fn into_adapter(mut self) -> Option<Adapter<S>> {
        if self.members().len() != 1 {
            return None;
        }
        self.take_training()
    }

    /// Takes out the first adapter that trains.
    fn take_training(&mut self) -> Option<Adapter<S>> {
        if let Self::Adapter(_) = self {
            let Self::Adapter(adapter) = std::mem::take(self) else { return None };
            return Some(*adapter);
        }
        self.parts_mut().iter_mut().find_map(Self::take_training)
    }

    /// The frozen adapters, in the order of the expression.
    pub(crate) fn shared(&self) -> Vec<&Arc<Adapter<S>>> {
        match self {
            Self::Frozen(adapter) => vec![adapter],
            other => other.parts().iter().flat_map(Self::shared).collect(),
        }
    }

    /// The same with every adapter, fusion and router frozen.
    #[must_use]
    pub fn frozen(mut self) -> Self {
        self.freeze_all();
        self
    }

    fn freeze_all(&mut self) {
        if let Self::Adapter(_) = self {
            let Self::Adapter(mut adapter) = std::mem::take(self) else { return };
            adapter.freeze();
            *self = Self::Frozen(Arc::from(adapter));
        }
        let (parts, mixing) = self.parts_and_mixing_mut();
        parts.iter_mut().for_each(Self::freeze_all);
        if let Some(mixing) = mixing {
            mixing.set_frozen(true);
        }
    }

    /// The same with every adapter, fusion and router to be trained.
    ///
    /// # Errors
    /// If a frozen adapter is shared.
    pub fn unfrozen(mut self) -> Result<Self, CompositionError> {
        self.unfreeze_sole();
        match self.shared().first() {
            Some(shared) => Err(CompositionError::Shared { name: shared.name().to_owned() }),
            None => Ok(self),
        }
    }

    /// Makes all train but those adapters that are shared.
    pub(crate) fn unfreeze_sole(&mut self) {
        if let Self::Frozen(_) = self {
            let Self::Frozen(shared) = std::mem::take(self) else { return };
            *self = Arc::try_unwrap(shared).map_or_else(Self::Frozen, Self::from);
        }
        let (parts, mixing) = self.parts_and_mixing_mut();
        parts.iter_mut().for_each(Self::unfreeze_sole);
        if let Some(mixing) = mixing {
            mixing.set_frozen(false);
        }
    }

    /// Checks what a model relies on: no frozen adapter trains, and what does can be told apart.
    pub(crate) fn check(&self) -> Result<(), CompositionError> {
        if let Some(adapter) = self.shared().into_iter().find(|adapter| adapter.any_trains()) {
            return Err(CompositionError::Trains { name: adapter.name().to_owned() });
        }
        let names: Vec<String> = self.members().iter().map(Member::name).collect();
        match (1..names.len()).find(|i| names[..*i].contains(&names[*i])) {
            Some(i) => Err(CompositionError::SameName { name: names[i].clone() }),
            None => Ok(()),
        }
    }

    /// Lets all fusions and routers write down what they weigh by; or no longer.
    pub(crate) fn watch(&mut self, record: Option<&MixingRecord>) {
        let names: Vec<String> =
            self.parts().iter().filter_map(|part| Some(part.adapters().last()?.name().to_owned())).collect();
        let (parts, mixing) = self.parts_and_mixing_mut();
        parts.iter_mut().for_each(|part| part.watch(record));
        if let Some(mixing) = mixing {
            mixing.watch(record, &names);
        }
    }

    /// Returns what the loss of every step of training has besides that of the examples, such as a fusion's
    /// [regularisation](Mixing::penalty), and adds its gradients.
    pub(crate) fn penalty(&self, gradients: &mut Gradients<S>) -> S {
        self.mixings().into_iter().fold(S::zero(), |sum, mixing| sum + mixing.penalty(gradients))
    }
}

impl<S: Scalar> Parameters<S> for Setup<S> {
    fn list<'a>(&'a self, name: &str, all: &mut Named<'a, S>) {
        let members = self.members();
        let several = members.len() > 1;
        for member in members {
            member.parameters().list(&if several { join(name, &member.name()) } else { name.to_owned() }, all);
        }
    }
    fn list_mut<'a>(&'a mut self, name: &str, all: &mut NamedMut<'a, S>) {
        let members = self.members_mut();
        let several = members.len() > 1;
        for (member, parameters) in members {
            let name = if several { join(name, &member) } else { name.to_owned() };
            parameters.list_mut(&name, all);
        }
    }
}
