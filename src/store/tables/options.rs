//! What a person chose for one transfer.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use sqlx::Row as _;

use crate::{
    share::ShareId,
    store::database::{Database, DatabaseError},
    traffic::{Class, Limits, Options, Order, Priority, Rate, SeedUntil},
};

impl Database {
    /// Writes down what was chosen for a share. One that was forgotten meanwhile stays forgotten.
    pub async fn set_options(&self, share: ShareId, options: &Options) -> Result<(), DatabaseError> {
        let statement = "INSERT INTO options (share, priority, position, fetch_order, class, limit_down, limit_up, \
            seed_until, seeding_ended, completed_s, wanted, choosing) \
            SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12 WHERE EXISTS (SELECT 1 FROM shares WHERE id = ?1) \
            ON CONFLICT (share) DO UPDATE SET priority = excluded.priority, position = excluded.position, \
            fetch_order = excluded.fetch_order, class = excluded.class, limit_down = excluded.limit_down, \
            limit_up = excluded.limit_up, seed_until = excluded.seed_until, seeding_ended = excluded.seeding_ended, \
            completed_s = excluded.completed_s, wanted = excluded.wanted, choosing = excluded.choosing";
        let rate = |rate: Option<Rate>| rate.map(|rate| i64::try_from(rate.get()).unwrap_or(i64::MAX));
        sqlx::query(statement)
            .bind(&share.0[..])
            .bind(options.priority.as_str())
            .bind(options.position)
            .bind(options.order.as_str())
            .bind(options.class.as_str())
            .bind(rate(options.limits.down))
            .bind(rate(options.limits.up))
            .bind(options.seed_until.map(|until| until.to_string()))
            .bind(options.seeding_ended)
            .bind(options.completed_s)
            .bind(options.wanted.as_deref().map(numbers_to_bytes))
            .bind(options.choosing)
            .execute(&self.writer)
            .await?;
        Ok(())
    }

    /// Everything that was chosen. What a later version wrote and this one does not know is as if nothing was chosen.
    pub async fn all_options(&self) -> Result<BTreeMap<ShareId, Options>, DatabaseError> {
        let mut all = BTreeMap::new();
        for row in sqlx::query("SELECT * FROM options").fetch_all(&self.readers).await? {
            let id: Vec<u8> = row.try_get("share")?;
            let Ok(id) = id.try_into() else { continue };
            let rate = |column: &str| -> Result<Option<Rate>, sqlx::Error> {
                let rate: Option<i64> = row.try_get(column)?;
                Ok(rate.and_then(|rate| u64::try_from(rate).ok()).and_then(Rate::new))
            };
            let seed_until: Option<String> = row.try_get("seed_until")?;
            let wanted: Option<Vec<u8>> = row.try_get("wanted")?;
            let options = Options {
                priority: Priority::parse(row.try_get("priority")?).unwrap_or_default(),
                position: row.try_get("position")?,
                order: Order::parse(row.try_get("fetch_order")?).unwrap_or_default(),
                class: Class::parse(row.try_get("class")?).unwrap_or_default(),
                limits: Limits { down: rate("limit_down")?, up: rate("limit_up")? },
                seed_until: seed_until.as_deref().and_then(SeedUntil::parse),
                seeding_ended: row.try_get("seeding_ended")?,
                completed_s: row.try_get("completed_s")?,
                choosing: row.try_get("choosing")?,
                wanted: wanted.map(|bytes| Arc::new(numbers_of(&bytes))),
            };
            all.insert(ShareId(id), options);
        }
        Ok(all)
    }
}

fn numbers_to_bytes(numbers: &BTreeSet<u32>) -> Vec<u8> {
    numbers.iter().flat_map(|number| number.to_be_bytes()).collect()
}

fn numbers_of(bytes: &[u8]) -> BTreeSet<u32> {
    bytes.chunks_exact(4).filter_map(|chunk| chunk.try_into().ok()).map(u32::from_be_bytes).collect()
}
