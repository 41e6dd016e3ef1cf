//! Who is signed in. Only the hash of a session's token is kept, so a stolen copy of the database signs nobody in.

use super::{
    Central, CentralError, Change,
    people::{PersonRow, person_of},
    sql::{Row, sql},
};
use crate::access::PersonId;

#[derive(Clone, Debug)]
pub struct NewSession<'a> {
    /// BLAKE3 of the token.
    pub token: &'a [u8; 32],
    pub person: PersonId,
    pub now_s: i64,
    pub address: &'a str,
    pub browser: &'a str,
    pub second_factor: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionRow {
    pub token: [u8; 32],
    pub created_s: i64,
    pub seen_s: i64,
    pub address: String,
    pub browser: String,
    pub second_factor: bool,
}

impl Central {
    pub async fn add_session(&self, new: &NewSession<'_>) -> Result<(), CentralError> {
        let statement =
            sql("INSERT INTO sessions (token, person, created_s, seen_s, address, browser, second_factor) \
             VALUES ($1, $2, $3, $3, $4, $5, $6)")
            .bind(new.token)
            .bind(new.person.0)
            .bind(new.now_s)
            .bind(new.address)
            .bind(new.browser.chars().filter(|letter| !letter.is_control()).take(200).collect::<String>())
            .bind(new.second_factor);
        self.pools.run(statement).await?;
        Ok(())
    }

    /// The session with that token, if it was begun after `begun_s` and seen after `seen_s`, and whose it is.
    pub async fn session(
        &self,
        token: &[u8; 32],
        begun_s: i64,
        seen_s: i64,
    ) -> Result<Option<(SessionRow, PersonRow)>, CentralError> {
        let statement = sql("SELECT * FROM sessions WHERE token = $1 AND created_s > $2 AND seen_s > $3");
        let Some(row) = self.pools.row(statement.bind(token).bind(begun_s).bind(seen_s)).await? else {
            return Ok(None);
        };
        let person: i64 = row.get("person")?;
        let person = self.pools.row(sql("SELECT * FROM people WHERE id = $1 AND active = 1").bind(person)).await?;
        let person = person.as_ref().map(person_of).transpose()?;
        Ok(person.map(|person| Ok::<_, sqlx::Error>((session_of(&row)?, person))).transpose()?)
    }

    pub async fn touch_session(&self, token: &[u8; 32], now_s: i64) -> Result<(), CentralError> {
        self.pools.run(sql("UPDATE sessions SET seen_s = $1 WHERE token = $2").bind(now_s).bind(token)).await?;
        Ok(())
    }

    /// A second factor was shown within the session.
    pub async fn raise_session(&self, token: &[u8; 32]) -> Result<(), CentralError> {
        self.pools.run(sql("UPDATE sessions SET second_factor = 1 WHERE token = $1").bind(token)).await?;
        Ok(())
    }

    pub async fn end_session(&self, token: &[u8; 32]) -> Result<bool, CentralError> {
        Ok(self.pools.run(sql("DELETE FROM sessions WHERE token = $1").bind(token)).await? > 0)
    }

    pub async fn sessions_of(&self, person: PersonId) -> Result<Vec<SessionRow>, CentralError> {
        let statement = sql("SELECT * FROM sessions WHERE person = $1 ORDER BY seen_s DESC");
        let rows = self.pools.rows(statement.bind(person.0)).await?;
        rows.iter().map(|row| Ok(session_of(row)?)).collect()
    }

    /// Forgets sessions that are over.
    pub async fn sweep_sessions(&self, begun_s: i64, seen_s: i64) -> Result<u64, CentralError> {
        let statement = sql("DELETE FROM sessions WHERE created_s <= $1 OR seen_s <= $2");
        Ok(self.pools.run(statement.bind(begun_s).bind(seen_s)).await?)
    }
}

impl Change {
    /// Signs a person out everywhere, but for one session.
    pub async fn end_sessions_of(&mut self, person: PersonId, but: Option<&[u8; 32]>) -> Result<u64, CentralError> {
        let but: &[u8] = but.map_or(&[], |token| &token[..]);
        let statement = sql("DELETE FROM sessions WHERE person = $1 AND token <> $2");
        Ok(self.changes.run(statement.bind(person.0).bind(but)).await?)
    }
}

fn session_of(row: &Row) -> Result<SessionRow, sqlx::Error> {
    Ok(SessionRow {
        token: row.hash("token")?,
        created_s: row.get("created_s")?,
        seen_s: row.get("seen_s")?,
        address: row.get("address")?,
        browser: row.get("browser")?,
        second_factor: row.flag("second_factor")?,
    })
}
