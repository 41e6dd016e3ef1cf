//! Computers of the room that were enrolled, and the tokens with which they are.

use super::{
    Central, CentralError, Change, found, random_id,
    sql::{Row, sql},
};
use crate::{
    access::{Actor, GroupId, Role, device},
    share::PeerId,
};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceRow {
    pub peer: PeerId,
    pub name: String,
    pub role: Role,
    pub group: Option<GroupId>,
    pub enrolled_s: i64,
    pub seen_s: i64,
    pub seen_at: String,
}

impl DeviceRow {
    /// What its people are.
    pub fn actor(&self) -> Actor {
        device(self.peer, self.role, self.group.into_iter().collect())
    }
}

#[derive(Clone, Debug)]
pub struct NewDevice<'a> {
    pub peer: PeerId,
    pub name: &'a str,
    /// BLAKE3 of the enrolment token.
    pub token: &'a [u8; 32],
    pub now_s: i64,
    pub address: &'a str,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnrolmentRow {
    pub id: i64,
    pub note: String,
    pub role: Role,
    pub group: Option<GroupId>,
    pub uses_left: u64,
    pub expires_s: i64,
}

impl Central {
    pub async fn devices(&self) -> Result<Vec<DeviceRow>, CentralError> {
        let rows = self.pools.rows(sql("SELECT * FROM devices ORDER BY lower(name), peer")).await?;
        rows.iter().map(|row| Ok(device_of(row)?)).collect()
    }

    pub async fn device(&self, peer: PeerId) -> Result<Option<DeviceRow>, CentralError> {
        let row = self.pools.row(sql("SELECT * FROM devices WHERE peer = $1").bind(&peer.0)).await?;
        Ok(row.as_ref().map(device_of).transpose()?)
    }

    /// The computers that were last seen at an address, since a time.
    pub async fn devices_at(&self, address: &str, since_s: i64) -> Result<Vec<DeviceRow>, CentralError> {
        let statement = sql("SELECT * FROM devices WHERE seen_at = $1 AND seen_s >= $2 ORDER BY peer");
        let rows = self.pools.rows(statement.bind(address).bind(since_s)).await?;
        rows.iter().map(|row| Ok(device_of(row)?)).collect()
    }

    pub async fn touch_device(&self, peer: PeerId, now_s: i64, address: &str) -> Result<(), CentralError> {
        let statement = sql("UPDATE devices SET seen_s = $1, seen_at = $2 WHERE peer = $3");
        self.pools.run(statement.bind(now_s).bind(address).bind(&peer.0)).await?;
        Ok(())
    }

    /// Enrols a computer that shows a token, with its entry in the log. `None`: the token is not good (any more).
    pub async fn enrol(&self, new: &NewDevice<'_>, note: &super::Note<'_>) -> Result<Option<Role>, CentralError> {
        let mut changes = self.pools.begin().await?;
        let statement = sql("UPDATE enrolments SET uses_left = uses_left - 1 \
             WHERE token = $1 AND uses_left > 0 AND expires_s > $2 RETURNING role, group_id");
        let Some(row) = changes.row(statement.bind(new.token).bind(new.now_s)).await? else {
            changes.undo().await?;
            return Ok(None);
        };
        let (role, group): (String, Option<i64>) = (row.get("role")?, row.get("group_id")?);
        let actor = format!("device:{}", new.peer);
        super::audit::append(&mut changes, &actor, "devices.enrol", "done", note).await?;
        let statement = sql("INSERT INTO devices (peer, name, role, group_id, enrolled_s, seen_s, seen_at) \
             VALUES ($1, $2, $3, $4, $5, $5, $6) ON CONFLICT (peer) DO UPDATE SET name = excluded.name, \
             role = excluded.role, group_id = excluded.group_id, enrolled_s = excluded.enrolled_s")
        .bind(&new.peer.0)
        .bind(new.name)
        .bind(role.as_str())
        .bind(group)
        .bind(new.now_s)
        .bind(new.address);
        changes.run(statement).await?;
        changes.commit().await?;
        Ok(Some(role.parse().unwrap_or(Role::Guest)))
    }

    pub async fn enrolments(&self, now_s: i64) -> Result<Vec<EnrolmentRow>, CentralError> {
        let statement = sql("SELECT * FROM enrolments WHERE uses_left > 0 AND expires_s > $1 ORDER BY expires_s, id");
        let enrolment = |row: &Row| {
            let (role, group): (String, Option<i64>) = (row.get("role")?, row.get("group_id")?);
            Ok(EnrolmentRow {
                id: row.get("id")?,
                note: row.get("note")?,
                role: role.parse().unwrap_or(Role::Guest),
                group: group.map(GroupId),
                uses_left: row.count("uses_left")?,
                expires_s: row.get("expires_s")?,
            })
        };
        self.pools.rows(statement.bind(now_s)).await?.iter().map(enrolment).collect()
    }
}

impl Change {
    /// `token`: BLAKE3 of the token; `enrolment.id` is not looked at.
    pub async fn add_enrolment(&mut self, token: &[u8; 32], enrolment: &EnrolmentRow) -> Result<i64, CentralError> {
        let id = random_id();
        let statement = sql("INSERT INTO enrolments (id, token, note, role, group_id, uses_left, expires_s) \
             VALUES ($1, $2, $3, $4, $5, $6, $7)")
        .bind(id)
        .bind(token)
        .bind(enrolment.note.as_str())
        .bind(enrolment.role.name())
        .bind(enrolment.group.map(|group| group.0))
        .bind(enrolment.uses_left)
        .bind(enrolment.expires_s);
        self.changes.run(statement).await?;
        Ok(id)
    }

    pub async fn remove_enrolment(&mut self, id: i64) -> Result<(), CentralError> {
        found("token", self.changes.run(sql("DELETE FROM enrolments WHERE id = $1").bind(id)).await?)
    }

    pub async fn remove_device(&mut self, peer: PeerId) -> Result<(), CentralError> {
        found("computer", self.changes.run(sql("DELETE FROM devices WHERE peer = $1").bind(&peer.0)).await?)
    }
}

fn device_of(row: &Row) -> Result<DeviceRow, sqlx::Error> {
    let (role, group): (String, Option<i64>) = (row.get("role")?, row.get("group_id")?);
    Ok(DeviceRow {
        peer: PeerId(row.hash("peer")?),
        name: row.get("name")?,
        role: role.parse().unwrap_or(Role::Guest),
        group: group.map(GroupId),
        enrolled_s: row.get("enrolled_s")?,
        seen_s: row.get("seen_s")?,
        seen_at: row.get("seen_at")?,
    })
}
