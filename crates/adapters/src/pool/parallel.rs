//! One batch, answered by several adapters and their heads.

use super::{AdapterPool, Member, PoolError};
use crate::compose::points::lowest_block;
use adaptune_tensor::{Scalar, in_pool};
use adaptune_transformer::{Base, Batch, Entry, Pass, State};
use ndarray::Array2;

impl<S: Scalar> AdapterPool<S> {
    /// Returns the logits of every sequence by each of these adapters and heads, as many lists as names; each as
    /// [`AdapterPool::logits`] would return it (AdapterHub's `Parallel`).
    ///
    /// Blocks below the lowest module of all of them are computed once. So it pays where adapters leave lower blocks alone
    /// ([`LayerDrop`](crate::LayerDrop), `leave_out`; AdapterDrop, Rücklé et al., 2021).
    ///
    /// ```
    /// use adaptune_adapters::{Adapter, AdapterModel, AdapterPool, Head, HeadConfig, Task};
    /// use adaptune_tensor::Seed;
    /// use adaptune_transformer::{Batch, Config, Encoder};
    /// use std::sync::Arc;
    /// let config = Config { vocabulary: 11, positions: 9, ..Config::bert(8, 4, 2, 12) };
    /// let base = Arc::new(Encoder::<f32>::random(config, 0.1, Seed::new(1)));
    /// let mut pool = AdapterPool::new(base.clone());
    /// for (name, labels) in [("mood", ["good", "bad"]), ("topic", ["food", "music"])] {
    ///     let adapter = Adapter::on(name, &"seq_bn[leave_out=[0,1,2]]".parse()?, &base, Seed::new(2))?;
    ///     let head = HeadConfig::new(Task::CLASSIFICATION, labels.map(str::to_owned).to_vec());
    ///     pool.add(name, AdapterModel::new(base.clone(), Some(adapter), Head::new(name, &head, &base, Seed::new(3))?))?;
    /// }
    /// let batch = Batch::from_ids(&[&[1, 2, 3], &[4, 5]]);
    /// let logits = pool.parallel(&batch, &["mood", "topic"])?;
    /// assert_eq!(logits[1], pool.logits(&batch, &["topic", "topic"])?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// If an adapter is not loaded, or the base cannot take the batch.
    pub fn parallel(&self, batch: &Batch, names: &[&str]) -> Result<Vec<Vec<Array2<S>>>, PoolError> {
        in_pool(|| self.each(batch, names))
    }

    fn each(&self, batch: &Batch, names: &[&str]) -> Result<Vec<Vec<Array2<S>>>, PoolError> {
        let base = Base::from(&*self.base);
        let members = names.iter().map(|name| self.member(name)).collect::<Result<Vec<_>, _>>()?;
        let lowest: Vec<_> = members.iter().map(|member| lowest_block(base.config(), &member.setup)).collect();
        let below = lowest.iter().copied().flatten().min().filter(|below| *below > 0);
        let state = below.map(|below| base.lower(batch, &(), below, None)).transpose()?;
        let of = |(member, lowest): (&Member<S>, Option<usize>)| {
            let hidden = base.read(
                entry(batch, state.as_ref().filter(|_| lowest.is_some())),
                &member.setup,
                Pass::evaluate(),
                &member.head.selection(),
            )?;
            Ok(member.logits(base, hidden.hidden, batch.layout()))
        };
        members.into_iter().zip(lowest).map(of).collect()
    }
}

/// The upper blocks behind what all have in common, or all of them.
fn entry<'b, S: Scalar>(batch: &'b Batch, state: Option<&State<S>>) -> Entry<'b, S> {
    state.map_or(Entry::Tokens(batch), |state| Entry::State(batch, state.clone()))
}

#[cfg(test)]
mod tests {
    use super::super::tests::{MEMBERS, base, model};
    use super::*;

    #[test]
    fn each_answers_as_it_would_alone_wherever_its_modules_begin() {
        let base = base();
        let mut pool = AdapterPool::new(base.clone());
        let upper = [
            ("upper", "seq_bn[leave_out=[0],reduction_factor=2]", MEMBERS[0].2),
            ("lora", "lora[leave_out=[0]]", MEMBERS[0].2),
        ];
        let all = || MEMBERS.into_iter().chain(upper);
        all().for_each(|member| pool.add(member.0, model(&base, member)).expect("a new name"));
        let batch = Batch::from_ids(&[&[1, 2, 3], &[4], &[5, 6]]);
        for names in [vec!["upper", "lora"], vec!["bare"], vec!["score", "upper", "bare"], all().map(|m| m.0).collect()]
        {
            let found = pool.parallel(&batch, &names).expect("all are loaded");
            for (name, found) in names.iter().zip(&found) {
                assert_eq!(*found, pool.logits(&batch, &[*name; 3]).expect("it is loaded"), "{name} of {names:?}");
            }
        }
        assert!(pool.parallel(&batch, &["uper"]).unwrap_err().to_string().contains("did you mean `upper`?"));
    }

    #[test]
    fn a_stack_in_parallel_answers_as_alone() {
        let base = base();
        let stack = || {
            let below = model(&base, ("upper", "seq_bn[leave_out=[0],reduction_factor=2]", MEMBERS[0].2));
            let below = below.into_parts().0.expect("it has an adapter");
            model(&base, MEMBERS[0]).upon(vec![below.into()]).expect("one may stand upon the other")
        };
        let mut pool = AdapterPool::new(base.clone());
        pool.add("stack", stack()).expect("a new name");
        pool.add("alone", model(&base, MEMBERS[0])).expect("a new name");
        let batch = Batch::from_ids(&[&[1, 2, 3], &[4], &[5, 6]]);
        for names in [["stack", "alone"], ["alone", "stack"]] {
            let found = pool.parallel(&batch, &names).expect("both are loaded");
            let of_stack = &found[names.iter().position(|name| *name == "stack").expect("it is there")];
            for (sequence, found) in [&[1, 2, 3][..], &[4], &[5, 6]].into_iter().zip(of_stack) {
                assert_eq!(*found, stack().logits(&Batch::from_ids(&[sequence])).expect("a good batch"));
            }
        }
    }
}
