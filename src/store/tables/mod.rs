//! All SQL, one file a table.

pub mod peers;
pub mod shares;
