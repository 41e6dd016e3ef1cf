pub mod control;
pub mod link;
