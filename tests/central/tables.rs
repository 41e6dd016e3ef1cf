//! Accounts, sessions, devices, uploads: what one reads back, and what is refused.

use std::collections::BTreeSet;

use handout::{
    access::{Action, Audience, Role, Scope},
    share::{PeerId, ShareId},
    store::central::{
        ApiKeyRow, BatchState, Central, CentralError, EnrolmentRow, Failures, NewBatch, NewDevice, NewSession,
        NewUpload, PersonChange, Place,
    },
};

use super::{Engine, note, on_both, permit, person};

#[test]
fn accounts_have_one_name_each_and_the_last_owner_stays() {
    on_both(async |Engine { central, .. }| {
        let ann = person(&central, "Ann", Role::Owner).await;
        assert_eq!(central.person_named(" ANN ").await.unwrap().unwrap().id, ann);
        for change in [
            PersonChange { role: Some(Role::Admin), ..PersonChange::default() },
            PersonChange { active: Some(false), ..PersonChange::default() },
        ] {
            let mut changes = central.change(permit(Action::ChangePerson), &note("ann")).await.unwrap();
            assert!(matches!(changes.change_person(ann, &change).await, Err(CentralError::LastOwner)));
        }
        let mut changes = central.change(permit(Action::RemovePerson), &note("ann")).await.unwrap();
        assert!(matches!(changes.remove_person(ann).await, Err(CentralError::LastOwner)));
        drop(changes);
        assert_eq!(central.person(ann).await.unwrap().unwrap().role, Role::Owner);

        person(&central, "bob", Role::Owner).await;
        let mut changes = central.change(permit(Action::RemovePerson), &note("ann")).await.unwrap();
        changes.remove_person(ann).await.unwrap();
        changes.commit().await.unwrap();
        assert_eq!(central.person(ann).await.unwrap(), None);
    });
}

#[test]
fn accounts_can_be_changed_and_removed_before_anybody_owns_the_server() {
    on_both(async |Engine { central, .. }| {
        let ben = person(&central, "ben", Role::Student).await;
        let mut changes = central.change(permit(Action::ChangePerson), &note("ben")).await.unwrap();
        let change = PersonChange { role: Some(Role::Teacher), ..PersonChange::default() };
        changes.change_person(ben, &change).await.unwrap();
        changes.commit().await.unwrap();
        assert_eq!(central.person(ben).await.unwrap().unwrap().role, Role::Teacher);

        let mut changes = central.change(permit(Action::RemovePerson), &note("ben")).await.unwrap();
        changes.remove_person(ben).await.unwrap();
        changes.commit().await.unwrap();
        assert_eq!(central.person(ben).await.unwrap(), None);
    });
}

#[test]
fn groups_are_made_once_joined_and_left() {
    on_both(async |Engine { central, .. }| {
        let ann = person(&central, "ann", Role::Owner).await;
        let mut change = central.change(permit(Action::ChangeGroups), &note("7b")).await.unwrap();
        let group = change.group_named("7b").await.unwrap();
        assert_eq!(change.group_named(" 7b").await.unwrap(), group);
        change.join_group(group, ann).await.unwrap();
        change.join_group(group, ann).await.unwrap();
        change.commit().await.unwrap();
        assert_eq!(central.groups_of(ann).await.unwrap(), BTreeSet::from([group]));
        assert_eq!(central.groups().await.unwrap()[0].members, 1);

        let mut change = central.change(permit(Action::ChangeGroups), &note("7b")).await.unwrap();
        assert!(matches!(change.add_group("7b").await, Err(CentralError::Taken { .. })));
        drop(change);
        let mut change = central.change(permit(Action::ChangeGroups), &note("7b")).await.unwrap();
        change.set_groups(ann, &BTreeSet::new()).await.unwrap();
        change.remove_group(group).await.unwrap();
        change.commit().await.unwrap();
        assert_eq!(central.groups().await.unwrap(), []);
    });
}

