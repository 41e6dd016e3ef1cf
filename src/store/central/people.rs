//! Accounts and groups.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Central, CentralError, Change, found, random_id,
    sql::{Row, sql},
    taken,
    version::Version,
};
use crate::access::{GroupId, PersonId, Role};

/// An account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PersonRow {
    pub id: PersonId,
    /// What they sign in with.
    pub name: String,
    pub shown: String,
    pub role: Role,
    /// Argon2id in PHC form.
    pub password: Option<String>,
    pub must_change: bool,
    /// The secret of one-time codes.
    pub totp: Option<Vec<u8>>,
    pub active: bool,
    pub created_s: i64,
}

#[derive(Clone, Debug)]
pub struct NewPerson<'a> {
    pub name: &'a str,
    pub shown: &'a str,
    pub role: Role,
    pub password: Option<&'a str>,
    pub must_change: bool,
    pub created_s: i64,
}

/// What changes of an account; `None` stays as it is.
#[derive(Clone, Debug, Default)]
pub struct PersonChange<'a> {
    pub shown: Option<&'a str>,
    pub role: Option<Role>,
    pub active: Option<bool>,
    /// A new hash, and whether it must be changed at the next sign-in.
    pub password: Option<(&'a str, bool)>,
    /// A new secret, or none.
    pub totp: Option<Option<&'a [u8]>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupRow {
    pub id: GroupId,
    pub name: String,
    pub members: u64,
}

impl PersonRow {
    /// Of what the form of an account shows.
    pub fn version(&self, groups: &BTreeSet<GroupId>) -> Version {
        let [role, active] = [self.role.name(), if self.active { "on" } else { "off" }];
        let own = [self.shown.as_str(), role, active].map(str::to_owned);
        Version::of(own.into_iter().chain(groups.iter().map(ToString::to_string)))
    }
}

impl GroupRow {
    pub fn version(&self) -> Version {
        Version::of([&self.name])
    }
}

impl Central {
    pub async fn person(&self, id: PersonId) -> Result<Option<PersonRow>, CentralError> {
        let row = self.pools.row(sql("SELECT * FROM people WHERE id = $1").bind(id.0)).await?;
        Ok(row.as_ref().map(person_of).transpose()?)
    }

    /// By the name that they sign in with.
    pub async fn person_named(&self, name: &str) -> Result<Option<PersonRow>, CentralError> {
        let row = self.pools.row(sql("SELECT * FROM people WHERE name = $1").bind(name.trim().to_lowercase())).await?;
        Ok(row.as_ref().map(person_of).transpose()?)
    }

    /// Everybody, by the name they are shown with.
    pub async fn people(&self) -> Result<Vec<PersonRow>, CentralError> {
        let rows = self.pools.rows(sql("SELECT * FROM people ORDER BY lower(shown), name")).await?;
        rows.iter().map(|row| Ok(person_of(row)?)).collect()
    }

    pub async fn groups(&self) -> Result<Vec<GroupRow>, CentralError> {
        let statement = "SELECT g.id, g.name, COUNT(m.person) AS members FROM groups g \
             LEFT JOIN members m ON m.group_id = g.id GROUP BY g.id, g.name ORDER BY lower(g.name), g.id";
        let group = |row: &Row| {
            Ok(GroupRow { id: GroupId(row.get("id")?), name: row.get("name")?, members: row.count("members")? })
        };
        self.pools.rows(sql(statement)).await?.iter().map(group).collect()
    }

    pub async fn groups_of(&self, person: PersonId) -> Result<BTreeSet<GroupId>, CentralError> {
        let rows = self.pools.rows(sql("SELECT group_id FROM members WHERE person = $1").bind(person.0)).await?;
        rows.iter().map(|row| Ok(GroupId(row.get("group_id")?))).collect()
    }

    /// Everybody's groups.
    pub async fn memberships(&self) -> Result<BTreeMap<PersonId, BTreeSet<GroupId>>, CentralError> {
        let mut memberships: BTreeMap<PersonId, BTreeSet<GroupId>> = BTreeMap::new();
        for row in self.pools.rows(sql("SELECT person, group_id FROM members")).await? {
            memberships.entry(PersonId(row.get("person")?)).or_default().insert(GroupId(row.get("group_id")?));
        }
        Ok(memberships)
    }

