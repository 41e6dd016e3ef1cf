//! Which firewalls are switched on, as far as the system tells everybody. Only looks; changes nothing.

use std::{fs, path::Path};

/// Their names, as people know them.
pub fn active() -> Vec<String> {
    if cfg!(target_os = "windows") {
        // It is on unless somebody switched it off, which only an administrator can ask.
        return vec!["Windows Defender Firewall".to_owned()];
    }
    active_under(Path::new("/"))
}

fn active_under(root: &Path) -> Vec<String> {
    let enabled = |text: String| text.lines().any(|line| line.trim().eq_ignore_ascii_case("ENABLED=yes"));
    let ufw = fs::read_to_string(root.join("etc/ufw/ufw.conf")).is_ok_and(enabled);
    let firewalld = ["run/firewalld", "run/firewalld.pid"].iter().any(|mark| root.join(mark).exists());
    let all = [("ufw", ufw), ("firewalld", firewalld)];
    all.into_iter().filter(|(_, on)| *on).map(|(name, _)| name.to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_firewall_that_is_installed_and_off_is_not_active() {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir_all(root.path().join("etc/ufw")).unwrap();
        fs::create_dir_all(root.path().join("run")).unwrap();
        fs::write(root.path().join("etc/ufw/ufw.conf"), "# ENABLED=yes\nENABLED=no\n").unwrap();
        assert!(active_under(root.path()).is_empty());

        fs::write(root.path().join("etc/ufw/ufw.conf"), "ENABLED=yes\n").unwrap();
        fs::write(root.path().join("run/firewalld.pid"), "1").unwrap();

        assert_eq!(active_under(root.path()), ["ufw", "firewalld"]);
    }
}
