//! The pages: markup only. They are given what they show and decide nothing but its looks.
//!
//! Everything works without a script, except uploading; the script adds search as you type, drag and drop, and copying.
//! Colours and sizes are the window's (`window::theme`), as custom properties in `web/style.css`.

mod account;
mod administration;
#[cfg(test)]
mod contrast;
mod elsewhere;
mod exams;
pub(super) mod figures;
mod forms;
mod frame;
mod home;
mod icons;
mod links;
mod people;
mod policy;
mod settings;
mod share;
mod sign_in;
mod storage;
mod upload;
mod upstreams;

pub(super) use account::{AccountPage, account};
pub(super) use administration::{AuditPage, DevicesPage, Overview, audit, devices, overview, quarantine};
pub(super) use elsewhere::{ElsewherePage, elsewhere, out_of_reach};
pub(super) use exams::{ExamForm, ExamsPage, exam_home, exams, handed_in};
pub(super) use figures::date;
pub(super) use forms::TypedForm;
pub(super) use frame::{Frame, problem};
pub(super) use home::{Hit, HomePage, hits, home};
pub(super) use links::{LinkPage, link, link_password};
pub(super) use people::{OnePerson, PeoplePage, people, person, person_with_password};
pub(super) use policy::{PolicyPage, policy};
pub(super) use settings::{SettingsPage, settings};
pub(super) use share::{FileLine, SharePage, Typed, ViewPage, share, view};
pub(super) use sign_in::{code, setup, sign_in};
pub(super) use storage::{StoragePage, storage};
pub(super) use upload::{UploadPage, upload};
pub(super) use upstreams::{UpstreamsPage, upstreams};
