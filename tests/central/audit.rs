//! The audit log finds whatever was done to it.

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use handout::{
    access::{Action, Role},
    share::{PublicKey, Signature},
    store::central::{AuditFault, AuditFilter, AuditHead, Central, NewPerson},
};

use super::{Engine, note, on_both, permit, person};

#[test]
fn a_log_that_nobody_touched_is_whole_and_its_heads_are_good() {
    on_both(async |Engine { central, .. }| {
        fill(&central, 30).await;
        let head = central.sign_head(9, sign).await.unwrap().expect("the log grew");
        assert_eq!(head.seq, 30);
        assert_eq!(central.sign_head(10, sign).await.unwrap(), None, "nothing was added since");

        let report = central.verify_audit(signer(), &[head]).await.unwrap();
        assert_eq!((report.entries, report.heads, report.fault), (30, 2, None));
    });
}

#[test]
fn a_flipped_deleted_moved_or_cut_entry_is_found() {
    let cases = [
        ("UPDATE audit SET detail = 'nothing' WHERE seq = 4", AuditFault::Changed { seq: 4 }),
        ("UPDATE audit SET actor = 'person:1' WHERE seq = 1", AuditFault::Changed { seq: 1 }),
        ("UPDATE audit SET at_ms = at_ms + 1 WHERE seq = 7", AuditFault::Changed { seq: 7 }),
        ("UPDATE audit SET about = 'x', outcome = 'done' WHERE seq = 10", AuditFault::Changed { seq: 10 }),
        ("DELETE FROM audit WHERE seq = 5", AuditFault::Missing { seq: 5 }),
        ("DELETE FROM audit WHERE seq = 1", AuditFault::Missing { seq: 1 }),
        (
            "UPDATE audit SET seq = 100 WHERE seq = 3; UPDATE audit SET seq = 3 WHERE seq = 4; \
             UPDATE audit SET seq = 4 WHERE seq = 100",
            AuditFault::Changed { seq: 3 },
        ),
        ("DELETE FROM audit WHERE seq > 8", AuditFault::CutOff { last: 8, witnessed: 10 }),
        ("DELETE FROM audit", AuditFault::CutOff { last: 0, witnessed: 10 }),
    ];
    for (statement, fault) in cases {
        on_both(async |engine: Engine| {
            fill(&engine.central, 10).await;
            engine.tamper(statement).await;
            let report = engine.central.verify_audit(signer(), &[]).await.unwrap();
            assert_eq!(report.fault, Some(fault.clone()), "{statement}");
        });
    }
}

/// Somebody with the whole database can write another log that is whole. Who kept a head sees it.
#[test]
fn a_log_that_was_cut_or_written_anew_is_found_by_whoever_kept_a_head() {
    on_both(async |engine: Engine| {
        fill(&engine.central, 10).await;
        let kept = engine.central.sign_head(9, sign).await.unwrap().unwrap();
        let all = "DELETE FROM audit; DELETE FROM audit_heads; UPDATE audit_tip SET seq = 0, hash = ";
        let zeros = match &engine.place {
            handout::store::central::Place::Sqlite(_) => "zeroblob(32)".to_owned(),
            handout::store::central::Place::Postgres(_) => "decode(repeat('00', 32), 'hex')".to_owned(),
        };
        engine.tamper(&format!("{all}{zeros}")).await;
        fill(&engine.central, 5).await;

        let without = engine.central.verify_audit(signer(), &[]).await.unwrap();
        assert_eq!(without.fault, None, "the new log is whole in itself");
        let with = engine.central.verify_audit(signer(), std::slice::from_ref(&kept)).await.unwrap();
        assert_eq!(with.fault, Some(AuditFault::CutOff { last: 5, witnessed: 10 }));

        fill_with(&engine.central, 15, "other").await;
        let longer = engine.central.verify_audit(signer(), std::slice::from_ref(&kept)).await.unwrap();
        assert_eq!(longer.fault, Some(AuditFault::Rewritten { seq: 10 }));

        let forged = AuditHead { signature: Signature([1; 64]), ..kept };
        let report = engine.central.verify_audit(signer(), &[forged]).await.unwrap();
        assert_eq!(report.fault, Some(AuditFault::Signature { seq: 10 }));
    });
}

