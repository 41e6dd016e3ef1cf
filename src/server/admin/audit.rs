//! The audit log at the console: read, checked, its heads told.

use super::{Admin, AdminError};
use crate::{
    share::PublicKey,
    store::central::{AuditEntry, AuditFilter, AuditHead, AuditReport},
};

impl Admin {
    /// Reads the whole audit log and checks it against itself, its signed heads, and heads that others kept.
    pub async fn verify_audit(&self, kept: &[AuditHead]) -> Result<AuditReport, AdminError> {
        Ok(self.central.verify_audit(self.identity.public_key(), kept).await?)
    }

    /// Entries of the audit log, newest first.
    pub async fn audit(&self, filter: &AuditFilter) -> Result<Vec<AuditEntry>, AdminError> {
        Ok(self.central.audit(filter).await?)
    }

    /// Signs where the log stands now, and returns all heads, oldest first.
    pub async fn audit_heads(&self) -> Result<Vec<AuditHead>, AdminError> {
        self.central.sign_head(super::now_ms(), |message| self.identity.sign(message)).await?;
        Ok(self.central.audit_heads().await?)
    }

    /// The key with which heads are signed.
    pub fn signer(&self) -> PublicKey {
        self.identity.public_key()
    }
}
