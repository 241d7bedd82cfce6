//! What is counted of operations. A program of its own, since there is one counter for a process.
#![cfg(feature = "profile")]

use adaptune_tensor::profile::{self, Work};
use adaptune_tensor::{Activation, matmul};
use ndarray::Array2;

#[test]
fn operations_are_counted_by_name_and_shape_and_their_parts_are_not() {
    let (a, b) = (Array2::<f32>::ones((17, 3)), Array2::ones((3, 29)));
    profile::start();
    for _ in 0..2 {
        let _whole = profile::span("whole", &[17], || Work::moving::<f32>(5));
        let _ = matmul(a.view(), b.view());
    }
    let _ = (matmul(a.view(), b.view()), matmul(b.t(), a.t()));
    let counted: Vec<_> = profile::stop().into_iter().map(|e| (e.name, e.shape, e.calls, e.work)).collect();
    let product = |m, n| ("product", vec![m, 3, n], 1, Work { operations: 2958.0, bytes: 2524.0 });
    let whole = ("whole", vec![17], 2, Work { operations: 0.0, bytes: 40.0 });
    assert_eq!(counted, [whole, product(17, 29), product(29, 17)]);
    let _ = (matmul(a.view(), b.view()), Activation::Gelu.forward(a));
    assert_eq!(profile::stop(), [], "nothing is counted behind the end");
}
