//! What administrators change while the server runs, kept in its database. What `server.toml` gives holds instead, and is
//! shown as fixed by the file.

use serde::{Deserialize, Serialize};

use super::{
    Config, Server,
    config::{Lifetimes, UPSTREAMS_MAX, checked_upstream},
    problem::Problem,
};
use crate::{
    access::Permit,
    chain::Upstream,
    store::central::{Central, CentralError, Note, Version},
};

/// Its name in the database.
const FACT: &str = "settings";

/// What holds now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Settings {
    /// What people see as the server's name; the computer's own where there is none.
    pub name: Option<String>,
    pub lifetimes: Lifetimes,
    /// At least so many bytes stay free on the disk.
    pub reserve_bytes: u64,
    /// The servers above: those of the file first.
    pub upstreams: Vec<Upstream>,
}

/// What administrators chose, as it is kept. A key that is missing was not chosen.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Chosen {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idle_minutes: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session_hours: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keep_unfinished_hours: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reserve_mib: Option<u64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub upstreams: Vec<Above>,
}

/// A server above that was added while the server ran.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Above {
    pub address: String,
    pub id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// One setting as it is shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Shown {
    /// As it is called in `server.toml`, and in `handout admin settings set`.
    pub key: &'static str,
    pub value: String,
    /// `file` (and fixed by it), `chosen` or `default`.
    pub from: &'static str,
    #[serde(skip)]
    pub label: &'static str,
    #[serde(skip)]
    pub least: u64,
    #[serde(skip)]
    pub most: u64,
}

/// The settings that are numbers: key, label, least and most.
const NUMBERS: [(&str, &str, u64, u64); 4] = [
    ("sessions.idle_minutes", "A browser that is not used is signed out after, minutes", 1, 7 * 24 * 60),
    ("sessions.hours", "Every browser is signed out after, hours", 1, 365 * 24),
    ("uploads.keep_unfinished_hours", "An upload that does not go on is deleted after, hours", 1, 365 * 24),
    ("storage.reserve_mib", "Stays free on the disk, MiB", 0, 1 << 30),
];

impl Settings {
    /// What holds, of what the file gives and what was chosen.
    pub fn of(config: &Config, chosen: &Chosen) -> Settings {
        let free = |key: &str| !config.fixed.contains(key);
        let seconds = |key: &str, chosen: Option<u32>, unit: i64, file: i64| {
            chosen.filter(|_| free(key)).map_or(file, |chosen| i64::from(chosen) * unit)
        };
        let file = config.lifetimes;
        let mut upstreams = config.upstreams.clone();
        for above in &chosen.upstreams {
            let Ok(upstream) = checked_upstream(&above.address, &above.id, above.name.as_deref()) else { continue };
            if upstreams.len() < UPSTREAMS_MAX && upstreams.iter().all(|known| known.id != upstream.id) {
                upstreams.push(upstream);
            }
        }
        Settings {
            name: config.name.clone().or_else(|| chosen.name.clone()),
            lifetimes: Lifetimes {
                idle_s: seconds("sessions.idle_minutes", chosen.idle_minutes, 60, file.idle_s),
                session_s: seconds("sessions.hours", chosen.session_hours, 3_600, file.session_s),
                upload_s: seconds("uploads.keep_unfinished_hours", chosen.keep_unfinished_hours, 3_600, file.upload_s),
            },
            reserve_bytes: chosen
                .reserve_mib
                .filter(|_| free("storage.reserve_mib"))
                .map_or(config.reserve_bytes, |mib| mib.saturating_mul(1 << 20)),
            upstreams,
        }
    }

    /// Every setting with where it comes from.
    pub fn shown(&self, config: &Config, chosen: &Chosen) -> Vec<Shown> {
        let from = |key: &str, chosen: bool| match (config.fixed.contains(key), chosen) {
            (true, _) => "file",
            (false, true) => "chosen",
            (false, false) => "default",
        };
        let life = self.lifetimes;
        let values = [
            (life.idle_s / 60, chosen.idle_minutes.is_some()),
            (life.session_s / 3_600, chosen.session_hours.is_some()),
            (life.upload_s / 3_600, chosen.keep_unfinished_hours.is_some()),
            (i64::try_from(self.reserve_bytes >> 20).unwrap_or(i64::MAX), chosen.reserve_mib.is_some()),
        ];
        let name = Shown {
            key: "name",
            value: self.name.clone().unwrap_or_default(),
            from: from("name", chosen.name.is_some()),
            label: "Name that people see",
            least: 0,
            most: 0,
        };
        let numbers = NUMBERS.into_iter().zip(values).map(|((key, label, least, most), (value, chosen))| Shown {
            key,
            value: value.to_string(),
            from: from(key, chosen),
            label,
            least,
            most,
        });
        std::iter::once(name).chain(numbers).collect()
    }
}

