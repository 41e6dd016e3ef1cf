//! The five roles in their order, and the ids of people and groups.

use std::{fmt, str::FromStr};

/// What a person is to the server. Each may do what those before it may, and more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Somebody who did not sign in.
    Guest,
    Student,
    Teacher,
    Admin,
    /// Who cannot be changed or removed by administrators; there always is one.
    Owner,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a role: choose guest, student, teacher, admin or owner")]
pub struct RoleError(pub String);

/// A person's account. Drawn by chance, below 2^53, so that every program reads it whole from JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PersonId(pub i64);

/// A group: a class, a room, a club.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct GroupId(pub i64);

impl Role {
    pub const ALL: [Role; 5] = [Role::Guest, Role::Student, Role::Teacher, Role::Admin, Role::Owner];

    pub fn name(self) -> &'static str {
        match self {
            Role::Guest => "guest",
            Role::Student => "student",
            Role::Teacher => "teacher",
            Role::Admin => "admin",
            Role::Owner => "owner",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Role {
    type Err = RoleError;

    fn from_str(text: &str) -> Result<Role, RoleError> {
        let name = text.trim().to_lowercase();
        let known = Role::ALL.into_iter().find(|role| role.name() == name);
        known.ok_or_else(|| RoleError(text.chars().take(40).collect()))
    }
}

impl fmt::Display for PersonId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for GroupId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
