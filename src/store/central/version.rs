//! What a form was filled in from, so that an older form never overwrites what somebody else changed meanwhile.
//!
//! A page puts the version of what it shows into its form, and the form is compared with what stands there within the
//! [`Change`](super::Change) that writes. Changes come one after another, on PostgreSQL too (each holds the end of the
//! audit log until its end), so nothing comes between the comparison and the writing.

use std::fmt;

use super::CentralError;

/// Stands for the values that a form shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version(String);

impl Version {
    /// Other values, or the same in another order, have another version.
    pub fn of<T: AsRef<str>>(values: impl IntoIterator<Item = T>) -> Version {
        let mut hasher = blake3::Hasher::new();
        for value in values {
            let value = value.as_ref();
            hasher.update(&(value.len() as u64).to_le_bytes()).update(value.as_bytes());
        }
        Version(hasher.finalize().to_hex()[..16].to_owned())
    }

    /// Fails where a form was filled in from other values than these. `sent`: what the form carries; a program that sends
    /// none (`""`) changes whatever stands there. `what`: `account`.
    pub fn expect(&self, sent: &str, what: &'static str) -> Result<(), CentralError> {
        if sent.is_empty() || sent == self.0 { Ok(()) } else { Err(CentralError::Changed { what }) }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_same_values_have_the_same_version() {
        let version = Version::of(["ann", "teacher"]);
        assert!(version.expect(&Version::of(["ann", "teacher"]).to_string(), "account").is_ok());
        assert!(version.expect("", "account").is_ok());
        for other in [Version::of(["annteacher"]), Version::of(["ann", "", "teacher"]), Version::of(["teacher", "ann"])]
        {
            assert!(matches!(
                version.expect(&other.to_string(), "account"),
                Err(CentralError::Changed { what: "account" })
            ));
        }
    }
}
