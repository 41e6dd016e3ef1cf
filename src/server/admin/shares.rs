//! Shares at the console: links to them, what is hidden, what they take. The running server takes its part in within
//! seconds: what was removed is not given any more, and files that were uploaded are deleted.

use super::{Admin, AdminError, note, now_s, permit};
use crate::{
    access::Action,
    server::follow,
    store::central::{LinkRow, OwnerUsage, ShareRow, Usage},
};

const OWNERS_MAX: u32 = 1_000;
const LINKS_MAX: u32 = 10_000;

/// A link with what it leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkLine {
    pub link: LinkRow,
    pub share: ShareRow,
}

/// What is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Storage {
    pub usage: Usage,
    pub owners: Vec<OwnerUsage>,
    pub free_bytes: Option<u64>,
    pub reserve_bytes: u64,
    /// Uploads that are not done.
    pub unfinished: usize,
}

impl Admin {
    pub async fn links(&self) -> Result<Vec<LinkLine>, AdminError> {
        let links = self.central.links(now_s(), LINKS_MAX).await?;
        Ok(links.into_iter().map(|(link, share)| LinkLine { link, share }).collect())
    }

    pub async fn revoke_link(&self, token: &str) -> Result<(), AdminError> {
        let mut change = self.central.change(permit(Action::RemoveLink)?, &note("link", "")).await?;
        change.remove_link(token).await?;
        Ok(change.commit().await?)
    }

    pub async fn quarantined(&self) -> Result<Vec<ShareRow>, AdminError> {
        Ok(self.central.quarantined().await?)
    }

    /// Hides a share from everybody but teachers, or gives it back.
    pub async fn set_quarantined(&self, share: &str, hidden: bool, why: &str) -> Result<ShareRow, AdminError> {
        let row = self.share(share).await?;
        let about = format!("share:{}", row.id.short());
        let detail = if hidden { format!("hidden: {why}") } else { "shown again".to_owned() };
        let mut change = self.central.change(permit(Action::Quarantine)?, &note(&about, &detail)).await?;
        change.set_quarantined(row.number, hidden, why).await?;
        change.set_fact(follow::SHELF_CHANGED, &follow::mark()).await?;
        change.commit().await?;
        Ok(row)
    }

    pub async fn remove_share(&self, share: &str) -> Result<ShareRow, AdminError> {
        let row = self.share(share).await?;
        let about = format!("share:{}", row.id.short());
        let mut change = self.central.change(permit(Action::RemoveShare)?, &note(&about, &row.title)).await?;
        change.remove_share(row.number).await?;
        change.set_fact(follow::SHELF_CHANGED, &follow::mark()).await?;
        change.commit().await?;
        Ok(row)
    }

    pub async fn storage(&self) -> Result<Storage, AdminError> {
        Ok(Storage {
            usage: self.central.total_usage().await?,
            owners: self.central.usage_by_owner(OWNERS_MAX).await?,
            free_bytes: fs4::available_space(&self.config.home).ok(),
            reserve_bytes: self.settings().await?.reserve_bytes,
            unfinished: self.central.unfinished(OWNERS_MAX).await?.len(),
        })
    }
}
