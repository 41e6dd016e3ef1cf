use crate::engine::{shell::Shell, task::Keep};
pub fn remember(_shell: &Shell, _keep: Keep) {}