    /// Notes that a one-time code was used, so that it never works again. False where it was used before.
    pub async fn use_totp_step(&self, person: PersonId, step: i64) -> Result<bool, CentralError> {
        let statement = sql("UPDATE people SET totp_step = $1 WHERE id = $2 AND totp_step < $1");
        Ok(self.pools.run(statement.bind(step).bind(person.0)).await? > 0)
    }

    /// Replaces the hash of a password by one of better parameters; the password stays the same.
    pub async fn rehash(&self, person: PersonId, old: &str, new: &str) -> Result<(), CentralError> {
        let statement = sql("UPDATE people SET password = $1 WHERE id = $2 AND password = $3");
        self.pools.run(statement.bind(new).bind(person.0).bind(old)).await?;
        Ok(())
    }
}

impl Change {
    pub async fn add_person(&mut self, new: &NewPerson<'_>) -> Result<PersonId, CentralError> {
        let id = random_id();
        let statement =
            sql("INSERT INTO people (id, name, shown, role, password, must_change, totp_step, active, created_s) \
             VALUES ($1, $2, $3, $4, $5, $6, 0, 1, $7)")
            .bind(id)
            .bind(new.name.trim().to_lowercase())
            .bind(new.shown.trim())
            .bind(new.role.name())
            .bind(new.password)
            .bind(new.must_change)
            .bind(new.created_s);
        self.changes.run(statement).await.map_err(taken("an account with this name"))?;
        Ok(PersonId(id))
    }

    /// Fails where somebody changed the account since a form of `version` was shown.
    pub async fn expect_person(&mut self, id: PersonId, version: &str) -> Result<(), CentralError> {
        let row = self.changes.row(sql("SELECT * FROM people WHERE id = $1").bind(id.0)).await?;
        let person = person_of(&row.ok_or(CentralError::Missing { what: "account" })?)?;
        let rows = self.changes.rows(sql("SELECT group_id FROM members WHERE person = $1").bind(id.0)).await?;
        let groups = rows.iter().map(|row| Ok(GroupId(row.get("group_id")?)));
        person.version(&groups.collect::<Result<_, sqlx::Error>>()?).expect(version, "account")
    }

    /// As [`Change::expect_person`].
    pub async fn expect_group(&mut self, id: GroupId, version: &str) -> Result<(), CentralError> {
        let row = self.changes.row(sql("SELECT name FROM groups WHERE id = $1").bind(id.0)).await?;
        let name: String = row.ok_or(CentralError::Missing { what: "group" })?.get("name")?;
        GroupRow { id, name, members: 0 }.version().expect(version, "group")
    }

    /// Changes an account. Whoever is switched off, gets another role or a new password is signed out
    /// everywhere, and their keys end: a thief may have made them.
    pub async fn change_person(&mut self, id: PersonId, change: &PersonChange<'_>) -> Result<(), CentralError> {
        let owned = self.has_an_owner().await?;
        if self.write_person(id, change).await? {
            self.end_sessions_of(id, None).await?;
            self.end_keys_of(id).await?;
        }
        self.an_owner_stays(owned).await
    }

    /// What somebody changes of their own account. Which sessions end, the caller says.
    pub async fn change_own_person(&mut self, id: PersonId, change: &PersonChange<'_>) -> Result<(), CentralError> {
        self.write_person(id, change).await.map(drop)
    }

    /// Tells whether sessions should end.
    async fn write_person(&mut self, id: PersonId, change: &PersonChange<'_>) -> Result<bool, CentralError> {
        let row = self.changes.row(sql("SELECT * FROM people WHERE id = $1").bind(id.0)).await?;
        let mut person = person_of(&row.ok_or(CentralError::Missing { what: "account" })?)?;
        let signs_out = change.role.is_some_and(|role| role != person.role)
            || change.active == Some(false)
            || change.password.is_some();
        person.shown = change.shown.map_or(person.shown, |shown| shown.trim().to_owned());
        person.role = change.role.unwrap_or(person.role);
        person.active = change.active.unwrap_or(person.active);
        if let Some((hash, must_change)) = change.password {
            (person.password, person.must_change) = (Some(hash.to_owned()), must_change);
        }
        if let Some(totp) = change.totp {
            person.totp = totp.map(<[u8]>::to_vec);
        }
        let statement = sql("UPDATE people SET shown = $1, role = $2, active = $3, password = $4, must_change = $5, \
             totp = $6 WHERE id = $7")
        .bind(person.shown)
        .bind(person.role.name())
        .bind(person.active)
        .bind(person.password.as_deref())
        .bind(person.must_change)
        .bind(person.totp.as_deref())
        .bind(id.0);
        self.changes.run(statement).await?;
        Ok(signs_out)
    }

