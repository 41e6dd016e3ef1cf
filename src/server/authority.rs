//! The server's certificate: the administrator's, or one of a small authority of our own.
//!
//! No public authority certifies a computer in a school's network, so the server makes its own: it can only certify names
//! and addresses that exist inside a network (RFC 5280 §4.2.1.10), and its certificate can be given to the room's
//! computers. The server's certificate lasts 90 days and is renewed a month before, or when the server's addresses change.

use std::{
    collections::BTreeSet,
    fs,
    net::{IpAddr, SocketAddr},
    path::{Path, PathBuf},
    sync::Arc,
};

use rcgen::{
    BasicConstraints, CertificateParams, CidrSubnet, DistinguishedName, DnType, ExtendedKeyUsagePurpose,
    GeneralSubtree, IsCa, Issuer, KeyPair, KeyUsagePurpose, NameConstraints, PKCS_ECDSA_P256_SHA256,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _};
use serde::{Deserialize, Serialize};
use time::{Duration, OffsetDateTime};
use tokio::sync::watch;

use super::{Config, ServerError};
use crate::net::{interfaces::reachable_at, tls::SiteTls};

const DAYS: i64 = 90;
const RENEW_BEFORE_DAYS: i64 = 30;
const AUTHORITY_YEARS: i64 = 10;

/// Who certifies the server, and the TLS that follows.
pub(crate) struct Authority {
    folder: PathBuf,
    /// Names under which browsers come.
    names: Vec<String>,
    bound: SocketAddr,
    /// `None`: the certificate is the administrator's.
    own: bool,
    tls: watch::Sender<Arc<SiteTls>>,
}

/// What is remembered of the server's certificate, so that it need not be read apart.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Issued {
    not_after_s: i64,
    names: BTreeSet<String>,
}

impl Authority {
    /// Takes the administrator's certificate, or makes what is missing of our own.
    pub fn open(config: &Config, bound: SocketAddr) -> Result<Authority, ServerError> {
        let names = names(config);
        let folder = config.tls();
        let tls = match &config.certificate {
            Some((certificate, key)) => read_tls(certificate, key)?,
            None => {
                super::make_private(&folder).map_err(|error| failed(&folder, &error))?;
                issue_if_due(&folder, &names, bound)?;
                read_tls(&folder.join("server.pem"), &folder.join("server.key"))?
            }
        };
        let own = config.certificate.is_none();
        Ok(Authority { folder, names, bound, own, tls: watch::Sender::new(Arc::new(tls)) })
    }

    pub fn tls(&self) -> watch::Receiver<Arc<SiteTls>> {
        self.tls.subscribe()
    }

    /// Renews the certificate when it is time. Tells whether it did.
    pub fn renew(&self) -> Result<bool, ServerError> {
        if !self.own || !issue_if_due(&self.folder, &self.names, self.bound)? {
            return Ok(false);
        }
        let tls = read_tls(&self.folder.join("server.pem"), &self.folder.join("server.key"))?;
        self.tls.send_replace(Arc::new(tls));
        Ok(true)
    }

    /// The authority's certificate as PEM, for the room's computers to trust.
    pub fn certificate(&self) -> Option<String> {
        self.own.then(|| fs::read_to_string(self.folder.join("authority.pem")).ok()).flatten()
    }

