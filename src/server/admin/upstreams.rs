//! The servers above at the console: who they are, whether they answer, and what they kept of this server's audit log.

use super::{Admin, AdminError, note, permit};
use crate::{
    access::Action,
    chain::{
        Reason, Upstream,
        reach::{self, Met},
    },
    net::call::Client,
    server::{
        chain::reason_words,
        routes::upstreams::another_answers,
        settings::{Above, Chosen},
        witness,
    },
    share::PeerId,
    store::central::AuditHead,
};

/// A server above, and whether it answers this computer now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reach {
    pub upstream: Upstream,
    /// Whether it stands in `server.toml`.
    pub fixed: bool,
    pub reached: bool,
    /// Who has its address, if that is another server.
    pub another: Option<PeerId>,
}

impl Admin {
    /// Asks each of them.
    pub async fn upstreams(&self) -> Result<Vec<Reach>, AdminError> {
        let client = Client::new(self.identity.clone());
        let mut reached = vec![];
        for upstream in self.settings().await?.upstreams {
            let fixed = self.config.upstreams.contains(&upstream);
            let met = reach::who_answers(&client, &upstream).await;
            let another = if let Met::Another(found) = met { Some(found) } else { None };
            reached.push(Reach { upstream, fixed, reached: met == Met::Itself, another });
        }
        Ok(reached)
    }

    /// Tells whether it answers at this moment; another server at its address is refused.
    pub async fn add_upstream(&self, above: Above) -> Result<bool, AdminError> {
        if above.id == self.identity.id().to_string() {
            return Err(AdminError::Invalid("That is this server itself".to_owned()));
        }
        let mut chosen = Chosen::load(&self.central).await?;
        let made_from = chosen.version();
        let about = format!("server:{}", above.id);
        let upstream = chosen.add_upstream(&self.config, above).map_err(AdminError::Invalid)?;
        let met = reach::who_answers(&Client::new(self.identity.clone()), &upstream).await;
        if let Met::Another(found) = met {
            return Err(AdminError::Invalid(another_answers(&upstream.address, found)));
        }
        let detail = format!("added at {}", upstream.address);
        chosen.save(&self.central, permit(Action::ChangeUpstreams)?, &note(&about, &detail), &made_from).await?;
        Ok(met == Met::Itself)
    }

    pub async fn remove_upstream(&self, id: &str) -> Result<(), AdminError> {
        let mut chosen = Chosen::load(&self.central).await?;
        let made_from = chosen.version();
        chosen.remove_upstream(&self.config, id).map_err(AdminError::Invalid)?;
        let about = format!("server:{id}");
        Ok(chosen.save(&self.central, permit(Action::ChangeUpstreams)?, &note(&about, "removed"), &made_from).await?)
    }

    /// The heads of this server's audit log that the servers above kept, by their names; `Err`: why one does not tell.
    pub async fn kept_heads(&self) -> Result<Vec<(String, Result<Vec<AuditHead>, String>)>, AdminError> {
        let client = Client::new(self.identity.clone());
        let mut kept = vec![];
        for upstream in self.settings().await?.upstreams {
            let name = upstream.name.clone().unwrap_or_else(|| upstream.address.clone());
            let heads = witness::ask_kept(&client, &upstream).await;
            kept.push((name, heads.map_err(|reason: Reason| reason_words(reason).to_owned())));
        }
        Ok(kept)
    }
}
