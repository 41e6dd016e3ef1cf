//! Tests that need root for network namespaces or mounts, for people who are not root.

use std::process::Command;

/// Whether the test ran elsewhere, and is done here: where we are not root, it runs again as root of user, mount and
/// network namespaces of its own, and fails here if it fails there.
///
/// `module`: the caller's `module_path!()`; `test`: its own name.
pub fn instead(module: &str, test: &str) -> bool {
    if rustix::process::geteuid().is_root() {
        return false;
    }
    // Cargo's name of the binary is the first part of the module's path, and not of the test's name.
    let name = format!("{}::{test}", module.split_once("::").map_or(module, |(_, inner)| inner));
    let done = Command::new("unshare")
        .args(["--user", "--map-root-user", "--mount", "--net", "--"])
        // Names of network namespaces are kept below /run, which belongs to the real root.
        .args(["sh", "-c", "mount -t tmpfs tmpfs /run && exec \"$0\" --exact \"$1\" --nocapture"])
        .arg(std::env::current_exe().unwrap())
        .arg(&name)
        .output()
        .expect("unshare is a part of util-linux");
    let said = String::from_utf8_lossy(&done.stdout);
    let errors = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "as root of a namespace (or run the tests as root):\n{said}\n{errors}");
    assert!(said.contains("1 passed"), "{name} was found: {said}");
    true
}