    pub async fn remove_person(&mut self, id: PersonId) -> Result<(), CentralError> {
        let owned = self.has_an_owner().await?;
        found("account", self.changes.run(sql("DELETE FROM people WHERE id = $1").bind(id.0)).await?)?;
        self.an_owner_stays(owned).await
    }

    /// `owned`: whether there was one before. Accounts may be made and changed at the console before anybody owns the server.
    async fn an_owner_stays(&mut self, owned: bool) -> Result<(), CentralError> {
        if owned && !self.has_an_owner().await? { Err(CentralError::LastOwner) } else { Ok(()) }
    }

    async fn has_an_owner(&mut self) -> Result<bool, CentralError> {
        let owner = sql("SELECT id FROM people WHERE role = 'owner' AND active = 1 LIMIT 1");
        Ok(self.changes.row(owner).await?.is_some())
    }

    pub async fn add_group(&mut self, name: &str) -> Result<GroupId, CentralError> {
        let id = random_id();
        let statement = sql("INSERT INTO groups (id, name) VALUES ($1, $2)").bind(id).bind(name.trim());
        self.changes.run(statement).await.map_err(taken("a group with this name"))?;
        Ok(GroupId(id))
    }

    /// The group of that name, made if there is none.
    pub async fn group_named(&mut self, name: &str) -> Result<GroupId, CentralError> {
        match self.changes.row(sql("SELECT id FROM groups WHERE name = $1").bind(name.trim())).await? {
            Some(row) => Ok(GroupId(row.get("id")?)),
            None => self.add_group(name).await,
        }
    }

    pub async fn rename_group(&mut self, id: GroupId, name: &str) -> Result<(), CentralError> {
        let statement = sql("UPDATE groups SET name = $1 WHERE id = $2").bind(name.trim()).bind(id.0);
        found("group", self.changes.run(statement).await.map_err(taken("a group with this name"))?)
    }

    pub async fn remove_group(&mut self, id: GroupId) -> Result<(), CentralError> {
        found("group", self.changes.run(sql("DELETE FROM groups WHERE id = $1").bind(id.0)).await?)
    }

    pub async fn join_group(&mut self, group: GroupId, person: PersonId) -> Result<(), CentralError> {
        let statement = sql("INSERT INTO members (group_id, person) VALUES ($1, $2) ON CONFLICT DO NOTHING");
        self.changes.run(statement.bind(group.0).bind(person.0)).await?;
        Ok(())
    }

    pub async fn leave_group(&mut self, group: GroupId, person: PersonId) -> Result<(), CentralError> {
        let statement = sql("DELETE FROM members WHERE group_id = $1 AND person = $2");
        self.changes.run(statement.bind(group.0).bind(person.0)).await?;
        Ok(())
    }

    /// The groups of a person become these and no others.
    pub async fn set_groups(&mut self, person: PersonId, groups: &BTreeSet<GroupId>) -> Result<(), CentralError> {
        self.changes.run(sql("DELETE FROM members WHERE person = $1").bind(person.0)).await?;
        for group in groups {
            self.join_group(*group, person).await?;
        }
        Ok(())
    }
}

pub(super) fn person_of(row: &Row) -> Result<PersonRow, sqlx::Error> {
    let role: String = row.get("role")?;
    Ok(PersonRow {
        id: PersonId(row.get("id")?),
        name: row.get("name")?,
        shown: row.get("shown")?,
        // A role that nobody knows any more may nothing.
        role: role.parse().unwrap_or(Role::Guest),
        password: row.get("password")?,
        must_change: row.flag("must_change")?,
        totp: row.get("totp")?,
        active: row.flag("active")?,
        created_s: row.get("created_s")?,
    })
}