#[test]
fn sessions_end_with_time_with_a_new_password_and_with_the_account() {
    on_both(async |Engine { central, .. }| {
        person(&central, "owner", Role::Owner).await;
        let ann = person(&central, "ann", Role::Teacher).await;
        let token = [9; 32];
        let new =
            NewSession { token: &token, person: ann, now_s: 100, address: "a", browser: "b\n", second_factor: false };
        central.add_session(&new).await.unwrap();

        assert!(central.session(&token, 99, 99).await.unwrap().is_some());
        assert!(central.session(&token, 100, 0).await.unwrap().is_none(), "begun too long ago");
        assert!(central.session(&token, 0, 100).await.unwrap().is_none(), "not seen for too long");
        assert!(central.session(&[8; 32], 0, 0).await.unwrap().is_none());
        central.touch_session(&token, 150).await.unwrap();
        assert!(central.session(&token, 0, 149).await.unwrap().is_some());

        let mut change = central.change(permit(Action::ChangePerson), &note("ann")).await.unwrap();
        let password = PersonChange { password: Some(("new", false)), ..PersonChange::default() };
        change.change_person(ann, &password).await.unwrap();
        change.commit().await.unwrap();
        assert!(central.session(&token, 0, 0).await.unwrap().is_none());

        central.add_session(&new).await.unwrap();
        let mut change = central.change(permit(Action::ChangePerson), &note("ann")).await.unwrap();
        change.change_person(ann, &PersonChange { active: Some(false), ..PersonChange::default() }).await.unwrap();
        change.commit().await.unwrap();
        assert!(central.session(&token, 0, 0).await.unwrap().is_none());
    });
}

#[test]
fn a_one_time_code_works_once() {
    on_both(async |Engine { central, .. }| {
        let ann = person(&central, "ann", Role::Owner).await;
        assert!(central.use_totp_step(ann, 7).await.unwrap());
        assert!(!central.use_totp_step(ann, 7).await.unwrap());
        assert!(!central.use_totp_step(ann, 6).await.unwrap());
        assert!(central.use_totp_step(ann, 8).await.unwrap());
    });
}

#[test]
fn keys_act_for_their_person_until_they_end() {
    on_both(async |Engine { central, .. }| {
        let ann = person(&central, "ann", Role::Owner).await;
        let scopes = BTreeSet::from([Scope::Read, Scope::Write]);
        let key =
            ApiKeyRow { id: 0, name: "script".to_owned(), scopes: scopes.clone(), created_s: 1, expires_s: Some(50) };
        let mut change = central.change(permit(Action::MakeKey), &note("key")).await.unwrap();
        let id = change.add_key(ann, &[4; 32], &key).await.unwrap();
        change.commit().await.unwrap();

        let owner = central.key_owner(&[4; 32], 49).await.unwrap().unwrap();
        assert_eq!((owner.person.id, owner.scopes), (ann, scopes));
        assert_eq!(central.key_owner(&[4; 32], 50).await.unwrap(), None);
        assert_eq!(central.key_owner(&[5; 32], 1).await.unwrap(), None);
        let mut change = central.change(permit(Action::MakeKey), &note("key")).await.unwrap();
        change.remove_key(ann, id).await.unwrap();
        change.commit().await.unwrap();
        assert_eq!(central.keys_of(ann).await.unwrap(), []);
    });
}

#[test]
fn an_enrolment_token_enrols_as_many_computers_as_it_says() {
    on_both(async |Engine { central, .. }| {
        let enrolment = EnrolmentRow {
            id: 0,
            note: "Lab A".to_owned(),
            role: Role::Student,
            group: None,
            uses_left: 2,
            expires_s: 100,
        };
        let mut change = central.change(permit(Action::EnrolDevice), &note("token")).await.unwrap();
        change.add_enrolment(&[1; 32], &enrolment).await.unwrap();
        change.commit().await.unwrap();
        let enrol = async |peer: u8, token: u8, now_s| {
            let new = NewDevice { peer: PeerId([peer; 32]), name: "PC", token: &[token; 32], now_s, address: "a" };
            central.enrol(&new, &note("device")).await.unwrap()
        };

        assert_eq!(enrol(1, 9, 0).await, None, "no such token");
        assert_eq!(enrol(1, 1, 100).await, None, "it is over");
        assert_eq!(enrol(1, 1, 0).await, Some(Role::Student));
        assert_eq!(enrol(2, 1, 0).await, Some(Role::Student));
        assert_eq!(enrol(3, 1, 0).await, None, "it was used up");
        assert_eq!(central.devices().await.unwrap().len(), 2);
        assert_eq!(central.enrolments(0).await.unwrap(), []);
    });
}

#[test]
fn uploads_go_on_where_they_were_and_move_from_state_to_state_once() {
    on_both(async |Engine { central, .. }| {
        let ann = person(&central, "ann", Role::Owner).await;
        let mut change = central.change(permit(Action::Upload), &note("upload")).await.unwrap();
        let audience = Audience::Room;
        change
            .add_batch(&NewBatch { id: "b", person: ann, title: "T", audience: &audience, alone: false, now_s: 1 })
            .await
            .unwrap();
        change.commit().await.unwrap();
        let new = |id, size| NewUpload { id, batch: "b", path: "a/b.txt", size, modified_s: Some(3) };
        let first = central.add_upload(&new("u1", 10)).await.unwrap();
        assert_eq!(central.add_upload(&new("u2", 10)).await.unwrap(), first, "the same file goes on");
        assert!(matches!(central.add_upload(&new("u3", 11)).await, Err(CentralError::Taken { .. })));
        assert_eq!(central.usage(ann).await.unwrap().bytes, 10);

        assert!(central.move_batch("b", BatchState::Open, BatchState::Sealing, 2).await.unwrap());
        assert!(!central.move_batch("b", BatchState::Open, BatchState::Sealing, 2).await.unwrap());
        central.end_batch("b", Ok(ShareId([3; 32])), 3).await.unwrap();
        let batch = central.batch("b").await.unwrap().unwrap();
        assert_eq!((batch.state, batch.share), (BatchState::Done, Some(ShareId([3; 32]))));
        assert_eq!(central.usage(ann).await.unwrap().bytes, 0, "what is done is counted as a share");
    });
}

