//! Links through which people without an account get one share.

use super::{
    Central, CentralError, Change, found,
    shares::{ShareRow, share_of},
    sql::{Row, share_columns, sql},
};
use crate::access::PersonId;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkRow {
    pub token: String,
    pub made_by: Option<PersonId>,
    pub created_s: i64,
    pub expires_s: Option<i64>,
    /// Argon2id in PHC form.
    pub password: Option<String>,
    pub downloads_left: Option<u64>,
    pub downloads: u64,
}

#[derive(Clone, Debug)]
pub struct NewLink<'a> {
    pub token: &'a str,
    pub share: i64,
    pub made_by: Option<PersonId>,
    pub created_s: i64,
    pub expires_s: Option<i64>,
    pub password: Option<&'a str>,
    pub downloads: Option<u64>,
}

impl Central {
    /// A link that is still good, with its share. Those of a person who was switched off are not.
    pub async fn link(&self, token: &str, now_s: i64) -> Result<Option<(LinkRow, ShareRow)>, CentralError> {
        let statement = sql(concat!(
            "SELECT l.token, l.made_by, l.created_s AS link_created_s, l.expires_s, l.password, l.downloads_left, \
             l.downloads, ",
            share_columns!(),
            " FROM links l JOIN shares s ON s.number = l.share \
             WHERE l.token = $1 AND (l.expires_s IS NULL OR l.expires_s > $2) \
             AND NOT EXISTS (SELECT 1 FROM people m WHERE m.id = l.made_by AND m.active = 0)"
        ));
        let row = self.pools.row(statement.bind(token).bind(now_s)).await?;
        Ok(row.map(|row| Ok::<_, sqlx::Error>((link_of(&row)?, share_of(&row)?))).transpose()?)
    }

    pub async fn links_of(&self, share: i64) -> Result<Vec<LinkRow>, CentralError> {
        let statement =
            sql("SELECT *, created_s AS link_created_s FROM links WHERE share = $1 ORDER BY created_s, token");
        self.pools.rows(statement.bind(share)).await?.iter().map(|row| Ok(link_of(row)?)).collect()
    }

    /// All links that are still good, those made last first, with their shares.
    pub async fn links(&self, now_s: i64, limit: u32) -> Result<Vec<(LinkRow, ShareRow)>, CentralError> {
        let statement = sql(concat!(
            "SELECT l.token, l.made_by, l.created_s AS link_created_s, l.expires_s, l.password, l.downloads_left, \
             l.downloads, ",
            share_columns!(),
            " FROM links l JOIN shares s ON s.number = l.share \
             WHERE l.expires_s IS NULL OR l.expires_s > $1 ORDER BY l.created_s DESC, l.token LIMIT $2"
        ));
        let rows = self.pools.rows(statement.bind(now_s).bind(i64::from(limit))).await?;
        rows.iter().map(|row| Ok((link_of(row)?, share_of(row)?))).collect()
    }

    /// Counts a download. False where none is left.
    pub async fn count_download(&self, token: &str) -> Result<bool, CentralError> {
        let statement = sql("UPDATE links SET downloads = downloads + 1, downloads_left = downloads_left - 1 \
             WHERE token = $1 AND (downloads_left IS NULL OR downloads_left > 0)");
        Ok(self.pools.run(statement.bind(token)).await? > 0)
    }

    /// Forgets links that are over.
    pub async fn sweep_links(&self, now_s: i64) -> Result<u64, CentralError> {
        Ok(self.pools.run(sql("DELETE FROM links WHERE expires_s <= $1").bind(now_s)).await?)
    }
}

impl Change {
    pub async fn add_link(&mut self, new: &NewLink<'_>) -> Result<(), CentralError> {
        let statement =
            sql("INSERT INTO links (token, share, made_by, created_s, expires_s, password, downloads_left, \
             downloads) VALUES ($1, $2, $3, $4, $5, $6, $7, 0)")
            .bind(new.token)
            .bind(new.share)
            .bind(new.made_by.map(|person| person.0))
            .bind(new.created_s)
            .bind(new.expires_s)
            .bind(new.password)
            .bind(new.downloads.map(|left| i64::try_from(left).unwrap_or(i64::MAX)));
        self.changes.run(statement).await?;
        Ok(())
    }

    pub async fn remove_link(&mut self, token: &str) -> Result<(), CentralError> {
        found("link", self.changes.run(sql("DELETE FROM links WHERE token = $1").bind(token)).await?)
    }
}

fn link_of(row: &Row) -> Result<LinkRow, sqlx::Error> {
    let (made_by, left): (Option<i64>, Option<i64>) = (row.get("made_by")?, row.get("downloads_left")?);
    Ok(LinkRow {
        token: row.get("token")?,
        made_by: made_by.map(PersonId),
        created_s: row.get("link_created_s")?,
        expires_s: row.get("expires_s")?,
        password: row.get("password")?,
        downloads_left: left.map(|left| u64::try_from(left).unwrap_or(0)),
        downloads: row.count("downloads")?,
    })
}
