use crate::engine::shell::Shell;
pub async fn restore(_shell: Shell) {}
