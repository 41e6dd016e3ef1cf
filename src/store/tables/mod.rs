//! All SQL, one file a table.

pub mod options;
pub mod peers;
pub mod shares;
