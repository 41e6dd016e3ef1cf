//! What an administrator does at the server's own command line. Whoever may read the server's files may do this; it stands
//! in the audit log as `console`.

mod audit;
mod devices;
mod groups;
mod people;
mod policy;
mod settings;
mod shares;
mod upstreams;

use super::{Config, now_ms, now_s, passwords, tokens};
use crate::{
    access::{About, Action, Actor, Decision, Permit, Policy, Reason, Role, decide},
    net::identity::Identity,
    store::central::{Central, CentralError, NewPerson, Note, PersonChange, PersonRow},
};

/// An open server, without its doors. It may run at the same time: what is done here, it takes in within seconds.
pub struct Admin {
    central: Central,
    config: Config,
    identity: Identity,
}

pub use self::{
    people::{Imported as ImportedAs, ImportedPerson},
    policy::{Change, Explained},
    shares::{LinkLine, Storage},
    upstreams::Reach,
};

/// An account as it is listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    pub name: String,
    pub shown: String,
    pub role: Role,
    pub groups: Vec<String>,
    pub active: bool,
    pub codes: bool,
}

#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    #[error("{0}")]
    Central(#[from] CentralError),
    #[error("{0}")]
    Refused(Reason),
    #[error("There is no account that signs in as {0:?}")]
    NoSuchPerson(String),
    #[error("There is no {what} {named:?} here")]
    NoSuch { what: &'static str, named: String },
    #[error("{0}")]
    Invalid(String),
    #[error("The password can't be hashed: {0}")]
    Hash(String),
}

impl Admin {
    /// Opens the server's database.
    pub async fn open(config: &Config, identity: Identity) -> Result<Admin, AdminError> {
        Ok(Admin { central: Central::open(&config.database).await?, config: config.clone(), identity })
    }

    pub async fn people(&self) -> Result<Vec<Person>, AdminError> {
        let groups = self.central.groups().await?;
        let memberships = self.central.memberships().await?;
        let person = |row: PersonRow| {
            let ids = memberships.get(&row.id).cloned().unwrap_or_default();
            let groups =
                groups.iter().filter(|group| ids.contains(&group.id)).map(|group| group.name.clone()).collect();
            let codes = row.totp.is_some();
            Person { name: row.name, shown: row.shown, role: row.role, groups, active: row.active, codes }
        };
        Ok(self.central.people().await?.into_iter().map(person).collect())
    }

    /// Makes an account. Returns its first password, which must be changed at the first sign-in.
    pub async fn add_person(
        &self,
        name: &str,
        shown: &str,
        role: Role,
        group: Option<&str>,
    ) -> Result<String, AdminError> {
        let fits = |letter: char| letter.is_ascii_alphanumeric() || "._-@".contains(letter);
        if name.is_empty() || name.len() > 60 || !name.chars().all(fits) {
            let wrong = "The name to sign in with has letters a–z, digits, dots, hyphens and underscores, at most 60.";
            return Err(AdminError::Invalid(wrong.to_owned()));
        }
        let shown = &shown_of(shown)?;
        let group = group.map(groups::checked).transpose()?;
        let (password, hash) = new_password()?;
        let about = format!("name:{name}");
        let detail = format!("{role} {shown}");
        let permit = permit(Action::AddPerson)?;
        let mut change = self.central.change(permit, &note(&about, &detail)).await?;
        let shown = if shown.is_empty() { name } else { shown };
        let new = NewPerson { name, shown, role, password: Some(&hash), must_change: true, created_s: now_s() };
        let id = change.add_person(&new).await?;
        if let Some(group) = group {
            let group = change.group_named(&group).await?;
            change.join_group(group, id).await?;
        }
        change.commit().await?;
        Ok(password)
    }

    /// Gives a new password, and takes one-time codes off: for whoever lost both.
    pub async fn reset_password(&self, name: &str) -> Result<String, AdminError> {
        let person = self.named(name).await?;
        let (password, hash) = new_password()?;
        let about = format!("person:{}", person.id);
        let permit = permit(Action::ChangePerson)?;
        let mut change = self.central.change(permit, &note(&about, "new password, one-time codes off")).await?;
        let new = PersonChange { password: Some((&hash, true)), totp: Some(None), ..PersonChange::default() };
        change.change_person(person.id, &new).await?;
        change.commit().await?;
        Ok(password)
    }

    /// Changes somebody's role, or whether they may sign in.
    pub async fn change_person(&self, name: &str, role: Option<Role>, active: Option<bool>) -> Result<(), AdminError> {
        let person = self.named(name).await?;
        let about = format!("person:{}", person.id);
        let may = active.map(|active| if active { "may sign in" } else { "switched off" }.to_owned());
        let detail = role.map(|role| role.to_string()).into_iter().chain(may).collect::<Vec<_>>().join(", ");
        let permit = permit(Action::ChangePerson)?;
        let mut change = self.central.change(permit, &note(&about, &detail)).await?;
        change.change_person(person.id, &PersonChange { role, active, ..PersonChange::default() }).await?;
        Ok(change.commit().await?)
    }

    async fn named(&self, name: &str) -> Result<PersonRow, AdminError> {
        self.central.person_named(name).await?.ok_or_else(|| AdminError::NoSuchPerson(name.to_owned()))
    }

    pub async fn close(&self) {
        self.central.close().await;
    }
}

/// A name as others see it.
fn shown_of(typed: &str) -> Result<String, AdminError> {
    super::routes::people::shown_of(typed).map_err(|problem| AdminError::Invalid(problem.detail))
}

fn new_password() -> Result<(String, String), AdminError> {
    let password = tokens::typed_code().to_lowercase();
    let hash = passwords::hash(&password).map_err(|error| AdminError::Hash(error.to_string()))?;
    Ok((password, hash))
}

fn permit(action: Action) -> Result<Permit, AdminError> {
    match decide(&Policy::default(), &Actor::console(), action, About::Nothing, now_s()) {
        Decision::Allow(permit) => Ok(permit),
        Decision::Deny(reason) => Err(AdminError::Refused(reason)),
    }
}

fn note<'a>(about: &'a str, detail: &'a str) -> Note<'a> {
    Note { at_ms: now_ms(), address: "", about, detail, request: "" }
}
