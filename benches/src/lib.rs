//! Criterion benches of adaptune: `cargo bench -p adaptune-benches`.
