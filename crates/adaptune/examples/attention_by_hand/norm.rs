//! A layer norm of one row.

use super::by_hand::{assert_close, compare, label, number, show, tape};
use adaptune::autograd::Tape;
use adaptune::tensor::ndarray::{Array1, Array2, Axis, arr1, arr2};
use adaptune::tensor::{layer_norm, layer_norm_input_backward, layer_norm_parameters_backward};
use std::error::Error;

/// A row whose mean is 1 and whose deviation is 5.
struct Norm {
    x: Array2<f64>,
    w: Array1<f64>,
    b: Array1<f64>,
}

/// Of `x`, `w` and `b`.
type Gradients = (Array2<f64>, Array1<f64>, Array1<f64>);

pub(super) fn run() -> Result<(), Box<dyn Error>> {
    let norm =
        Norm { x: arr2(&[[-6.0, 0.0, 2.0, 8.0]]), w: arr1(&[1.0, 2.0, 0.5, -1.0]), b: arr1(&[0.5, 0.0, -1.0, 0.25]) };
    let (mean, deviation) = norm.statistics();
    let normalised = (&norm.x - mean) / deviation;
    println!("\n[norm-forward]");
    show("x", &norm.x);
    println!("μ          {}", number(mean));
    println!("σ          {}", number(deviation));
    show("x̂", &normalised);
    show("w", &norm.w);
    show("b", &norm.b);
    show("y", &(&normalised * &norm.w + &norm.b));
    norm.backward(&normalised, &arr2(&[[1.0, -1.0, 2.0, -3.0]]))
}

impl Norm {
    fn statistics(&self) -> (f64, f64) {
        let mean = self.x.sum() / self.x.len() as f64;
        let variance = self.x.mapv(|x| (x - mean) * (x - mean)).sum() / self.x.len() as f64;
        (mean, variance.sqrt())
    }

    fn backward(&self, normalised: &Array2<f64>, d_y: &Array2<f64>) -> Result<(), Box<dyn Error>> {
        println!("\n[norm-backward]");
        let (_, deviation) = self.statistics();
        let mean = |row: &Array2<f64>| row.sum() / row.len() as f64; // there is one row
        // ANCHOR: norm-backward
        let g = d_y * &self.w;
        let d_x = (&g - mean(&g) - normalised * mean(&(&g * normalised))) / deviation;
        let d_w = (d_y * normalised).sum_axis(Axis(0));
        let d_b = d_y.sum_axis(Axis(0));
        // ANCHOR_END: norm-backward
        show("d_y", d_y);
        show("g", &g);
        println!("mean(g)    {}", number(mean(&g)));
        println!("{} {}", label("mean(g x̂)"), number(mean(&(&g * normalised))));
        let (tape_x, tape_w, tape_b) = self.on_tape(d_y)?;
        compare("d_x", &d_x, &tape_x);
        compare("d_w", &d_w, &tape_w);
        compare("d_b", &d_b, &tape_b);
        println!("Σ d_x      {}", number(d_x.sum()));
        println!("{} {}", label("Σ d_x x̂"), number((&d_x * normalised).sum()));
        self.held_against_the_library(d_y, [&d_w, &d_b], &d_x);
        Ok(())
    }

    fn on_tape(&self, d_y: &Array2<f64>) -> Result<Gradients, Box<dyn Error>> {
        let tape = Tape::new();
        let (x, w, b) = (tape.variable(self.x.clone()), tape.variable(self.w.clone()), tape.variable(self.b.clone()));
        let mut gradients = tape::weighted(&tape::layer_norm(&x, &w, &b), d_y).backward()?;
        Ok((tape::take(&mut gradients, &x)?, tape::take(&mut gradients, &w)?, tape::take(&mut gradients, &b)?))
    }

    fn held_against_the_library(&self, d_y: &Array2<f64>, [d_w, d_b]: [&Array1<f64>; 2], d_x: &Array2<f64>) {
        let (_, trace) = layer_norm(self.x.clone(), self.w.view(), Some(self.b.view()), 0.0, true);
        let trace = trace.expect("it was asked for");
        let (library_w, library_b) = layer_norm_parameters_backward(&trace, d_y.view());
        assert_close("d_w", d_w, &library_w);
        assert_close("d_b", d_b, &library_b);
        assert_close("d_x", d_x, &layer_norm_input_backward(&trace, self.w.view(), d_y.clone()));
    }
}
