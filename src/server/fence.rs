//! An exam's fence around browsers: it holds for whoever sits at a computer of a class that sits an exam, signed in or not,
//! and for links of those who sit one.
//!
//! A browser proves no computer. What is known is the address from which an enrolled computer last asked this server with
//! its key; requests of browsers from there count as that computer's. An address from which several enrolled computers come
//! is a gateway's: only people who are not signed in are held to those computers' exams there, since whoever is signed in
//! has groups of their own.

use std::net::IpAddr;

use super::{Server, caller::Visit, now_s};
use crate::{
    access::{PersonId, Role},
    store::central::CentralError,
};

/// An address is an enrolled computer's for so long after it was last seen there. Handout need not run on it meanwhile:
/// closing the app is no way out of an exam.
const AT_ADDRESS_S: i64 = 12 * 3_600;

/// An address as the table of computers has it: one form for one address.
pub(super) fn shown(address: IpAddr) -> String {
    address.to_canonical().to_string()
}

impl Server {
    /// Whether an exam could close anything for whoever comes.
    fn is_held(&self, visit: &Visit) -> bool {
        visit.actor.role <= Role::Student && self.policy().exams_on(now_s()).next().is_some()
    }

    /// Puts a visitor inside the fence of the computers at their address.
    pub(super) async fn hold_to_place(&self, visit: &mut Visit) -> Result<(), CentralError> {
        if !self.is_held(visit) {
            return Ok(());
        }
        let here = self.central.devices_at(&shown(visit.address), now_s() - AT_ADDRESS_S).await?;
        let is_gateway = here.len() > 1;
        if !is_gateway || visit.actor.person().is_none() {
            let students = here.iter().filter(|device| device.role <= Role::Student);
            visit.actor.at_computer_of.extend(students.filter_map(|device| device.group));
        }
        Ok(())
    }

    /// The visit of somebody who comes by a link of these people: while one of them sits an exam, it holds for what they
    /// gave out, too.
    pub(super) async fn held_to_makers(
        &self,
        visit: &Visit,
        makers: impl IntoIterator<Item = PersonId>,
    ) -> Result<Visit, CentralError> {
        let mut visit = visit.clone();
        if self.is_held(&visit) {
            for maker in makers {
                if self.central.person(maker).await?.is_some_and(|person| person.role == Role::Student) {
                    visit.actor.at_computer_of.extend(self.central.groups_of(maker).await?);
                }
            }
        }
        Ok(visit)
    }
}
