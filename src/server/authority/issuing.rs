//! Making certificates: the authority's own, and those that it signs.

use std::{
    collections::BTreeSet,
    fs,
    net::{IpAddr, SocketAddr},
    path::Path,
};

use rcgen::{
    BasicConstraints, CertificateParams, CidrSubnet, DistinguishedName, DnType, ExtendedKeyUsagePurpose,
    GeneralSubtree, IsCa, Issuer, KeyPair, KeyUsagePurpose, NameConstraints, PKCS_ECDSA_P256_SHA256,
};
use rustls::pki_types::{CertificateDer, pem::PemObject as _};
use serde::{Deserialize, Serialize};
use time::{Duration, OffsetDateTime};

use super::is_link_local;
use crate::{
    net::interfaces::reachable_at,
    server::{
        ServerError, make_private,
        validity::{Validity, is_good_for},
    },
};

const DAYS: i64 = 90;
const RENEW_BEFORE_DAYS: i64 = 30;
const AUTHORITY_YEARS: i64 = 10;
/// Administrators need time to bring a new one to every computer.
const RENEW_AUTHORITY_BEFORE_DAYS: i64 = 2 * 365;
/// When this program was made: no clock that shows less is right.
const MADE_S: i64 = 1_764_547_200;

/// What is remembered of the server's certificate, so that it need not be read apart.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Issued {
    not_after_s: i64,
    /// The names that were asked for, and those of them that the authority may not certify.
    names: BTreeSet<String>,
    #[serde(default)]
    pub left_out: Option<BTreeSet<String>>,
}

/// Makes the authority if there is none, and the server's certificate if it is missing, soon over, or for other addresses.
pub(super) fn issue_if_due(
    folder: &Path,
    names: &[String],
    bound: SocketAddr,
    now: OffsetDateTime,
) -> Result<bool, ServerError> {
    let wrong = |error: rcgen::Error| ServerError::Certificate(error.to_string());
    let mut wanted: BTreeSet<String> = names.iter().cloned().collect();
    wanted.extend(reachable_at(bound).iter().filter(|at| !is_link_local(at.ip())).map(|at| at.ip().to_string()));
    wanted.extend(["127.0.0.1".to_owned(), "::1".to_owned()]);
    let now_s = now.unix_timestamp();
    let read = |name: &str| CertificateDer::from_pem_file(folder.join(name)).ok();
    let of = |name: &str| read(name).and_then(|der| Validity::of(&der));
    let renewed = renew_authority_if_due(folder, of("authority.pem"), now)?;
    let good =
        !renewed && issued(folder).is_some_and(|issued| issued.left_out.is_some() && wanted.is_subset(&issued.names));
    let holds = of("server.pem")
        .is_some_and(|validity| validity.holds(now_s) && validity.until_s - now_s > RENEW_BEFORE_DAYS * 86_400);
    if good && holds && folder.join("server.key").exists() {
        return Ok(false);
    }
    let (authority, key) = authority(folder, now)?;
    let issuer = Issuer::from_params(&authority, key);
    let server_key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(wrong)?;
    let signed = |names: Vec<String>| {
        let mut params = CertificateParams::new(names).map_err(wrong)?;
        params.distinguished_name = common_name("Handout server");
        // Clocks of the room may be behind.
        params.not_before = now - Duration::days(1);
        params.not_after = now + Duration::days(DAYS);
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        let certificate = params.signed_by(&server_key, &issuer).map_err(wrong)?;
        Ok::<_, ServerError>((certificate, params.not_after.unix_timestamp()))
    };
    let root =
        read("authority.pem").ok_or_else(|| ServerError::Certificate("the authority can't be read".to_owned()))?;
    let certified = |name: &String| {
        let trial = signed(vec![name.clone()]);
        trial.is_ok_and(|(trial, _)| is_good_for(&root, trial.der(), name, now_s))
    };
    let (certified, left_out): (BTreeSet<String>, BTreeSet<String>) = wanted.iter().cloned().partition(certified);
    let (certificate, not_after_s) = signed(certified.into_iter().collect())?;
    let issued = Issued { not_after_s, names: wanted, left_out: Some(left_out) };
    write_private(&folder.join("server.key"), &server_key.serialize_pem())?;
    write_private(&folder.join("server.pem"), &certificate.pem())?;
    let text = serde_json::to_string(&issued).map_err(|error| ServerError::Certificate(error.to_string()))?;
    write_private(&folder.join("issued.json"), &text)?;
    Ok(true)
}

pub(super) fn issued(folder: &Path) -> Option<Issued> {
    let text = fs::read_to_string(folder.join("issued.json")).ok()?;
    serde_json::from_str(&text).ok()
}

