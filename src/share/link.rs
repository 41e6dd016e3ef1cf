//! The link that a person passes on: which share, and where to ask first.

use std::{fmt, net::SocketAddr, str::FromStr};

use super::{IdError, ShareId};

const SCHEME: &str = "handout://";
/// A link names at most this many addresses; the rest is not read.
const ADDRESSES_MAX: usize = 8;

/// `handout://SHARE-ID?at=ADDRESS:PORT&at=…`. A bare share id is a link without addresses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    pub share: ShareId,
    /// Addresses of computers that have it; hints, which may be old.
    pub at: Vec<SocketAddr>,
}

/// Why a text is no link.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LinkError {
    #[error("{0}; a link looks like handout://…")]
    Id(#[from] IdError),
    #[error("{0:?} in the link is not an address with a port")]
    Address(String),
}

impl fmt::Display for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{SCHEME}{}", self.share)?;
        for (index, address) in self.at.iter().take(ADDRESSES_MAX).enumerate() {
            write!(f, "{}at={address}", if index == 0 { '?' } else { '&' })?;
        }
        Ok(())
    }
}

impl FromStr for Link {
    type Err = LinkError;

    fn from_str(text: &str) -> Result<Link, LinkError> {
        let text = text.trim();
        let rest = text.strip_prefix(SCHEME).unwrap_or(text);
        let (id, query) = rest.split_once('?').unwrap_or((rest, ""));
        let share = id.trim_end_matches('/').parse()?;
        let addresses = query.split('&').filter_map(|pair| pair.strip_prefix("at=")).take(ADDRESSES_MAX);
        let at = addresses.map(|address| address.parse().map_err(|_| LinkError::Address(address.to_owned())));
        Ok(Link { share, at: at.collect::<Result<_, _>>()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_reads_back_what_it_shows() {
        let share = ShareId([9; 32]);
        for at in [vec![], vec!["10.0.0.7:4754".parse().unwrap(), "[fe80::1]:9".parse().unwrap()]] {
            let link = Link { share, at };
            assert_eq!(link.to_string().parse(), Ok(link));
        }
        assert_eq!(share.to_string().parse(), Ok(Link { share, at: vec![] }));
    }

    #[test]
    fn a_text_that_is_no_link_is_named() {
        assert!("handout://x".parse::<Link>().unwrap_err().to_string().contains("\"x\" is not an id"));
        let bad = format!("handout://{}?at=nowhere", ShareId([9; 32]));
        assert_eq!(bad.parse::<Link>(), Err(LinkError::Address("nowhere".to_owned())));
    }
}
