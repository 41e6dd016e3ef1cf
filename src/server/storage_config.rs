//! The part of `server.toml` that says where the bytes are: on this disk, or in an object store with all that is needed to
//! use it. Keys of the store are never written into `server.toml`: they come from the environment or from a file of their
//! own, as other programs for S3 have them.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use serde::Deserialize;

use crate::store::objects::{AccessKeys, Bucket, GRACE_MIN};

/// An object store, and how it is used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectStorage {
    pub bucket: Bucket,
    /// Certificates to trust beside the public ones.
    pub authority: Option<PathBuf>,
    /// What this process keeps on its own disk, at most.
    pub cache_bytes: u64,
    /// How long an object that no row names is kept.
    pub grace: Duration,
}

/// `[storage]`, as it is written.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Storage {
    pub reserve_mib: Option<u64>,
    url: Option<String>,
    endpoint: Option<String>,
    region: Option<String>,
    virtual_hosted: Option<bool>,
    credentials_file: Option<PathBuf>,
    profile: Option<String>,
    authority_file: Option<PathBuf>,
    cache_mib: Option<u64>,
    keep_unnamed_hours: Option<u64>,
}

const CACHE_MIB: u64 = 10 * 1024;
const CACHE_MIB_MIN: u64 = 64;

impl Storage {
    /// `None`: the bytes lie on this disk. `variable`: reads the environment.
    pub fn objects(
        &self,
        home: &Path,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Option<ObjectStorage>, String> {
        let Some(url) = &self.url else { return self.needs_no_store().map(|()| None) };
        let (name, prefix) = bucket_of(url)?;
        let is_address = |text: &str| {
            let host = text.strip_prefix("https://").or(text.strip_prefix("http://"));
            host.is_some_and(|host| !host.is_empty())
        };
        if let Some(endpoint) = self.endpoint.as_deref().filter(|endpoint| !is_address(endpoint)) {
            return Err(format!("storage.endpoint: {endpoint:?} begins neither with https:// nor with http://"));
        }
        let keys = match &self.credentials_file {
            Some(path) => keys_in(&home.join(path), self.profile.as_deref().unwrap_or("default"))?,
            None => keys_of(|key| variable(&key.to_uppercase())).ok_or_else(|| {
                "storage.url: the keys of the store are missing; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or name \
                 a file with them as storage.credentials_file"
                    .to_owned()
            })?,
        };
        let cache_mib = self.cache_mib.unwrap_or(CACHE_MIB);
        if cache_mib < CACHE_MIB_MIN {
            return Err(format!("storage.cache_mib: {cache_mib} is less than the {CACHE_MIB_MIN} that reading needs"));
        }
        let grace = Duration::from_secs(self.keep_unnamed_hours.unwrap_or(0).saturating_mul(3600));
        if self.keep_unnamed_hours.is_some() && grace < GRACE_MIN {
            return Err("storage.keep_unnamed_hours: less than 24 would delete what is just being written".to_owned());
        }
        let endpoint = self.endpoint.as_deref().map(|endpoint| endpoint.trim_end_matches('/').to_owned());
        let region = self.region.clone().or_else(|| variable("AWS_REGION")).unwrap_or_else(|| "us-east-1".to_owned());
        let virtual_hosted = self.virtual_hosted.unwrap_or(endpoint.is_none());
        Ok(Some(ObjectStorage {
            bucket: Bucket { name, prefix, endpoint, region, virtual_hosted, keys },
            authority: self.authority_file.as_ref().map(|path| home.join(path)),
            cache_bytes: cache_mib.saturating_mul(1 << 20),
            grace: grace.max(GRACE_MIN),
        }))
    }

    /// Whoever writes one of these and no address would think that it holds.
    fn needs_no_store(&self) -> Result<(), String> {
        let written = [
            ("endpoint", self.endpoint.is_some()),
            ("region", self.region.is_some()),
            ("virtual_hosted", self.virtual_hosted.is_some()),
            ("credentials_file", self.credentials_file.is_some()),
            ("profile", self.profile.is_some()),
            ("authority_file", self.authority_file.is_some()),
            ("cache_mib", self.cache_mib.is_some()),
            ("keep_unnamed_hours", self.keep_unnamed_hours.is_some()),
        ];
        match written.iter().find(|(_, written)| *written) {
            Some((key, _)) => Err(format!("storage.{key} belongs to storage.url, which is missing")),
            None => Ok(()),
        }
    }
}

fn bucket_of(url: &str) -> Result<(String, String), String> {
    let bad = || {
        let names =
            "a bucket's name has 3 to 63 small letters, digits, - and .; a folder's has letters, digits, -, _ and .";
        format!("storage.url: {url:?} is not s3://BUCKET or s3://BUCKET/FOLDER ({names})")
    };
    let rest = url.strip_prefix("s3://").ok_or_else(bad)?;
    let (name, prefix) = rest.split_once('/').unwrap_or((rest, ""));
    let fits = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || "-.".contains(letter);
    let prefix = prefix.trim_matches('/');
    let clean = |part: &str| {
        !part.is_empty() && part.chars().all(|letter| letter.is_ascii_alphanumeric() || "-_.".contains(letter))
    };
    if !(3..=63).contains(&name.len())
        || !name.chars().all(fits)
        || !(prefix.is_empty() || prefix.split('/').all(clean))
    {
        return Err(bad());
    }
    Ok((name.to_owned(), prefix.to_owned()))
}

fn keys_of(value: impl Fn(&str) -> Option<String>) -> Option<AccessKeys> {
    let value = |key: &str| value(key).filter(|value| !value.is_empty());
    let (id, secret) = (value("aws_access_key_id")?, value("aws_secret_access_key")?);
    Some(AccessKeys { id, secret, session: value("aws_session_token") })
}

/// Reads a credentials file of the form that the AWS programs use: `[profile]`, then `key = value` lines.
fn keys_in(path: &Path, profile: &str) -> Result<AccessKeys, String> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| format!("storage.credentials_file: {} can't be read: {error}", path.display()))?;
    let wanted = format!("[{profile}]");
    let inside = text.lines().map(str::trim).skip_while(|line| *line != wanted).skip(1);
    let lines: Vec<(&str, &str)> =
        inside.take_while(|line| !line.starts_with('[')).filter_map(|line| line.split_once('=')).collect();
    let value = |key: &str| lines.iter().find(|(name, _)| name.trim() == key).map(|(_, value)| value.trim().to_owned());
    keys_of(value).ok_or_else(|| {
        format!(
            "storage.credentials_file: {} has no aws_access_key_id and aws_secret_access_key under {wanted}",
            path.display()
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Option<ObjectStorage>, String> {
        let storage: Storage = toml::from_str(text).map_err(|error| error.to_string())?;
        storage.objects(Path::new("/home"), |name| name.starts_with("AWS_").then(|| format!("of {name}")))
    }

    #[test]
    fn a_bucket_is_read_with_its_folder_and_the_keys_of_the_environment() {
        let storage =
            read("url = 's3://files/school/lab'\nendpoint = 'http://store:3900/'\ncache_mib = 100").unwrap().unwrap();
        assert_eq!((storage.bucket.name.as_str(), storage.bucket.prefix.as_str()), ("files", "school/lab"));
        assert_eq!(storage.bucket.endpoint.as_deref(), Some("http://store:3900"));
        assert_eq!(storage.bucket.keys.secret, "of AWS_SECRET_ACCESS_KEY");
        assert_eq!((storage.cache_bytes, storage.grace), (100 << 20, GRACE_MIN));
        assert!(!storage.bucket.virtual_hosted, "stores of one's own have no names for buckets");
        assert!(!format!("{storage:?}").contains("of AWS"), "keys are never shown");
        assert_eq!(read("reserve_mib = 7"), Ok(None));
    }

    #[test]
    fn what_can_not_be_used_is_named() {
        let check = |text: &str, said: &str| {
            let error = read(text).unwrap_err();
            assert!(error.contains(said), "{error}");
        };
        for url in ["http://x", "s3://", "s3://Files", "s3://ab", "s3://files/a//b", "s3://files/.. /x"] {
            check(&format!("url = '{url}'"), "storage.url");
        }
        check("endpoint = 'http://x'", "storage.endpoint belongs to storage.url");
        check("url = 's3://files'\nendpoint = 'store:1'", "storage.endpoint");
        check("url = 's3://files'\ncache_mib = 1", "storage.cache_mib");
        check("url = 's3://files'\nkeep_unnamed_hours = 1", "storage.keep_unnamed_hours");
        check("url = 's3://files'\ncredentials_file = 'gone'", "/home/gone can't be read");
        check("bucket = 'x'", "bucket");
    }

    #[test]
    fn keys_are_read_from_a_file_as_other_programs_have_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("credentials");
        let text = "[other]\naws_access_key_id = no\naws_secret_access_key = no\n[default]\n# mine\naws_access_key_id=A\n\
            aws_secret_access_key = b=c\n[third]\n";
        std::fs::write(&path, text).unwrap();
        assert_eq!(
            keys_in(&path, "default").unwrap(),
            AccessKeys { id: "A".into(), secret: "b=c".into(), session: None }
        );
        assert!(keys_in(&path, "third").unwrap_err().contains("[third]"));
    }
}