impl Chosen {
    pub async fn load(central: &Central) -> Result<Chosen, CentralError> {
        Ok(Chosen::read(central.fact(FACT).await?))
    }

    fn read(fact: Option<String>) -> Chosen {
        // What can't be read was written by another version: nothing of it was chosen.
        serde_json::from_str(&fact.unwrap_or_default()).unwrap_or_default()
    }

    /// Of all that was chosen.
    pub fn version(&self) -> Version {
        Version::of(serde_json::to_string(self).ok())
    }

    /// Writes it down, with the entry in the log. `made_from`: what was loaded, and still has to stand there.
    pub async fn save(
        &self,
        central: &Central,
        permit: Permit,
        note: &Note<'_>,
        made_from: &Version,
    ) -> Result<(), CentralError> {
        let text = serde_json::to_string(self).map_err(|error| sqlx::Error::Encode(error.into()))?;
        let mut change = central.change(permit, note).await?;
        Chosen::read(change.fact(FACT).await?).version().expect(&made_from.to_string(), "page of settings")?;
        change.set_fact(FACT, &text).await?;
        change.commit().await
    }

    /// Chooses a value; an empty one takes the choice back. Tells what is wrong with it.
    pub fn set(&mut self, config: &Config, key: &str, value: &str) -> Result<(), String> {
        if config.fixed.contains(key) {
            return Err(format!("{key} is fixed by server.toml; change it there and start the server again."));
        }
        let value = value.trim();
        if key == "name" {
            let fits = crate::wire::peer::presentable(value);
            if !value.is_empty() && fits.is_none() {
                return Err("The name can't be shown.".to_owned());
            }
            self.name = fits;
            return Ok(());
        }
        let known = NUMBERS.into_iter().find(|(known, ..)| *known == key);
        let Some((_, _, least, most)) = known else {
            let keys: Vec<_> = std::iter::once("name").chain(NUMBERS.iter().map(|(key, ..)| *key)).collect();
            return Err(format!("There is no setting {key:?}: choose {}.", keys.join(", ")));
        };
        let number = match value {
            "" => None,
            text => Some(
                text.parse::<u64>()
                    .ok()
                    .filter(|number| (least..=most).contains(number))
                    .ok_or_else(|| format!("{key}: {text:?} is not a number from {least} to {most}."))?,
            ),
        };
        let small = number.and_then(|number| u32::try_from(number).ok());
        match key {
            "sessions.idle_minutes" => self.idle_minutes = small,
            "sessions.hours" => self.session_hours = small,
            "uploads.keep_unfinished_hours" => self.keep_unfinished_hours = small,
            _ => self.reserve_mib = number,
        }
        Ok(())
    }

    /// Adds a server above.
    pub fn add_upstream(&mut self, config: &Config, above: Above) -> Result<Upstream, String> {
        let upstream = checked_upstream(&above.address, &above.id, above.name.as_deref())?;
        let known = Settings::of(config, self).upstreams;
        if known.iter().any(|known| known.id == upstream.id) {
            return Err("That server is above this one already.".to_owned());
        }
        if known.len() >= UPSTREAMS_MAX {
            return Err(format!("At most {UPSTREAMS_MAX} servers can be above this one."));
        }
        self.upstreams.push(Above { name: upstream.name.clone(), ..above });
        Ok(upstream)
    }

    /// Takes a server away that was added by [`Chosen::add_upstream`].
    pub fn remove_upstream(&mut self, config: &Config, id: &str) -> Result<(), String> {
        if config.upstreams.iter().any(|upstream| upstream.id.to_string() == id) {
            return Err("That server stands in server.toml; take it out there and start the server again.".to_owned());
        }
        let before = self.upstreams.len();
        self.upstreams.retain(|above| above.id != id);
        if self.upstreams.len() == before { Err("There is no such server above this one.".to_owned()) } else { Ok(()) }
    }
}

