//! The right to do something alone among all processes of a server, for as long as it is renewed.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::{
    server::{now_s, tokens},
    store::central::{Central, CentralError},
};

/// A named work that nobody else does while this lives. Whoever holds it looks at [`Lease::lost`] before anything that only
/// one may do; the database makes sure besides that of two who try to end a work one does.
pub(in crate::server) struct Lease {
    central: Central,
    name: String,
    holder: String,
    lost: CancellationToken,
    renewing: tokio::task::JoinHandle<()>,
}

impl Lease {
    /// `None` while somebody else has it. `seconds`: how long others wait for a holder that was killed.
    pub async fn take(central: &Central, name: String, seconds: i64) -> Result<Option<Lease>, CentralError> {
        let holder = tokens::short_token();
        let now = now_s();
        if !central.take_lock(&name, &holder, now, now + seconds).await? {
            return Ok(None);
        }
        let lost = CancellationToken::new();
        let renewing = tokio::spawn(renew(central.clone(), name.clone(), holder.clone(), seconds, lost.clone()));
        Ok(Some(Lease { central: central.clone(), name, holder, lost, renewing }))
    }

    /// Cancelled when it could not be renewed in time.
    pub fn lost(&self) -> &CancellationToken {
        &self.lost
    }
}

async fn renew(central: Central, name: String, holder: String, seconds: i64, lost: CancellationToken) {
    let mut good_until = now_s() + seconds;
    loop {
        tokio::time::sleep(Duration::from_secs(u64::try_from(seconds / 3).unwrap_or(1).max(1))).await;
        let now = now_s();
        match central.take_lock(&name, &holder, now, now + seconds).await {
            Ok(true) => good_until = now + seconds,
            Ok(false) => return lost.cancel(),
            // The database may answer again before the time is over.
            Err(_) if now_s() < good_until => {}
            Err(_) => return lost.cancel(),
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.renewing.abort();
        let (central, name, holder) = (self.central.clone(), self.name.clone(), self.holder.clone());
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                // Where this does not succeed, it ends by itself.
                central.release_lock(&name, &holder).await.ok();
            });
        }
    }
}
