use std::fs;

use super::*;

#[test]
fn a_key_is_made_once_and_stays() {
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path().join("a/b");

    let (first, created) = Identity::load_or_create(&home, Some("machine")).unwrap();
    let (second, loaded) = Identity::load_or_create(&home, Some("machine")).unwrap();

    assert_eq!((created, loaded), (Origin::Created, Origin::Loaded));
    assert_eq!(first.id(), second.id());
    assert!(first.public_key().verifies(b"x", &second.sign(b"x")));
    assert_eq!(fs::read_dir(&home).unwrap().count(), 1, "no temporary file is left");
}

#[test]
fn the_certificate_carries_the_key() {
    let identity = Identity::ephemeral().unwrap();
    let certificate = rustls::server::ParsedCertificate::try_from(identity.certificate()).unwrap();
    assert_eq!(PeerId::of_spki(&certificate.subject_public_key_info()), identity.id());
}

#[test]
fn a_cloned_disk_gets_a_key_of_its_own_and_keeps_the_old_one_aside() {
    let folder = tempfile::tempdir().unwrap();
    let (original, _) = Identity::load_or_create(folder.path(), Some("machine 1")).unwrap();

    let (clone, origin) = Identity::load_or_create(folder.path(), Some("machine 2")).unwrap();

    assert_eq!(origin, Origin::ReplacedClone);
    assert_ne!(clone.id(), original.id());
    let aside = fs::read_to_string(folder.path().join("identity.key.cloned")).unwrap();
    assert_eq!(Identity::parse(&aside).unwrap().id(), original.id());
    assert_eq!(Identity::load_or_create(folder.path(), Some("machine 2")).unwrap().1, Origin::Loaded);
}

#[test]
fn without_a_machine_id_a_key_is_just_loaded() {
    let folder = tempfile::tempdir().unwrap();
    Identity::load_or_create(folder.path(), None).unwrap();
    for machine in [None, Some("machine 1"), Some("machine 2")] {
        assert_eq!(Identity::load_or_create(folder.path(), machine).unwrap().1, Origin::Loaded);
    }
}

#[test]
fn a_damaged_file_is_named_and_left_as_it_is() {
    let wrong_key = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
    for content in [&b""[..], b"\n", b"hello", wrong_key.as_bytes(), &[0xff; 50]] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE_NAME);
        fs::write(&path, content).unwrap();

        let error = Identity::load_or_create(folder.path(), None).unwrap_err();

        assert!(matches!(error, IdentityError::Damaged { .. }), "{error}");
        assert!(error.to_string().contains(FILE_NAME));
        assert_eq!(fs::read(&path).unwrap(), content);
    }
}

#[cfg(unix)]
mod unix {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn only_the_owner_may_read_the_key() {
        let folder = tempfile::tempdir().unwrap();
        let home = folder.path().join("home");
        let path = home.join(FILE_NAME);

        Identity::load_or_create(&home, None).unwrap();
        assert_eq!((mode(&home), mode(&path)), (0o700, 0o600));

        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        Identity::load_or_create(&home, None).unwrap();
        assert_eq!(mode(&path), 0o600);
    }

    #[test]
    fn a_link_or_a_folder_in_the_place_of_the_key_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE_NAME);
        symlink("/nowhere", &path).unwrap();
        assert!(matches!(Identity::load_or_create(folder.path(), None), Err(IdentityError::NotAFile { .. })));

        fs::remove_file(&path).unwrap();
        fs::create_dir(&path).unwrap();
        assert!(matches!(Identity::load_or_create(folder.path(), None), Err(IdentityError::NotAFile { .. })));
    }
}