/// Makes the authority's certificate anew with the same key, where the one that is there ends soon or does not hold by the
/// clock. Tells whether it did.
fn renew_authority_if_due(folder: &Path, validity: Option<Validity>, now: OffsetDateTime) -> Result<bool, ServerError> {
    let (key_path, path) = (folder.join("authority.key"), folder.join("authority.pem"));
    let now_s = now.unix_timestamp();
    let good = validity.is_some_and(|validity| {
        validity.from_s <= now_s.max(MADE_S) && validity.until_s - now_s > RENEW_AUTHORITY_BEFORE_DAYS * 86_400
    });
    if good || !path.exists() || !key_path.exists() {
        return Ok(false);
    }
    let (params, key) = authority(folder, now)?;
    let certificate = params.self_signed(&key).map_err(|error| ServerError::Certificate(error.to_string()))?;
    write_private(&path, &certificate.pem())?;
    tracing::warn!(
        "the certificate of the server's authority was made anew; give it to the room's computers before the old one ends"
    );
    Ok(true)
}

/// The authority's key and certificate as PEM; made where there are none.
pub(in crate::server) fn own(folder: &Path) -> Result<(String, String), ServerError> {
    make_private(folder).map_err(|error| failed(folder, &error))?;
    authority(folder, OffsetDateTime::now_utc())?;
    let read = |name: &str| {
        let path = folder.join(name);
        fs::read_to_string(&path).map_err(|error| failed(&path, &error))
    };
    Ok((read("authority.key")?, read("authority.pem")?))
}

/// Makes this the authority of the folder. Another one that is there is put aside, and the server's certificate is made
/// anew.
pub(in crate::server) fn install(folder: &Path, key: &str, certificate: &str) -> Result<(), ServerError> {
    make_private(folder).map_err(|error| failed(folder, &error))?;
    KeyPair::from_pem(key).map_err(|error| ServerError::Certificate(error.to_string()))?;
    let (key_path, path) = (folder.join("authority.key"), folder.join("authority.pem"));
    if fs::read_to_string(&key_path).is_ok_and(|there| there == key) {
        return Ok(());
    }
    for there in [&key_path, &path] {
        if there.exists() {
            let mut aside = there.clone().into_os_string();
            aside.push(".before");
            fs::rename(there, aside).map_err(|error| failed(there, &error))?;
        }
    }
    fs::remove_file(folder.join("issued.json")).ok();
    write_private(&key_path, key)?;
    write_private(&path, certificate)
}

/// The authority, read or made. Its description is always the same, so only the key and the certificate are kept.
fn authority(folder: &Path, now: OffsetDateTime) -> Result<(CertificateParams, KeyPair), ServerError> {
    let wrong = |error: rcgen::Error| ServerError::Certificate(error.to_string());
    let mut params = CertificateParams::new(vec![]).map_err(wrong)?;
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.name_constraints = Some(NameConstraints { permitted_subtrees: permitted(), excluded_subtrees: vec![] });
    let made = OffsetDateTime::from_unix_timestamp(MADE_S).unwrap_or(now);
    params.not_before = made;
    params.not_after = now.max(made) + Duration::days(AUTHORITY_YEARS * 365);
    let (key_path, path) = (folder.join("authority.key"), folder.join("authority.pem"));
    if let (Ok(key), true) = (fs::read_to_string(&key_path), path.exists()) {
        let key = KeyPair::from_pem(&key).map_err(wrong)?;
        params.distinguished_name = authority_name(&key);
        return Ok((params, key));
    }
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(wrong)?;
    params.distinguished_name = authority_name(&key);
    let certificate = params.self_signed(&key).map_err(wrong)?;
    write_private(&key_path, &key.serialize_pem())?;
    write_private(&path, &certificate.pem())?;
    Ok((params, key))
}

/// Two servers' authorities must not have one name, or browsers take one for the other.
fn authority_name(key: &KeyPair) -> DistinguishedName {
    let hash = blake3::hash(rcgen::PublicKeyData::der_bytes(key)).to_hex();
    common_name(&format!("Handout local authority {}", &hash.as_str()[..8]))
}

fn common_name(name: &str) -> DistinguishedName {
    let mut named = DistinguishedName::new();
    named.push(DnType::CommonName, name);
    named
}

/// What exists only inside a network: special names (RFC 6761, 6762, and what routers use), names without a dot, and private
/// addresses (RFC 1918, 3927, 4193, 4291, 6598).
fn permitted() -> Vec<GeneralSubtree> {
    let names = permitted_names();
    let v4 = |ip: [u8; 4], bits: u8| CidrSubnet::from_addr_prefix(IpAddr::from(ip), bits);
    let v6 = |text: &str, bits: u8| text.parse().ok().map(|ip: IpAddr| CidrSubnet::from_addr_prefix(ip, bits));
    let nets = [v4([10, 0, 0, 0], 8), v4([172, 16, 0, 0], 12), v4([192, 168, 0, 0], 16), v4([127, 0, 0, 0], 8)];
    let nets = nets.into_iter().chain([v4([169, 254, 0, 0], 16), v4([100, 64, 0, 0], 10)]);
    let nets = nets.chain([v6("::1", 128), v6("fc00::", 7), v6("fe80::", 10)].into_iter().flatten());
    names.into_iter().map(GeneralSubtree::DnsName).chain(nets.map(GeneralSubtree::IpAddress)).collect()
}

