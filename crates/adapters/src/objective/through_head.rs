//! Loss and gradients of what a head reads: by its logits, or by the base's output layer in pieces.

use super::contract::Objective;
use crate::core::inverse::InverseModule;
use crate::head::Head;
use adaptune_tensor::{Gradients, Scalar};
use adaptune_transformer::{Base, Pass};
use ndarray::{Array2, ArrayView2};

/// An objective through a head, each target weighing `weight`.
pub(crate) struct ThroughHead<'a, S> {
    pub(crate) base: Base<'a, S>,
    pub(crate) head: &'a Head<S>,
    pub(crate) inverse: Option<&'a dyn InverseModule<S>>,
    pub(crate) objective: &'a dyn Objective<S>,
    pub(crate) weight: S,
}

impl<S: Scalar> ThroughHead<'_, S> {
    /// The next tokens, where loss and gradient are computed without logits.
    fn next_tokens(&self) -> Option<&[u32]> {
        self.objective.next_tokens().filter(|_| self.head.config().task.predicts_next_tokens())
    }

    /// The loss of the hidden states that are read, `[N, D]`, without dropout.
    pub(crate) fn loss(&self, hidden: ArrayView2<'_, S>) -> S {
        let in_pieces = self.next_tokens().and_then(|next| self.base.next_loss(hidden, next, self.weight));
        in_pieces.unwrap_or_else(|| {
            let (logits, _) = self.head.forward(self.base, self.inverse, hidden, Pass::evaluate());
            self.objective.loss(logits.view(), self.weight)
        })
    }

    /// The same with `d_hidden`, `[N, D]`, if it is wanted; adds the gradients of the head, and of what is thawed of the base behind the last
    /// block.
    pub(crate) fn loss_and_gradients(
        &self,
        hidden: ArrayView2<'_, S>,
        pass: Pass,
        wants_hidden: bool,
        gradients: &mut Gradients<S>,
    ) -> (S, Option<Array2<S>>) {
        let next = self.next_tokens();
        if let Some((loss, d)) =
            next.and_then(|next| self.base.next_loss_backward(hidden, next, self.weight, gradients))
        {
            return (loss, wants_hidden.then_some(d));
        }
        let (logits, trace) = self.head.forward(self.base, self.inverse, hidden, pass);
        let loss = self.objective.loss(logits.view(), self.weight);
        let d_logits = self.objective.loss_backward(logits, self.weight);
        (loss, self.head.backward(self.base, trace, d_logits, wants_hidden, gradients))
    }
}
