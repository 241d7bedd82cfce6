//! One class that is predicted above a threshold, where the most probable one is not what is wanted.

use super::argmax::argmax;
use adaptune_tensor::Scalar;
use ndarray::ArrayView1;

/// A class that is predicted wherever its probability is above a threshold; elsewhere the most probable of the others is.
///
/// Where one class is rare, or one kind of mistake is dear, the most probable class is the wrong question to ask.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ClassThreshold {
    /// The class.
    pub class: usize,
    /// Its threshold, between 0 and 1.
    pub probability: f64,
}

impl ClassThreshold {
    /// The class that logits, `[C]`, are for. NaN is never the largest.
    ///
    /// ```
    /// use adaptune_train::supervision::ClassThreshold;
    /// use ndarray::aview1;
    /// let rare = ClassThreshold { class: 1, probability: 0.2 };
    /// assert_eq!(rare.predicted(aview1(&[1.0, 0.0])), 1); // a probability of 0.27
    /// assert_eq!(rare.predicted(aview1(&[2.0, 0.0])), 0); // 0.12
    /// ```
    #[must_use]
    pub fn predicted<S: Scalar>(&self, logits: ArrayView1<'_, S>) -> usize {
        if self.is_exceeded(logits) {
            return self.class;
        }
        let others: Vec<(usize, S)> =
            logits.iter().copied().enumerate().filter(|(class, _)| *class != self.class).collect();
        let best = argmax(ArrayView1::from(&others.iter().map(|(_, logit)| *logit).collect::<Vec<S>>()));
        others.get(best).map_or(self.class, |(class, _)| *class)
    }

    /// True if the softmax of logits is above the threshold at the class.
    fn is_exceeded<S: Scalar>(&self, logits: ArrayView1<'_, S>) -> bool {
        let Some(own) = logits.get(self.class).map(|logit| logit.to_f64()) else { return false };
        let sum: f64 = logits.iter().map(|logit| (logit.to_f64() - own).exp()).sum();
        1.0 / sum > self.probability
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn the_class_is_predicted_above_its_threshold_and_the_best_of_the_others_elsewhere() {
        let predicted = |class, probability, logits: [f64; 3]| {
            ClassThreshold { class, probability }.predicted(array![logits[0], logits[1], logits[2]].view())
        };
        // Probabilities of 0.665, 0.245 and 0.090.
        let logits = [2.0, 1.0, 0.0];
        assert_eq!([predicted(2, 0.08, logits), predicted(2, 0.1, logits), predicted(0, 0.7, logits)], [2, 0, 1]);
        assert_eq!(predicted(0, 0.5, [900.0, -900.0, 0.0]), 0);
        assert_eq!(predicted(1, 0.5, [f64::NAN, 3.0, 4.0]), 2, "what is no probability is above no threshold");
        assert_eq!(ClassThreshold { class: 0, probability: 0.5 }.predicted(array![1.0f32].view()), 0);
    }
}
