//! The code with which the first administrator signs up: shown once, where the server was started.

use super::{Server, tokens};
use crate::{access::Role, store::central::CentralError};

/// What is shown on the console.
#[derive(Clone, PartialEq, Eq)]
pub struct SetupCode(pub String);

const FACT: &str = "setup_code";

/// A new code, as long as there is no owner. The one before is void.
pub(super) async fn make(server: &Server) -> Result<Option<SetupCode>, CentralError> {
    if is_owned(server).await? {
        server.central.forget_fact(FACT).await?;
        return Ok(None);
    }
    let code = tokens::typed_code();
    let hash = data_encoding::HEXLOWER.encode(&tokens::hash_of(&plain(&code)));
    server.central.set_fact(FACT, &hash).await?;
    Ok(Some(SetupCode(code)))
}

/// Whether somebody can sign up as the first. The code is void when an owner was made at the console meanwhile.
pub(super) async fn is_open(server: &Server) -> Result<bool, CentralError> {
    if server.central.fact(FACT).await?.is_none() {
        return Ok(false);
    }
    if is_owned(server).await? {
        server.central.forget_fact(FACT).await?;
        return Ok(false);
    }
    Ok(true)
}

async fn is_owned(server: &Server) -> Result<bool, CentralError> {
    Ok(server.central.people().await?.iter().any(|person| person.role == Role::Owner && person.active))
}

pub(super) async fn is_right(server: &Server, code: &str) -> Result<bool, CentralError> {
    let hash = data_encoding::HEXLOWER.encode(&tokens::hash_of(&plain(code)));
    Ok(server.central.fact(FACT).await?.is_some_and(|kept| kept == hash))
}

/// Uses it up. Of two at the same time one gets it.
pub(super) async fn use_up(server: &Server) -> Result<bool, CentralError> {
    server.central.forget_fact(FACT).await
}

/// As people type it: with or without the hyphen, in any case, 0 and 1 for the letters that look like them.
fn plain(code: &str) -> String {
    let letters = code.chars().filter(|letter| letter.is_alphanumeric()).map(|letter| match letter {
        '0' => 'O',
        '1' => 'I',
        other => other.to_ascii_uppercase(),
    });
    letters.collect()
}
