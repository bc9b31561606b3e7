//! What the Raft leader alone decides: which nodes there are, when the first of them are complete, which peer delivers
//! to which node, which copies searches use and tasks wait for, and when a change of names or settings is done.
//!
//! One level-triggered loop reads the state, observes the world, plans and proposes. It only proposes: what follows from
//! the state is done by lanes. [`plan`] is a pure function, so what it would do can be asked without doing it.
//!
//! Where copies of shards go, and moving them, will be planned here too.

mod adopt;
mod adoptions;
mod copies;
mod founding;
mod patience;
mod plan;
mod run;
mod show;

pub use adopt::{AdoptError, ConfiguredNode, adopt};
pub use copies::Policy;
pub use plan::{Observed, plan};
pub use run::{World, run};
