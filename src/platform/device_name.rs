//! The name others see before a person has given one: the computer's host name.

/// How long a name may be, in bytes; a host name's label has no more (RFC 1035 §2.3.4).
pub const MAX_NAME_BYTES: usize = 63;

/// The first label of the host name, or "Computer" where there is none.
pub fn device_name() -> String {
    readable(&gethostname::gethostname().to_string_lossy())
}

fn readable(host: &str) -> String {
    let label = host.split('.').next().unwrap_or_default();
    let mut name: String = label.chars().filter(|c| !c.is_control()).collect();
    while name.len() > MAX_NAME_BYTES {
        name.pop();
    }
    if name.trim().is_empty() { "Computer".to_owned() } else { name.trim().to_owned() }
}

#[cfg(test)]
mod tests {
    use super::readable;

    #[test]
    fn a_host_name_loses_its_domain_and_what_can_t_be_shown() {
        assert_eq!(readable("lab-07.school.example"), "lab-07");
        assert_eq!(readable("lab\u{7}-07\n"), "lab-07");
        assert_eq!(readable(""), "Computer");
        assert_eq!(readable(".local"), "Computer");
    }

    #[test]
    fn a_long_name_is_cut_between_characters() {
        let name = readable(&"é".repeat(100));

        assert_eq!(name.len(), 62);
    }
}
