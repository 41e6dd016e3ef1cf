//! What servers above have stays in the database once somebody looked at it: its title and the names of its files are found
//! from then on, also while the server above can't be asked. Each was proven by its manifest, and is for everyone.

use super::{Server, now_s, pages::Hit};
use crate::{
    access::Audience,
    chain::Find,
    store::central::{Central, CentralError, FROM_ABOVE, NewShare, ShareRow},
};

/// So many are kept without their bytes; the oldest go first.
const REMEMBERED_MAX: u32 = 10_000;

/// Writes down what was found and proven.
pub(super) async fn remember(central: &Central, finds: &[Find]) -> Result<(), CentralError> {
    for find in finds {
        let Some(signed) = &find.manifest else { continue };
        let owner_name = find.route.last().map_or("", |step| step.name.as_str());
        let new = NewShare {
            id: find.share,
            manifest: signed.manifest(),
            owner: None,
            owner_name,
            audience: Audience::Room,
            added_s: now_s(),
            origin: FROM_ABOVE,
            here: false,
        };
        central.remember(&new, REMEMBERED_MAX).await?;
    }
    Ok(())
}

impl Server {
    /// Whether nothing of a known share's bytes is here, because only a server above has it.
    pub(super) fn is_only_above(&self, row: &ShareRow) -> bool {
        row.origin == FROM_ABOVE && !row.here && self.shelf.get(row.id).is_none()
    }
}

/// Hits that servers above told of again stand among theirs, with the way to them.
pub(super) fn without_those_above(hits: &mut Vec<Hit>, finds: &[Find]) {
    let told = |row: &ShareRow| finds.iter().any(|find| find.share == row.id);
    hits.retain(|hit| hit.share.here || hit.share.origin != FROM_ABOVE || !told(&hit.share));
}