#[test]
fn a_change_and_its_entry_come_to_pass_together_or_not_at_all() {
    on_both(async |Engine { central, .. }| {
        person(&central, "ann", Role::Owner).await;
        let mut change = central.change(permit(Action::AddPerson), &note("twice")).await.unwrap();
        let again = NewPerson {
            name: "Ann",
            shown: "Ann",
            role: Role::Owner,
            password: None,
            must_change: false,
            created_s: 1,
        };
        assert!(change.add_person(&again).await.is_err());
        drop(change);

        let entries = central.audit(&AuditFilter { limit: 10, ..AuditFilter::default() }).await.unwrap();
        assert_eq!(entries.iter().map(|entry| entry.about.as_str()).collect::<Vec<_>>(), ["ann"]);
        assert_eq!(central.verify_audit(signer(), &[]).await.unwrap().fault, None);
    });
}

#[test]
fn entries_are_found_by_who_what_and_words_and_can_not_look_like_others() {
    on_both(async |Engine { central, .. }| {
        let wicked = super::Note { detail: "a\n9 console policy.change done", ..note("share:x") };
        central.log("person:1", "share.download", "refused: not-for-you", &wicked).await.unwrap();
        central.log("person:2", "share.remove", "done", &note("100%_of\\it")).await.unwrap();
        let find = async |filter: AuditFilter| -> Vec<i64> {
            let entries = central.audit(&AuditFilter { limit: 10, ..filter }).await.unwrap();
            entries.iter().map(|entry| entry.seq).collect()
        };

        assert_eq!(find(AuditFilter::default()).await, [2, 1]);
        assert_eq!(find(AuditFilter { actor: "person:1".to_owned(), ..AuditFilter::default() }).await, [1]);
        assert_eq!(find(AuditFilter { action: "share.".to_owned(), ..AuditFilter::default() }).await, [2, 1]);
        assert_eq!(find(AuditFilter { text: "100%_OF\\".to_owned(), ..AuditFilter::default() }).await, [2]);
        assert_eq!(find(AuditFilter { text: "1_0".to_owned(), ..AuditFilter::default() }).await, [0; 0]);
        assert_eq!(find(AuditFilter { refused_only: true, ..AuditFilter::default() }).await, [1]);
        assert_eq!(find(AuditFilter { before: Some(2), ..AuditFilter::default() }).await, [1]);
        let entries = central.audit(&AuditFilter { limit: 10, ..AuditFilter::default() }).await.unwrap();
        assert_eq!(entries[1].detail, "a 9 console policy.change done");
    });
}

#[test]
fn entries_that_many_write_at_once_are_one_chain() {
    on_both(async |Engine { central, .. }| {
        let writers = (0..20).map(|_| {
            let central = central.clone();
            tokio::spawn(async move { central.log("person:1", "share.see", "done", &note("x")).await.unwrap() })
        });
        for writer in writers.collect::<Vec<_>>() {
            writer.await.unwrap();
        }
        let report = central.verify_audit(signer(), &[]).await.unwrap();
        assert_eq!((report.entries, report.fault), (20, None));
    });
}

async fn fill(central: &Central, entries: usize) {
    fill_with(central, entries, "share:1").await;
}

async fn fill_with(central: &Central, entries: usize, about: &str) {
    for _ in 0..entries {
        central.log("person:7", "share.download", "done", &note(about)).await.unwrap();
    }
}

fn key() -> Ed25519KeyPair {
    Ed25519KeyPair::from_seed_unchecked(&[3; 32]).unwrap()
}

fn signer() -> PublicKey {
    PublicKey(key().public_key().as_ref().try_into().unwrap())
}

fn sign(message: &[u8]) -> Signature {
    Signature(key().sign(message).as_ref().try_into().unwrap())
}