    /// SHA-256 of the authority's certificate, as browsers show it.
    pub fn fingerprint(&self) -> Option<String> {
        let der = CertificateDer::from_pem_slice(self.certificate()?.as_bytes()).ok()?;
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &der);
        let pairs: Vec<String> = digest.as_ref().iter().map(|byte| format!("{byte:02X}")).collect();
        Some(pairs.join(":"))
    }

    /// Whether a request's host is one of ours. Addresses are: only names can be turned to another address behind a
    /// browser's back (DNS rebinding).
    pub fn knows_host(&self, host: &str) -> bool {
        let name = match host.strip_prefix('[') {
            Some(rest) => rest.split(']').next().unwrap_or(""),
            None => host.rsplit_once(':').map_or(host, |(name, _)| name),
        };
        let name = name.trim_end_matches('.').to_lowercase();
        name.parse::<IpAddr>().is_ok() || self.names.contains(&name)
    }

    /// The address to show people, best first.
    pub fn addresses(&self) -> Vec<String> {
        let port = self.bound.port();
        let suffix = if port == 443 { String::new() } else { format!(":{port}") };
        let reachable = reachable_at(self.bound);
        let ips = reachable.iter().filter(|address| !is_link_local(address.ip())).map(|address| match address.ip() {
            IpAddr::V4(ip) => format!("https://{ip}{suffix}"),
            IpAddr::V6(ip) => format!("https://[{ip}]{suffix}"),
        });
        // A phone may know no names of mDNS, so these come last.
        let (mdns, given): (Vec<_>, Vec<_>) =
            self.names.iter().filter(|name| name.contains('.')).partition(|name| name.ends_with(".local"));
        let named = |name: &String| format!("https://{name}{suffix}");
        given.into_iter().map(named).chain(ips).chain(mdns.into_iter().map(named)).collect()
    }
}

/// Our own names: those of the configuration, the computer's, and what it is called by mDNS.
fn names(config: &Config) -> Vec<String> {
    let mut names = config.names.clone();
    let own = gethostname::gethostname().to_string_lossy().to_lowercase();
    let own = own.trim_end_matches(".local");
    let valid = |name: &str| {
        !name.is_empty() && name.chars().all(|letter| letter.is_ascii_alphanumeric() || "-.".contains(letter))
    };
    if valid(own) {
        let short = own.split('.').next().unwrap_or(own);
        names.extend([own.to_owned(), format!("{short}.local")]);
    }
    names.push("localhost".to_owned());
    let mut seen = BTreeSet::new();
    names.retain(|name| seen.insert(name.clone()));
    names
}

fn is_link_local(ip: IpAddr) -> bool {
    matches!(ip, IpAddr::V6(ip) if ip.is_unicast_link_local())
}

/// Makes the authority if there is none, and the server's certificate if it is missing, soon over, or for other addresses.
fn issue_if_due(folder: &Path, names: &[String], bound: SocketAddr) -> Result<bool, ServerError> {
    let wrong = |error: rcgen::Error| ServerError::Certificate(error.to_string());
    let now = OffsetDateTime::now_utc();
    let mut wanted: BTreeSet<String> = names.iter().cloned().collect();
    wanted.extend(reachable_at(bound).iter().filter(|at| !is_link_local(at.ip())).map(|at| at.ip().to_string()));
    wanted.extend(["127.0.0.1".to_owned(), "::1".to_owned()]);
    let issued = fs::read_to_string(folder.join("issued.json")).ok();
    let issued: Option<Issued> = issued.and_then(|text| serde_json::from_str(&text).ok());
    let good = issued.is_some_and(|issued| {
        let left_s = issued.not_after_s - now.unix_timestamp();
        left_s > RENEW_BEFORE_DAYS * 86_400 && wanted.is_subset(&issued.names)
    });
    if good && folder.join("server.pem").exists() && folder.join("server.key").exists() {
        return Ok(false);
    }
    let (authority, key) = authority(folder, now)?;
    let issuer = Issuer::from_params(&authority, key);
    let server_key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(wrong)?;
    let certified: Vec<String> = wanted.iter().filter(|name| may_be_certified(name)).cloned().collect();
    let mut params = CertificateParams::new(certified).map_err(wrong)?;
    params.distinguished_name = common_name("Handout server");
    params.not_before = now - Duration::hours(1);
    params.not_after = now + Duration::days(DAYS);
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.use_authority_key_identifier_extension = true;
    let certificate = params.signed_by(&server_key, &issuer).map_err(wrong)?;
    let issued = Issued { not_after_s: params.not_after.unix_timestamp(), names: wanted };
    write_private(&folder.join("server.key"), &server_key.serialize_pem())?;
    write_private(&folder.join("server.pem"), &certificate.pem())?;
    let text = serde_json::to_string(&issued).map_err(|error| ServerError::Certificate(error.to_string()))?;
    write_private(&folder.join("issued.json"), &text)?;
    Ok(true)
}