#[test]
fn locks_are_had_by_one_and_given_on_when_their_time_is_over() {
    on_both(async |Engine { central, .. }| {
        assert!(central.take_lock("retention", "a", 0, 10).await.unwrap());
        assert!(!central.take_lock("retention", "b", 9, 20).await.unwrap());
        assert!(central.take_lock("retention", "a", 9, 20).await.unwrap());
        assert!(central.take_lock("retention", "b", 20, 30).await.unwrap());
    });
}

#[test]
fn failures_are_counted_and_forgiven() {
    on_both(async |Engine { central, .. }| {
        let more = |before: &Failures| Failures { count: before.count + 1, until_ms: 7, at_ms: 5 };
        let count = |before: &[Failures]| match before.iter().all(|before| before.count < 5) {
            true => Ok(before.iter().map(more).collect()),
            false => Err(()),
        };
        let who = ["account:1", "address:2"];
        let at_once = (0..8).map(|_| central.count_attempt(&who, count));
        let counted = futures_util::future::try_join_all(at_once).await.unwrap();
        assert_eq!(counted.iter().filter(|counted| counted.is_ok()).count(), 5, "each is counted before it is judged");
        let standing = async |who: &str| {
            let mut found = None;
            let look = |before: &[Failures]| {
                found = before.first().copied();
                Err::<Vec<Failures>, ()>(())
            };
            assert!(central.count_attempt(&[who], look).await.unwrap().is_err());
            found.unwrap()
        };
        assert_eq!(standing("account:1").await, Failures { count: 5, until_ms: 7, at_ms: 5 });
        central.take_back_attempt("account:1").await.unwrap();
        assert_eq!(standing("account:1").await, Failures { count: 4, until_ms: 0, at_ms: 5 });
        central.forgive("account:1").await.unwrap();
        assert_eq!(standing("account:1").await, Failures::default());
        assert_eq!(standing("address:2").await.count, 5);
    });
}

#[test]
fn a_damaged_or_newer_database_is_left_as_it_is() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let folder = tempfile::tempdir().unwrap();
        let path = super::sqlite_at(folder.path());
        std::fs::write(&path, vec![b'x'; 8192]).unwrap();
        let opened = Central::open(&Place::Sqlite(path.clone())).await;
        assert!(matches!(opened, Err(CentralError::Open { .. } | CentralError::Damaged { .. })));
        assert_eq!(std::fs::read(&path).unwrap(), vec![b'x'; 8192]);
    });
    on_both(async |engine: Engine| {
        let newer = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
             VALUES (999999999999, 'later', true, '', 0)";
        engine.tamper(newer).await;
        assert!(matches!(Central::open(&engine.place).await, Err(CentralError::Newer { .. })));
    });
}

/// The two sets of migrations must not drift apart.
#[test]
fn both_engines_have_the_same_tables_and_columns() {
    let columns = |text: &str| -> Vec<String> {
        let lines = text.lines().map(str::trim).filter(|line| !line.starts_with("--"));
        let lines = lines.filter(|line| !line.contains("files_words") && !line.starts_with("words"));
        let mut found: Vec<String> = vec![];
        for line in lines {
            let mut words = line.split_whitespace();
            let first = words.next().unwrap_or_default();
            let kind = words.next().unwrap_or_default();
            if first == "CREATE" || ["INTEGER", "BIGINT", "TEXT", "BLOB", "BYTEA"].contains(&kind) {
                let line = line.replace("BIGINT", "INTEGER").replace("BYTEA", "BLOB");
                found.push(line.split_whitespace().collect::<Vec<_>>().join(" "));
            }
        }
        found.retain(|line| !line.starts_with("number INTEGER PRIMARY KEY NOT NULL REFERENCES"));
        found
    };
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/store/migrations");
    let read = |name: &str| std::fs::read_to_string(folder.join(name).join("0001_server.sql")).unwrap();
    assert_eq!(columns(&read("server_sqlite")), columns(&read("server_postgres")));
}
