//! Searching for an adapter's architecture: which configurations are tried, for how long, and which of them are worth having.
//!
//! Nothing here trains, reads a file or prints. A [`Search`] says which trainings are due ([`Search::progress`]), given the scores
//! of those that have ended. Whoever runs them, in whatever order and on however many machines, comes to the same trainings,
//! because every choice is a function of the seed, the number of a trial and the scores; where scores are equal the smaller loss
//! decides, and then the smaller number.
//!
//! | file | |
//! |---|---|
//! | `limit.rs` | how many numbers an adapter may train |
//! | `space.rs`, `notation.rs` | what may be chosen, and how that is written |
//! | `candidate.rs` | one choice: a configuration string and a learning rate |
//! | `draw.rs`, `mutation.rs`, `presets.rs` | where candidates come from: by chance, from another one, from the registry |
//! | `plan.rs` | how many trainings of how many epochs, fixed before the first of them |
//! | `score.rs`, `course.rs` | which trainings are next |
//! | `front.rs` | which adapters no smaller one equals |
//!
//! ```
//! use adaptune_train::search::{Limit, Plan, Results, Score, Search, Space, Strategy};
//! use adaptune_transformer::Config;
//!
//! let model = Config::bert(64, 4, 4, 256);
//! let space = Space::usual(&model, 1e-3);
//! let plan = Plan::new(Strategy::Evolution, 20, 9);
//! let most = Limit::Share(0.01).most(model.parameter_count() as u64);
//! let search = Search::new(space, &model, most, plan, 7)?;
//!
//! // In the place of a training: the more numbers, the better.
//! let mut results = Results::new();
//! loop {
//!     let progress = search.progress(&results);
//!     for training in &progress.next {
//!         let size = progress.trials[training.trial].parameters as f64;
//!         results.insert((training.trial, training.rung), Score { merit: size * training.epochs as f64, loss: 0.0 });
//!     }
//!     if progress.next.is_empty() {
//!         break;
//!     }
//! }
//! let trials = search.progress(&results).trials;
//! assert!(trials.iter().all(|trial| trial.parameters <= most));
//! # Ok::<(), adaptune_train::search::SearchError>(())
//! ```

mod candidate;
mod course;
mod draw;
mod error;
mod front;
mod limit;
mod mutation;
mod notation;
mod plan;
mod presets;
mod score;
mod space;

pub use course::{Origin, Progress, Search, Training, Trial};
pub use error::SearchError;
pub use front::front;
pub use limit::Limit;
pub use plan::{Plan, Strategy};
pub use score::{Results, Score};
pub use space::{SearchedMethod, Space};
