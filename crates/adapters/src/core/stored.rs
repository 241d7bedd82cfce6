//! How an array stands in a weights file: under which names, and in which form.

use crate::core::householder::refactored;
use adaptune_tensor::Scalar;
use ndarray::{ArrayD, ArrayViewD, Axis, Ix1, Ix2};

/// Names and form of an array in a weights file.
#[derive(Clone, Debug, PartialEq)]
pub struct Stored {
    /// Its names without the model's prefix. It is written under all of them; the first that is there is read.
    pub names: Vec<String>,
    /// Names that end so are the same array once more: read if there is no other, else passed over, and never written.
    pub ending: Option<String>,
    /// The name of a second array that the form needs, without the model's prefix.
    pub beside: Option<String>,
    /// Its form.
    pub form: Form,
}

/// What a file makes of an array.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Form {
    /// Nothing: it stands there as it is.
    Same,
    /// `[N]` as `[N, 1]`.
    Column,
    /// `[N]` as `[1, N]`.
    Row,
    /// `[N]` as `[rows, N / rows]`, row by row.
    Table {
        /// How many.
        rows: usize,
    },
    /// Every number times this one, which is not 0.
    Times(f64),
    /// `[N]` as the diagonal of an `[N, N]` that is zero elsewhere.
    Diagonal,
    /// `[R, D]` that stands for orthonormal rows, and beside it an orthogonal `[D, D]` that these are multiplied by. It is
    /// written as `I`; another one is taken into the array when it is read.
    Frame,
}

impl Stored {
    /// An array that stands there as it is.
    #[must_use]
    pub fn same(name: impl Into<String>) -> Self {
        Self::under([name.into()])
    }

    /// The same under several names.
    #[must_use]
    pub fn under(names: impl IntoIterator<Item = String>) -> Self {
        Self { names: names.into_iter().collect(), ending: None, beside: None, form: Form::Same }
    }

    /// The same, and perhaps it stands there again under names that end so.
    #[must_use]
    pub fn also_ending(self, ending: String) -> Self {
        Self { ending: Some(ending), ..self }
    }

    /// The same with a second array, which the form needs.
    #[must_use]
    pub fn beside(self, name: String) -> Self {
        Self { beside: Some(name), ..self }
    }

    /// The same in another form.
    #[must_use]
    pub fn as_form(self, form: Form) -> Self {
        Self { form, ..self }
    }
}

impl Form {
    /// The shape in the file of an array of this shape.
    pub(crate) fn shape(self, shape: &[usize]) -> Vec<usize> {
        match self {
            Self::Same | Self::Times(_) | Self::Frame => shape.to_vec(),
            Self::Column => [shape, &[1]].concat(),
            Self::Row => [&[1], shape].concat(),
            Self::Table { rows } => vec![rows, shape.iter().product::<usize>() / rows],
            Self::Diagonal => [shape, shape].concat(),
        }
    }

    /// The array as the file has it.
    ///
    /// # Panics
    /// If a diagonal is no vector, or the rows of a table do not divide it.
    pub(crate) fn write<S: Scalar>(self, array: ArrayViewD<'_, S>) -> ArrayD<S> {
        match self {
            Self::Same | Self::Frame => array.to_owned(),
            Self::Times(factor) => array.mapv(|v| v * S::from_f64(factor)),
            Self::Column => array.to_owned().insert_axis(Axis(array.ndim())),
            Self::Row => array.to_owned().insert_axis(Axis(0)),
            Self::Table { .. } => {
                let shape = self.shape(array.shape());
                ArrayD::from_shape_vec(shape, array.iter().copied().collect()).expect("rows divide the numbers")
            }
            Self::Diagonal => {
                let vector = array.into_dimensionality::<Ix1>().expect("a diagonal is a vector");
                ndarray::Array2::from_diag(&vector).into_dyn()
            }
        }
    }

    /// What is written beside an array of this shape.
    pub(crate) fn write_beside<S: Scalar>(self, shape: &[usize]) -> ArrayD<S> {
        ndarray::Array2::eye(shape[shape.len() - 1]).into_dyn()
    }

    /// The array from what the file has and what it has beside it.
    pub(crate) fn read_with<S: Scalar>(self, array: ArrayD<S>, beside: ArrayD<S>) -> Result<ArrayD<S>, &'static str> {
        let matrices = (array.into_dimensionality::<Ix2>(), beside.into_dimensionality::<Ix2>());
        let (Ok(array), Ok(base)) = matrices else { return Err("and its base must be matrices") };
        if base.dim() != (array.ncols(), array.ncols()) || array.nrows() >= array.ncols() {
            return Err("has a base of another size than its columns");
        }
        if array.diag().iter().any(|sign| sign.abs() != S::one()) {
            return Err("has numbers other than 1 and −1 on its diagonal: PyTorch makes rows of zeros of them");
        }
        Ok(refactored(array.view(), base.view()).into_dyn())
    }

    /// The array from what the file has, whose shape is that of [`Form::shape`].
    pub(crate) fn read<S: Scalar>(self, array: ArrayD<S>) -> Result<ArrayD<S>, &'static str> {
        match self {
            Self::Same | Self::Column | Self::Row | Self::Table { .. } | Self::Frame => return Ok(array),
            Self::Times(factor) => return Ok(array.mapv(|v| v / S::from_f64(factor))),
            Self::Diagonal => {}
        }
        let off_diagonal = array.indexed_iter().any(|(at, v)| at[0] != at[1] && *v != S::zero());
        if off_diagonal {
            return Err("is a full matrix, but the method has a diagonal there: values beside it would be lost");
        }
        Ok(array.diag().to_owned().into_dyn())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{arr1, arr2};

    #[test]
    fn what_is_written_is_read() {
        let vector = arr1(&[2.0, 0.0, -3.0]).into_dyn();
        for form in [Form::Same, Form::Column, Form::Row, Form::Table { rows: 3 }, Form::Diagonal, Form::Times(0.25)] {
            let written = form.write(vector.view());
            assert_eq!(written.shape(), form.shape(&[3]));
            assert!(form.read(written).expect("written here").iter().eq(&vector), "{form:?}");
        }
        assert_eq!(
            Form::Diagonal.write(arr1(&[1.0, 2.0]).into_dyn().view()),
            arr2(&[[1.0, 0.0], [0.0, 2.0]]).into_dyn()
        );
    }

    #[test]
    fn nothing_beside_a_diagonal_is_lost_in_silence() {
        let full = arr2(&[[1.0, 0.0], [1e-9, 2.0]]).into_dyn();
        assert!(Form::Diagonal.read(full).unwrap_err().contains("full matrix"));
    }

    #[test]
    fn a_frame_needs_signs_and_a_square_base() {
        let frame = arr2(&[[-1.0, 0.5, 0.2], [0.0, 1.0, -0.7]]).into_dyn();
        let eye = Form::Frame.write_beside(frame.shape());
        assert_eq!(Form::Frame.read_with(frame.clone(), eye.clone()).expect("as it is"), frame);
        let error = |frame, base| Form::Frame.read_with::<f64>(frame, base).unwrap_err();
        assert!(error(frame.mapv(|v| v * 0.9999), eye.clone()).contains("on its diagonal"), "weight decay made it so");
        assert!(error(frame.clone(), arr2(&[[1.0, 0.0], [0.0, 1.0]]).into_dyn()).contains("another size"));
        assert!(error(arr1(&[1.0]).into_dyn(), eye).contains("must be matrices"));
    }
}
