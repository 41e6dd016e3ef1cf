//! Settings at the console.

use super::{Admin, AdminError, note, permit};
use crate::{
    access::Action,
    server::settings::{Chosen, Settings, Shown},
};

impl Admin {
    pub(super) async fn settings(&self) -> Result<Settings, AdminError> {
        Ok(Settings::of(&self.config, &Chosen::load(&self.central).await?))
    }

    /// Every setting with where it comes from.
    pub async fn settings_shown(&self) -> Result<Vec<Shown>, AdminError> {
        let chosen = Chosen::load(&self.central).await?;
        Ok(Settings::of(&self.config, &chosen).shown(&self.config, &chosen))
    }

    /// Chooses a value; an empty one takes the choice back.
    pub async fn set(&self, key: &str, value: &str) -> Result<(), AdminError> {
        let mut chosen = Chosen::load(&self.central).await?;
        let made_from = chosen.version();
        chosen.set(&self.config, key, value).map_err(AdminError::Invalid)?;
        let detail = format!("{key}: {}", if value.is_empty() { "default" } else { value });
        Ok(chosen.save(&self.central, permit(Action::ChangeSettings)?, &note("settings", &detail), &made_from).await?)
    }
}
