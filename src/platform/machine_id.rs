//! What tells this machine from a copy of its disk on another one.

/// A text that is the same on every start of this machine and another on every other; `None` where the system has none.
/// It is a secret of the machine (machine-id(5)): hash it with a key before it is stored or sent.
pub fn machine_id() -> Option<String> {
    let id = machine_uid::get().ok()?;
    let id = id.trim();
    (!id.is_empty()).then(|| id.to_owned())
}