impl Server {
    /// What holds now.
    pub(crate) fn settings(&self) -> std::sync::Arc<Settings> {
        self.settings.borrow().clone()
    }

    /// Writes down what was chosen, and lets it hold.
    pub(crate) async fn choose(
        &self,
        permit: Permit,
        note: &Note<'_>,
        chosen: &Chosen,
        made_from: &Version,
    ) -> Result<(), Problem> {
        chosen.save(&self.central, permit, note, made_from).await?;
        self.take_settings(chosen).await;
        Ok(())
    }

    /// What was chosen in another process, or at the console, holds here too.
    pub(super) async fn follow_settings(&self) -> Result<(), CentralError> {
        let chosen = Chosen::load(&self.central).await?;
        self.take_settings(&chosen).await;
        Ok(())
    }

    async fn take_settings(&self, chosen: &Chosen) {
        let new = Settings::of(&self.config, chosen);
        let before = self.settings();
        if new == *before {
            return;
        }
        if new.upstreams != before.upstreams {
            self.chain.set_upstreams(new.upstreams.clone()).await;
        }
        self.settings.send_replace(std::sync::Arc::new(new));
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    const ID: &str = "aiaqcaibaeaqcaibaeaqcaibaeaqcaibaeaqcaibaeaqcaibaeaq";

    fn config(text: &str) -> Config {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("server.toml");
        std::fs::write(&path, text).unwrap();
        Config::read(&path, Path::new("/home")).unwrap()
    }

    #[test]
    fn what_was_chosen_holds_unless_the_file_says_otherwise() {
        let (free, fixed) = (config(""), config("[sessions]\nhours = 3\n"));
        let mut chosen = Chosen::default();
        chosen.set(&free, "sessions.hours", "5").unwrap();
        chosen.set(&free, "name", " Lab ").unwrap();
        assert_eq!(Settings::of(&free, &chosen).lifetimes.session_s, 5 * 3_600);
        assert_eq!(Settings::of(&fixed, &chosen).lifetimes.session_s, 3 * 3_600);
        assert_eq!(Settings::of(&free, &chosen).name.as_deref(), Some("Lab"));
        assert!(chosen.clone().set(&fixed, "sessions.hours", "5").unwrap_err().contains("server.toml"));
        let shown = Settings::of(&free, &chosen).shown(&free, &chosen);
        let from: Vec<_> = shown.iter().map(|shown| (shown.key, shown.from)).collect();
        assert_eq!(from[..3], [("name", "chosen"), ("sessions.idle_minutes", "default"), ("sessions.hours", "chosen")]);
        chosen.set(&free, "sessions.hours", "").unwrap();
        assert_eq!(chosen.session_hours, None);
    }

    #[test]
    fn what_can_not_be_chosen_says_why() {
        let config = config("");
        let mut chosen = Chosen::default();
        for (key, value, said) in [
            ("sessions.hours", "0", "from 1 to"),
            ("sessions.hours", "-1", "from 1 to"),
            ("storage.reserve_mib", "99999999999999999999", "from 0 to"),
            ("colour", "red", "storage.reserve_mib"),
        ] {
            assert!(chosen.set(&config, key, value).unwrap_err().contains(said), "{key} {value}");
        }
        assert_eq!(chosen, Chosen::default());
    }

    #[test]
    fn servers_above_are_added_and_taken_away_but_those_of_the_file_stay() {
        let above = Above { address: "school:47548".to_owned(), id: ID.to_owned(), name: None };
        let free = config("");
        let mut chosen = Chosen::default();
        chosen.add_upstream(&free, above.clone()).unwrap();
        assert!(chosen.add_upstream(&free, above.clone()).unwrap_err().contains("already"));
        assert!(chosen.add_upstream(&free, Above { address: "school".to_owned(), ..above }).is_err());
        assert_eq!(Settings::of(&free, &chosen).upstreams.len(), 1);
        chosen.remove_upstream(&free, ID).unwrap();
        assert!(chosen.remove_upstream(&free, ID).is_err());
        let fixed = config(&format!("[[upstreams]]\naddress = 'school:47548'\nid = '{ID}'\n"));
        assert!(chosen.remove_upstream(&fixed, ID).unwrap_err().contains("server.toml"));
    }
}
