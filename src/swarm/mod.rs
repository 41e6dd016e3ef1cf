//! One share's transfer, as a state machine: whom to ask for which piece, and when.

pub mod effect;
pub mod input;

/// How a [`Swarm`] behaves; the same for all transfers of a program.
#[derive(Clone, Debug)]
pub struct Limits {}
