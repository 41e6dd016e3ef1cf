//! Computers of the room at the console, and the tokens with which they are enrolled.

use super::{Admin, AdminError, note, now_s, permit, tokens};
use crate::{
    access::{Action, Role},
    store::central::{DeviceRow, EnrolmentRow},
};

impl Admin {
    pub async fn devices(&self) -> Result<Vec<DeviceRow>, AdminError> {
        Ok(self.central.devices().await?)
    }

    pub async fn enrolment_tokens(&self) -> Result<Vec<EnrolmentRow>, AdminError> {
        Ok(self.central.enrolments(now_s()).await?)
    }

    /// Makes a token for some computers and days. It is shown this once.
    pub async fn make_enrolment_token(
        &self,
        note_of_it: &str,
        group: Option<&str>,
        role: Role,
        uses: u64,
        days: i64,
    ) -> Result<String, AdminError> {
        if !(1..=10_000).contains(&uses) || !(1..=365).contains(&days) {
            return Err(AdminError::Invalid("A token is for 1 to 10,000 computers and 1 to 365 days".to_owned()));
        }
        let group = match group {
            Some(name) => Some(self.group(name).await?.id),
            None => None,
        };
        let token = format!("he_{}", tokens::short_token());
        let enrolment = EnrolmentRow {
            id: 0,
            note: note_of_it.to_owned(),
            role,
            group,
            uses_left: uses,
            expires_s: now_s() + days * 86_400,
        };
        let detail = format!("token for {uses} computers, {days} days");
        let mut change = self.central.change(permit(Action::EnrolDevice)?, &note(note_of_it, &detail)).await?;
        change.add_enrolment(&tokens::hash_of(&token), &enrolment).await?;
        change.commit().await?;
        Ok(tokens::of_this_server(&token, &self.identity.id()))
    }

    pub async fn revoke_enrolment_token(&self, id: i64) -> Result<(), AdminError> {
        let mut change = self.central.change(permit(Action::EnrolDevice)?, &note("token", "taken back")).await?;
        change.remove_enrolment(id).await?;
        Ok(change.commit().await?)
    }

    /// Takes a computer's enrolment back. `named`: its id, the beginning of it, or its name.
    pub async fn revoke_device(&self, named: &str) -> Result<DeviceRow, AdminError> {
        let fits = |device: &DeviceRow| {
            device.name == named || (named.len() >= 4 && device.peer.to_string().starts_with(&named.to_lowercase()))
        };
        let mut fitting = self.central.devices().await?.into_iter().filter(fits);
        let (first, second) = (fitting.next(), fitting.next());
        let device = match (first, second) {
            (Some(device), None) => device,
            (Some(_), Some(_)) => {
                return Err(AdminError::Invalid(format!(
                    "Several computers are meant by {named:?}: give more of the id"
                )));
            }
            (None, _) => return Err(AdminError::NoSuch { what: "computer", named: named.to_owned() }),
        };
        let about = format!("device:{}", device.peer);
        let mut change = self.central.change(permit(Action::RemoveDevice)?, &note(&about, "")).await?;
        change.remove_device(device.peer).await?;
        change.commit().await?;
        Ok(device)
    }
}
