//! Gradient clipping (Pascanu, Mikolov and Bengio, *On the difficulty of training recurrent neural networks*, 2013).

use adaptune_tensor::{Gradients, Scalar};

/// Keeps a division by a norm of zero finite, as `torch.nn.utils.clip_grad_norm_` does.
const EPSILON: f64 = 1e-6;

/// Scales all gradients by one factor so that their common Euclidean norm is at most `max_norm`;
/// returns the norm that they had.
///
/// The factor is `max_norm / (norm + 1e-6)`, applied only below 1. Gradients whose norm is not
/// finite stay as they are: no factor mends them, and the caller sees it in the returned norm.
///
/// # Panics
/// If `max_norm` is not positive.
///
/// ```
/// use adaptune_tensor::{Gradients, Kind, Parameter, Parameters};
/// use adaptune_train::clip_by_global_norm;
/// use ndarray::arr1;
///
/// let mut w = Parameter::new(Kind::Weight, arr1(&[0.0_f64, 0.0]));
/// w.train_from(0);
/// let mut gradients = Gradients::new();
/// gradients.add(&w, arr1(&[3.0, -4.0]));
/// assert_eq!(clip_by_global_norm(&mut gradients, 1.0), 5.0);
/// assert!((gradients.norm() - 1.0).abs() < 1e-6);
/// ```
pub fn clip_by_global_norm<S: Scalar>(gradients: &mut Gradients<S>, max_norm: f64) -> f64 {
    assert!(max_norm > 0.0, "the largest norm must be positive, but is {max_norm}");
    let norm = gradients.norm();
    let factor = max_norm / (norm + EPSILON);
    if norm.is_finite() && factor < 1.0 {
        gradients.scale(S::from_f64(factor));
    }
    norm
}

#[cfg(test)]
mod tests {
    use super::*;
    use adaptune_tensor::{AnyParameter, Kind, Parameter, Slot};
    use ndarray::{Array1, arr1};
    use proptest::prelude::*;

    /// Gradients of slots 3, 0, ... in this order.
    fn gradients(arrays: &[&[f64]]) -> Gradients<f64> {
        let mut gradients = Gradients::new();
        for (array, slot) in arrays.iter().zip([3, 0]) {
            let mut parameter = Parameter::new(Kind::Weight, Array1::zeros(array.len()));
            parameter.set_slot(Some(Slot(slot)));
            gradients.add(&parameter, arr1(array));
        }
        gradients
    }

    fn values(gradients: &Gradients<f64>) -> Vec<f64> {
        gradients.iter().flat_map(|(_, g)| g.to_vec()).collect()
    }

    /// torch 2.15, `clip_grad_norm_` in float64.
    #[test]
    fn clipping_matches_torch() {
        let mut g = gradients(&[&[1.5, -2.25, 0.5], &[-0.75, 3.0, 0.125]]);
        assert!((clip_by_global_norm(&mut g, 0.7) - 4.140123790419799).abs() < 1e-14);
        let expected = [
            -0.12680777188524459,
            0.5072310875409783,
            0.021134628647540763,
            0.25361554377048917,
            -0.38042331565573373,
            0.08453851459016305,
        ];
        assert!(values(&g).iter().zip(expected).all(|(f, e)| (f - e).abs() < 1e-15), "{g:?}");
    }

    #[test]
    fn a_norm_that_is_not_finite_is_returned_and_nothing_scaled() {
        for broken in [f64::INFINITY, f64::NAN] {
            let mut g = gradients(&[&[1.5, broken], &[-7.25]]);
            let norm = clip_by_global_norm(&mut g, 0.5);
            assert!(!norm.is_finite());
            assert_eq!(values(&g)[..2], [-7.25, 1.5]);
        }
    }

    #[test]
    #[should_panic(expected = "the largest norm must be positive, but is 0")]
    fn a_limit_of_zero_is_refused() {
        clip_by_global_norm(&mut gradients(&[&[1.5]]), 0.0);
    }

    proptest! {
        #[test]
        fn the_norm_ends_within_the_limit_and_the_direction_stays(
            a in proptest::collection::vec(-9.0..9.0, 1..5),
            b in proptest::collection::vec(-9.0..9.0, 1..5),
            limit in 0.01..20.0,
        ) {
            let mut g = gradients(&[&a, &b]);
            let before = values(&g);
            let norm = clip_by_global_norm(&mut g, limit);
            prop_assert!(g.norm() <= limit);
            if norm <= limit - 1e-6 {
                prop_assert_eq!(values(&g), before);
            } else {
                for (after, before) in values(&g).iter().zip(before) {
                    prop_assert!((after * norm / limit - before).abs() < 1e-3 * before.abs());
                }
            }
        }
    }
}
