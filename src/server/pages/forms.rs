//! What forms have in common: a form that can't be taken comes back as it was filled in, with the fault beside its field;
//! a form that changes something carries the version of what it shows.

use maud::{Markup, html};

use super::icons::icon;
use crate::{server::problem::Problem, store::central::Version};

/// What was typed into a form that could not be taken, and why it could not. The default is a form that nobody sent.
#[derive(Default)]
pub(in crate::server) struct TypedForm {
    fields: Vec<(String, String)>,
    problem: Option<Problem>,
}

impl TypedForm {
    /// Passwords and codes are not among `fields`: they are typed again.
    pub fn new(problem: Problem, fields: &[(&str, &str)]) -> TypedForm {
        let fields = fields.iter().map(|(field, value)| ((*field).to_owned(), (*value).to_owned())).collect();
        TypedForm { fields, problem: Some(problem) }
    }

    pub fn has(&self, field: &str, value: &str) -> bool {
        self.fields.iter().any(|(name, typed)| name == field && typed == value)
    }

    pub fn was_sent(&self) -> bool {
        self.problem.is_some()
    }

    /// What was typed into a field, or what it shows otherwise.
    pub(super) fn or<'a>(&'a self, field: &str, otherwise: &'a str) -> &'a str {
        self.fields.iter().find(|(name, _)| name == field).map_or(otherwise, |(_, value)| value)
    }

    pub(super) fn is_wrong(&self, field: &str) -> bool {
        self.problem.as_ref().is_some_and(|problem| problem.field == Some(field))
    }

    /// For `aria-invalid`.
    pub(super) fn invalid(&self, field: &str) -> Option<&'static str> {
        self.is_wrong(field).then_some("true")
    }

    /// Beside a field: what is wrong with it.
    pub(super) fn fault(&self, field: &str) -> Markup {
        let problem = self.problem.as_ref().filter(|problem| problem.field == Some(field));
        html! { @if let Some(problem) = problem { span.fault role="alert" { (icon("warning")) (problem.detail) } } }
    }

    /// At the head of the form: what is wrong with none of its fields alone.
    pub(super) fn head(&self) -> Markup {
        let problem = self.problem.as_ref().filter(|problem| problem.field.is_none());
        html! { @if let Some(problem) = problem { p.notice.bad role="alert" { (icon("warning")) (problem.detail) } } }
    }
}

/// The hidden field with what the form was made from.
pub(super) fn version(version: &Version) -> Markup {
    html! { input type="hidden" name="version" value=(version); }
}
