//! With which server this computer is enrolled, and what that server last said: one small file, whole or not at all.
//!
//! Policy and membership are kept as they travel, signed; whoever reads them back checks them as a stranger's. `floor` is
//! the highest version of the policy that was ever taken, so that an older document in its place is noticed.

use std::{
    fs,
    io::{self, Read as _, Write as _},
    path::{Path, PathBuf},
};

use data_encoding::BASE64;
use serde::{Deserialize, Serialize};

use super::{disk_error::DiskError, have_map::TEMPORARY};

const FILE_NAME: &str = "enrolment.json";
/// A policy of the greatest length, and the rest.
const BYTES_MAX: u64 = 8 << 20;

/// What is kept; ids and bytes as text, so that the file can be read by people.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnrolmentRecord {
    /// The server's id.
    pub server: String,
    pub name: String,
    /// `HOST:PORT` under which it was reached.
    pub address: String,
    pub role: String,
    /// Groups to which this computer may give: number and name.
    pub groups: Vec<(i64, String)>,
    /// Seconds since 1970.
    pub enrolled_s: i64,
    /// The highest version of the policy that was taken.
    pub floor: u64,
    /// What stands for the token of the machine's file that it was enrolled by; empty: none, or it is not known.
    #[serde(default)]
    pub ticket: String,
    /// The signed policy, in base64.
    pub policy: String,
    /// The signed membership, in base64.
    pub membership: String,
}

impl EnrolmentRecord {
    pub fn encode(bytes: &[u8]) -> String {
        BASE64.encode(bytes)
    }

    pub fn policy_bytes(&self) -> Option<Vec<u8>> {
        BASE64.decode(self.policy.as_bytes()).ok()
    }

    pub fn membership_bytes(&self) -> Option<Vec<u8>> {
        BASE64.decode(self.membership.as_bytes()).ok()
    }
}

/// Where it is kept in a home.
pub fn enrolment_path(home: &Path) -> PathBuf {
    home.join("state").join(FILE_NAME)
}

/// What is kept; `None` where nothing is. An error of kind `InvalidData` where it is damaged.
pub fn read_enrolment(home: &Path) -> io::Result<Option<EnrolmentRecord>> {
    let file = match fs::File::open(enrolment_path(home)) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut bytes = vec![];
    file.take(BYTES_MAX).read_to_end(&mut bytes)?;
    serde_json::from_slice(&bytes).map(Some).map_err(|_| io::ErrorKind::InvalidData.into())
}

/// Replaces what is kept.
pub fn write_enrolment(home: &Path, record: &EnrolmentRecord) -> Result<(), DiskError> {
    let path = enrolment_path(home);
    let temporary = home.join("state").join(format!("{FILE_NAME}{TEMPORARY}"));
    let written = (|| {
        let bytes = serde_json::to_vec(record)?;
        let mut file = fs::File::create(&temporary)?;
        file.write_all(&bytes)?;
        file.sync_all()?;
        fs::rename(&temporary, &path)?;
        super::lasting::sync_name(&path)
    })();
    written.map_err(|error: io::Error| DiskError::of(&path, "written", &error))
}

/// Forgets it.
pub fn remove_enrolment(home: &Path) -> Result<(), DiskError> {
    let path = enrolment_path(home);
    match fs::remove_file(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(DiskError::of(&path, "deleted", &error)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_reads_back_is_replaced_and_is_forgotten() {
        let home = tempfile::tempdir().unwrap();
        fs::create_dir(home.path().join("state")).unwrap();
        assert_eq!(read_enrolment(home.path()).unwrap(), None);
        for floor in [1, 2] {
            let record =
                EnrolmentRecord { floor, policy: EnrolmentRecord::encode(&[1, 2, 3]), ..EnrolmentRecord::default() };
            write_enrolment(home.path(), &record).unwrap();
            let read = read_enrolment(home.path()).unwrap().unwrap();
            assert_eq!((read.floor, read.policy_bytes()), (floor, Some(vec![1, 2, 3])));
        }
        fs::write(enrolment_path(home.path()), "{").unwrap();
        assert_eq!(read_enrolment(home.path()).unwrap_err().kind(), io::ErrorKind::InvalidData);
        remove_enrolment(home.path()).unwrap();
        remove_enrolment(home.path()).unwrap();
        assert_eq!(read_enrolment(home.path()).unwrap(), None);
    }
}
