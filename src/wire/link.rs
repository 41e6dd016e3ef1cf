//! The link to a share, which people hand to each other: `handout://SHARE_ID?at=HOST:PORT&at=…`.
//!
//! The id alone is enough on a network where computers find each other; `at` names where to ask on one where they don't.
//! What `at` says is a hint and never a proof: the manifest must hash to the id, wherever it came from. Parameters that
//! this version does not know are passed over, so that links of later versions can be opened.

use std::{fmt, net::SocketAddr, str::FromStr};

use crate::share::ShareId;

/// How long a link may be, in bytes.
pub const MAX_LINK_BYTES: usize = 2_048;
/// How many addresses of a link are looked at.
pub const MAX_LINK_ADDRESSES: usize = 8;

const SCHEME: &str = "handout://";

/// A share's id, and addresses at which it was once to be had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    pub share: ShareId,
    /// At most [`MAX_LINK_ADDRESSES`].
    pub at: Vec<SocketAddr>,
}

/// A text that is neither a link nor an id.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a link: a link looks like handout://, followed by 52 letters and digits (a-z, 2-7)")]
pub struct LinkError {
    /// What was given, shortened to what fits in a message.
    pub text: String,
}

impl fmt::Display for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{SCHEME}{}", self.share)?;
        for (index, address) in self.at.iter().take(MAX_LINK_ADDRESSES).enumerate() {
            let sign = if index == 0 { '?' } else { '&' };
            write!(f, "{sign}at={address}")?;
        }
        Ok(())
    }
}

impl FromStr for Link {
    type Err = LinkError;

    /// Reads a link, or an id that stands alone.
    fn from_str(text: &str) -> Result<Link, LinkError> {
        let error = || LinkError { text: text.chars().take(80).collect() };
        let text = text.trim();
        if text.len() > MAX_LINK_BYTES {
            return Err(error());
        }
        let rest = match text.split_at_checked(SCHEME.len()) {
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case(SCHEME) => rest,
            _ => text,
        };
        let (id, query) = rest.split_once('?').unwrap_or((rest, ""));
        let share = id.trim_end_matches('/').parse().map_err(|_| error())?;
        let at = query
            .split('&')
            .filter_map(|part| part.strip_prefix("at=")?.parse().ok())
            .take(MAX_LINK_ADDRESSES)
            .collect();
        Ok(Link { share, at })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_reads_back_what_it_shows() {
        let at = vec!["10.0.0.7:4455".parse().unwrap(), "[fe80::1]:4455".parse().unwrap()];
        let link = Link { share: ShareId([7; 32]), at };

        let shown = link.to_string();

        assert_eq!(shown, format!("handout://{}?at=10.0.0.7:4455&at=[fe80::1]:4455", link.share));
        assert_eq!(shown.parse(), Ok(link));
    }

    #[test]
    fn an_id_alone_is_a_link_without_addresses() {
        let share = ShareId([9; 32]);
        let expected = Link { share, at: Vec::new() };

        for text in [share.to_string(), format!("handout://{share}"), format!(" HANDOUT://{share}/ \n")] {
            assert_eq!(text.parse(), Ok(expected.clone()), "{text}");
        }
    }

    #[test]
    fn what_a_later_version_added_is_passed_over() {
        let share = ShareId([1; 32]);

        let link: Link = format!("handout://{share}?t=Title&at=nonsense&at=10.0.0.1:1&x").parse().unwrap();

        assert_eq!(link, Link { share, at: vec!["10.0.0.1:1".parse().unwrap()] });
    }

    #[test]
    fn a_text_that_is_no_link_is_named_and_never_too_long() {
        for text in ["", "handout://", "http://example.org", "é", &"a".repeat(5_000)] {
            let error = text.parse::<Link>().unwrap_err();
            assert!(error.text.len() <= 80 && text.contains(&error.text));
        }
    }
}
