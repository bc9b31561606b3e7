//! The replicated state: commands, apply, invariants and the port to it.
