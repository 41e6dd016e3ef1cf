pub mod command;
pub mod question;
pub mod snapshot;
pub mod trouble;
