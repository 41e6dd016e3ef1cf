//! Single values by their names, changed under a permit.

use super::{CentralError, Change, sql::sql};

impl Change {
    pub async fn fact(&mut self, name: &str) -> Result<Option<String>, CentralError> {
        let row = self.changes.row(sql("SELECT value FROM facts WHERE name = $1").bind(name)).await?;
        Ok(row.map(|row| row.get("value")).transpose()?)
    }

    pub async fn set_fact(&mut self, name: &str, value: &str) -> Result<(), CentralError> {
        let statement = sql("INSERT INTO facts (name, value) VALUES ($1, $2) \
             ON CONFLICT (name) DO UPDATE SET value = excluded.value");
        self.changes.run(statement.bind(name).bind(value)).await?;
        Ok(())
    }
}
