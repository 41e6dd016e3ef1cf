//! How fast this computer's line to its network is. Whether it is wireless is known with its networks (`net::interfaces`).

use std::path::Path;

/// The line, as far as the system tells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Link {
    /// What the fastest interface in use carries, in bytes a second.
    pub bytes_per_s: Option<u64>,
}

impl Link {
    /// Of the interfaces in use, by their names. Linux tells; elsewhere nothing is known.
    pub fn of(interfaces: &[String]) -> Link {
        Link::under(Path::new("/sys/class/net"), interfaces)
    }

    fn under(devices: &Path, interfaces: &[String]) -> Link {
        // A name with a separator would lead elsewhere.
        let plain = |name: &&String| !name.is_empty() && !name.contains(['/', '\\']) && *name != "..";
        let folders: Vec<_> = interfaces.iter().filter(plain).map(|name| devices.join(name)).collect();
        let speed = |folder: &std::path::PathBuf| {
            let megabits: u64 = std::fs::read_to_string(folder.join("speed")).ok()?.trim().parse().ok()?;
            megabits.checked_mul(125_000).filter(|speed| *speed > 0)
        };
        Link { bytes_per_s: folders.iter().filter_map(speed).max() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_as_fast_as_its_fastest_interface() {
        let devices = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(devices.path().join("wlan0")).unwrap();
        std::fs::create_dir_all(devices.path().join("eth0")).unwrap();
        std::fs::write(devices.path().join("eth0/speed"), "1000\n").unwrap();
        std::fs::write(devices.path().join("wlan0/speed"), "-1\n").unwrap();
        let of = |names: &[&str]| {
            Link::under(devices.path(), &names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>())
        };

        assert_eq!(of(&["wlan0"]), Link { bytes_per_s: None });
        assert_eq!(of(&["wlan0", "eth0"]), Link { bytes_per_s: Some(125_000_000) });
        assert_eq!(of(&["", "..", "../wlan0", "gone"]), Link::default());
        assert_eq!(of(&[]), Link::default());
    }
}
