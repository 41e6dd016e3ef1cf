//! Keys with which programs act as a person, each for some kinds of things only.

use std::collections::BTreeSet;

use super::{
    Central, CentralError, Change, found,
    people::{PersonRow, person_of},
    random_id,
    sql::{Row, sql},
};
use crate::access::{PersonId, Scope};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiKeyRow {
    pub id: i64,
    pub name: String,
    pub scopes: BTreeSet<Scope>,
    pub created_s: i64,
    pub expires_s: Option<i64>,
}

/// Whose key it is, and for what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyOwner {
    pub person: PersonRow,
    pub scopes: BTreeSet<Scope>,
}

impl Central {
    /// By the hash of the key.
    pub async fn key_owner(&self, token: &[u8; 32], now_s: i64) -> Result<Option<KeyOwner>, CentralError> {
        let statement = sql("SELECT p.*, k.scopes FROM api_keys k JOIN people p ON p.id = k.person \
             WHERE k.token = $1 AND p.active = 1 AND (k.expires_s IS NULL OR k.expires_s > $2)");
        let row = self.pools.row(statement.bind(token).bind(now_s)).await?;
        let owner = |row: &Row| Ok::<_, sqlx::Error>(KeyOwner { person: person_of(row)?, scopes: scopes_of(row)? });
        Ok(row.as_ref().map(owner).transpose()?)
    }

    pub async fn keys_of(&self, person: PersonId) -> Result<Vec<ApiKeyRow>, CentralError> {
        let statement = sql("SELECT * FROM api_keys WHERE person = $1 ORDER BY created_s DESC, id");
        let key = |row: &Row| {
            Ok(ApiKeyRow {
                id: row.get("id")?,
                name: row.get("name")?,
                scopes: scopes_of(row)?,
                created_s: row.get("created_s")?,
                expires_s: row.get("expires_s")?,
            })
        };
        self.pools.rows(statement.bind(person.0)).await?.iter().map(key).collect()
    }
}

impl Change {
    /// `token`: BLAKE3 of the key.
    pub async fn add_key(&mut self, person: PersonId, token: &[u8; 32], key: &ApiKeyRow) -> Result<i64, CentralError> {
        let id = random_id();
        let scopes = key.scopes.iter().map(|scope| scope.name()).collect::<Vec<_>>().join(" ");
        let statement = sql("INSERT INTO api_keys (id, token, person, name, scopes, created_s, expires_s) \
             VALUES ($1, $2, $3, $4, $5, $6, $7)")
        .bind(id)
        .bind(token)
        .bind(person.0)
        .bind(key.name.as_str())
        .bind(scopes)
        .bind(key.created_s)
        .bind(key.expires_s);
        self.changes.run(statement).await?;
        Ok(id)
    }

    pub async fn end_keys_of(&mut self, person: PersonId) -> Result<(), CentralError> {
        self.changes.run(sql("DELETE FROM api_keys WHERE person = $1").bind(person.0)).await?;
        Ok(())
    }

    pub async fn remove_key(&mut self, person: PersonId, id: i64) -> Result<(), CentralError> {
        let statement = sql("DELETE FROM api_keys WHERE id = $1 AND person = $2").bind(id).bind(person.0);
        found("key", self.changes.run(statement).await?)
    }
}

fn scopes_of(row: &Row) -> Result<BTreeSet<Scope>, sqlx::Error> {
    let scopes: String = row.get("scopes")?;
    Ok(scopes.split(' ').filter_map(Scope::of_name).collect())
}