/// Names inside a network and private addresses; an administrator's other names need a certificate of their own.
fn may_be_certified(name: &str) -> bool {
    match name.parse::<IpAddr>() {
        Ok(IpAddr::V4(ip)) => ip.is_private() || ip.is_loopback() || ip.is_link_local(),
        Ok(IpAddr::V6(ip)) => ip.is_loopback() || ip.is_unique_local() || ip.is_unicast_link_local(),
        Err(_) => true,
    }
}

/// The authority's key and certificate as PEM; made where there are none.
pub(super) fn own(folder: &Path) -> Result<(String, String), ServerError> {
    super::make_private(folder).map_err(|error| failed(folder, &error))?;
    authority(folder, OffsetDateTime::now_utc())?;
    let read = |name: &str| {
        let path = folder.join(name);
        fs::read_to_string(&path).map_err(|error| failed(&path, &error))
    };
    Ok((read("authority.key")?, read("authority.pem")?))
}

/// Makes this the authority of the folder. Another one that is there is put aside, and the server's certificate is made
/// anew.
pub(super) fn install(folder: &Path, key: &str, certificate: &str) -> Result<(), ServerError> {
    super::make_private(folder).map_err(|error| failed(folder, &error))?;
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
    params.not_before = now - Duration::hours(1);
    params.not_after = now + Duration::days(AUTHORITY_YEARS * 365);
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
/// addresses (RFC 1918, 3927, 4193, 4291).
fn permitted() -> Vec<GeneralSubtree> {
    let own = gethostname::gethostname().to_string_lossy().to_lowercase();
    let mut names: Vec<String> =
        ["localhost", "local", "internal", "lan", "home.arpa", "test"].map(str::to_owned).into();
    if !own.is_empty() && own.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '-') {
        names.push(own);
    }
    let v4 = |ip: [u8; 4], bits: u8| CidrSubnet::from_addr_prefix(IpAddr::from(ip), bits);
    let v6 = |text: &str, bits: u8| text.parse().ok().map(|ip: IpAddr| CidrSubnet::from_addr_prefix(ip, bits));
    let nets = [v4([10, 0, 0, 0], 8), v4([172, 16, 0, 0], 12), v4([192, 168, 0, 0], 16), v4([127, 0, 0, 0], 8)];
    let nets = nets.into_iter().chain([v4([169, 254, 0, 0], 16)]);
    let nets = nets.chain([v6("::1", 128), v6("fc00::", 7), v6("fe80::", 10)].into_iter().flatten());
    names.into_iter().map(GeneralSubtree::DnsName).chain(nets.map(GeneralSubtree::IpAddress)).collect()
}

pub(super) fn read_tls(certificate: &Path, key: &Path) -> Result<SiteTls, ServerError> {
    let unreadable = |path: &Path, error: &dyn std::fmt::Display| {
        ServerError::Certificate(format!("{} can't be read: {error}", path.display()))
    };
    let chain = CertificateDer::pem_file_iter(certificate)
        .and_then(|chain| chain.collect::<Result<Vec<_>, _>>())
        .map_err(|error| unreadable(certificate, &error))?;
    let key = PrivateKeyDer::from_pem_file(key).map_err(|error| unreadable(key, &error))?;
    SiteTls::new(chain, key).map_err(|error| ServerError::Certificate(error.to_string()))
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
        fs::rename(&temporary, path)
    })();
    written.map_err(|error| failed(path, &error))
}

fn failed(path: &Path, error: &std::io::Error) -> ServerError {
    ServerError::Folder { path: path.to_owned(), reason: error.to_string() }
}