pub(super) fn permitted_names() -> Vec<String> {
    let own = gethostname::gethostname().to_string_lossy().to_lowercase();
    let mut names: Vec<String> =
        ["localhost", "local", "internal", "lan", "home.arpa", "test"].map(str::to_owned).into();
    if !own.is_empty() && own.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '-') {
        names.push(own);
    }
    names
}

/// Written whole under another name first, for the owner alone.
fn write_private(path: &Path, text: &str) -> Result<(), ServerError> {
    let temporary = path.with_extension("new");
    let written = (|| {
        let mut options = fs::OpenOptions::new();
        options.write(true).create(true).truncate(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(&temporary)?;
        std::io::Write::write_all(&mut file, text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&temporary, path)?;
        crate::store::lasting::sync_name(path)
    })();
    written.map_err(|error| failed(path, &error))
}

pub(super) fn failed(path: &Path, error: &std::io::Error) -> ServerError {
    ServerError::Folder { path: path.to_owned(), reason: error.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    const YEAR_S: i64 = 365 * 86_400;

    struct Made {
        folder: tempfile::TempDir,
        names: Vec<String>,
    }

    impl Made {
        fn new(names: &[&str]) -> Made {
            Made { folder: tempfile::tempdir().unwrap(), names: names.iter().map(|name| (*name).to_owned()).collect() }
        }

        fn issue(&self, now_s: i64) -> bool {
            let now = OffsetDateTime::from_unix_timestamp(now_s).unwrap();
            issue_if_due(self.folder.path(), &self.names, "127.0.0.1:443".parse().unwrap(), now).unwrap()
        }

        fn read(&self, name: &str) -> CertificateDer<'static> {
            CertificateDer::from_pem_file(self.folder.path().join(name)).unwrap()
        }

        /// Whether both certificates hold, and the server's is good for `name`.
        fn holds(&self, name: &str, now_s: i64) -> bool {
            let (root, leaf) = (self.read("authority.pem"), self.read("server.pem"));
            let both = [&root, &leaf].iter().all(|der| Validity::of(der).unwrap().holds(now_s));
            both && is_good_for(&root, &leaf, name, now_s)
        }
    }

    #[test]
    fn what_was_made_while_the_clock_was_wrong_is_made_anew_when_it_is_right() {
        let right = MADE_S + YEAR_S;
        for wrong in [0, 1_000_000_000, right - 2 * YEAR_S, right + 40 * 86_400, right + YEAR_S, right + 30 * YEAR_S] {
            let made = Made::new(&["localhost"]);
            made.issue(wrong);
            let key = fs::read_to_string(made.folder.path().join("authority.key")).unwrap();
            made.issue(right);
            assert!(made.holds("localhost", right), "after {wrong}");
            assert!(!made.issue(right + 60), "nothing is made each minute");
            // The clock jumps while it runs, and back.
            made.issue(wrong);
            made.issue(right);
            assert!(made.holds("127.0.0.1", right), "after {wrong} again");
            assert_eq!(fs::read_to_string(made.folder.path().join("authority.key")).unwrap(), key);
        }
    }

    #[test]
    fn the_authority_is_renewed_before_its_end_and_who_trusts_the_old_one_trusts_on() {
        let (made, begun) = (Made::new(&["localhost"]), MADE_S + YEAR_S);
        made.issue(begun);
        let old = made.read("authority.pem");
        let later = begun + 8 * YEAR_S + 10 * 86_400;
        assert!(made.issue(later));
        assert!(made.read("authority.pem") != old && made.holds("localhost", later));
        let left_s = Validity::of(&made.read("authority.pem")).unwrap().until_s - later;
        assert!(left_s > 9 * YEAR_S, "{left_s}");
        assert!(is_good_for(&old, &made.read("server.pem"), "localhost", later), "by the certificate of before");
    }

    #[test]
    fn names_outside_the_authority_spoil_the_certificate_for_no_other() {
        let made = Made::new(&["files.myschool.de", "files", "lab.school.lan", "localhost", "8.8.8.8", "100.64.1.2"]);
        let now = MADE_S + YEAR_S;
        made.issue(now);
        for name in ["localhost", "127.0.0.1", "lab.school.lan", "100.64.1.2", "::1"] {
            assert!(made.holds(name, now), "{name}");
        }
        let left_out: Vec<String> = issued(made.folder.path()).unwrap().left_out.unwrap().into_iter().collect();
        assert_eq!(left_out, ["8.8.8.8", "files", "files.myschool.de"]);
        assert!(!made.issue(now + 60));
        // One that was issued before anybody tried its names is looked at again.
        let path = made.folder.path().join("issued.json");
        let mut before: serde_json::Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
        before.as_object_mut().unwrap().remove("left_out");
        fs::write(&path, before.to_string()).unwrap();
        assert!(made.issue(now + 60));
    }
}
