//! All SQL, one file a table.

pub mod given;
pub mod options;
pub mod peers;
pub mod shares;
