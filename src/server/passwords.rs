//! Passwords: Argon2id with OWASP's least parameters (19 MiB, 2 passes, 1 lane), a few at a time.

use std::sync::Arc;

use argon2::{
    Algorithm, Argon2, Params, Version,
    password_hash::{PasswordHasher as _, PasswordVerifier as _, phc::PasswordHash},
};
use tokio::sync::Semaphore;

use super::{problem::Problem, tokens};

const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
/// So many hashes at once take 76 MiB and no more; who comes later waits in line.
const AT_ONCE: usize = 4;
/// Longer lines are turned away.
const WAITING_MAX: usize = 64;
pub(super) const LETTERS_MIN: usize = 8;
const BYTES_MAX: usize = 256;

/// Hashes and checks on threads that may block.
pub(crate) struct Hashing {
    places: Arc<Semaphore>,
    line: Arc<Semaphore>,
}

impl Default for Hashing {
    fn default() -> Hashing {
        Hashing { places: Arc::new(Semaphore::new(AT_ONCE)), line: Arc::new(Semaphore::new(WAITING_MAX)) }
    }
}

/// What came of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Checked {
    Right,
    /// Right, and hashed with weaker parameters than are used by now.
    RightButWeak,
    Wrong,
}

impl Hashing {
    /// Passwords that wait to be hashed, or are being hashed.
    pub fn waiting(&self) -> usize {
        WAITING_MAX.saturating_sub(self.line.available_permits())
    }

    /// The hash of a new password, in PHC form.
    pub async fn hash(&self, password: &str) -> Result<String, Problem> {
        let password = password.to_owned();
        self.work(move || hash(&password)).await?.map_err(|error| Problem::internal(&error))
    }

    /// Checks a password. Without a hash it takes as long, and is wrong: nobody learns which accounts there are.
    pub async fn check(&self, password: &str, hash: Option<&str>) -> Result<Checked, Problem> {
        let (password, hash) = (password.to_owned(), hash.map(str::to_owned));
        self.work(move || check(&password, hash.as_deref())).await
    }

    async fn work<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Problem> {
        let _waiting = self.line.try_acquire().map_err(|_| Problem::busy(2))?;
        let place = self.places.clone().acquire_owned().await.map_err(|error| Problem::internal(&error))?;
        let done = tokio::task::spawn_blocking(move || {
            let _place = place;
            work()
        });
        done.await.map_err(|error| Problem::internal(&error))
    }
}

/// Whether a new password can be taken. Length is what counts (NIST SP 800-63B §5.1.1).
pub(super) fn acceptable(password: &str, name: &str) -> Result<(), Problem> {
    if password.chars().count() < LETTERS_MIN {
        return Err(Problem::invalid("The password needs at least 8 characters."));
    }
    if password.len() > BYTES_MAX {
        return Err(Problem::invalid("The password is too long."));
    }
    let parts: Vec<&str> = name.split(['.', '-', '_', '@']).chain([name, "handout", "passwort", "schule"]).collect();
    // What a guesser finds within 10^6 tries, which a patient one makes.
    if zxcvbn::zxcvbn(password, &parts).score() < zxcvbn::Score::Two {
        return Err(Problem::invalid("This password is too easy to guess. A few words in a row are better."));
    }
    Ok(())
}

fn argon2() -> Argon2<'static> {
    let params = Params::new(MEMORY_KIB, PASSES, 1, None).unwrap_or_default();
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

/// The hash of a password in PHC form. Takes some 20 ms of one core.
pub(super) fn hash(password: &str) -> Result<String, argon2::password_hash::Error> {
    let salt = tokens::random::<16>();
    let hash: argon2::password_hash::phc::PasswordHash =
        argon2().hash_password_with_salt(password.as_bytes(), &salt)?;
    Ok(hash.to_string())
}

fn check(password: &str, hash: Option<&str>) -> Checked {
    let parsed = hash.and_then(|hash| PasswordHash::new(hash).ok());
    let Some(parsed) = parsed else {
        self::hash(password).ok();
        return Checked::Wrong;
    };
    if argon2().verify_password(password.as_bytes(), &parsed).is_err() {
        return Checked::Wrong;
    }
    let weak =
        Params::try_from(&parsed).map_or(true, |params| params.m_cost() < MEMORY_KIB || params.t_cost() < PASSES);
    if weak { Checked::RightButWeak } else { Checked::Right }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_checked_against_its_hash_and_nothing_else_passes() {
        let hashed = hash("correct horse").unwrap();
        assert!(hashed.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hashed}");
        assert_eq!(check("correct horse", Some(&hashed)), Checked::Right);
        assert_eq!(check("correct horsf", Some(&hashed)), Checked::Wrong);
        assert_eq!(check("", Some(&hashed)), Checked::Wrong);
        assert_eq!(check("correct horse", None), Checked::Wrong);
        assert_eq!(check("correct horse", Some("plain")), Checked::Wrong);
        assert_ne!(hash("correct horse").unwrap(), hashed, "each has its own salt");
    }

    #[test]
    fn a_hash_of_weaker_parameters_is_told() {
        let params = Params::new(8 * 1024, 1, 1, None).unwrap();
        let weak = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let hashed: argon2::password_hash::phc::PasswordHash =
            weak.hash_password_with_salt(b"correct horse", &[1; 16]).unwrap();
        assert_eq!(check("correct horse", Some(&hashed.to_string())), Checked::RightButWeak);
    }

    #[test]
    fn passwords_that_anybody_would_try_are_refused() {
        for bad in ["", "short", "password", "PASSWORD", "aaaaaaaaaa", "ann.smith"] {
            assert!(acceptable(bad, "ann.smith").is_err(), "{bad}");
        }
        assert!(acceptable("four tall pines", "ann").is_ok());
    }
}
