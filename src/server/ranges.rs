//! What a `Range` header wants of a file (RFC 9110 §14).

/// A part of a file, both ends included, as it was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    All,
    Part {
        from: u64,
        to: u64,
    },
    /// Nothing of it exists.
    Beyond,
}

/// What a `Range` header wants of a file. Several ranges at once, and what makes no sense, want all of it.
pub(super) fn wanted(range: Option<&str>, size: u64) -> Wanted {
    let Some(spec) = range.and_then(|range| range.trim().strip_prefix("bytes=")) else { return Wanted::All };
    let Some((from, to)) = spec.split_once('-') else { return Wanted::All };
    let (from, to) = (from.trim(), to.trim());
    if spec.contains(',') {
        return Wanted::All;
    }
    let last = size.checked_sub(1);
    match (from.parse::<u64>(), to.parse::<u64>(), last) {
        (_, _, None) => Wanted::Beyond,
        (Ok(from), _, Some(last)) if from > last => Wanted::Beyond,
        (Ok(from), Ok(to), Some(last)) if from <= to => Wanted::Part { from, to: to.min(last) },
        (Ok(from), Err(_), Some(last)) if to.is_empty() => Wanted::Part { from, to: last },
        (Err(_), Ok(0), Some(_)) if from.is_empty() => Wanted::Beyond,
        (Err(_), Ok(tail), Some(last)) if from.is_empty() => Wanted::Part { from: size.saturating_sub(tail), to: last },
        _ => Wanted::All,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_those_of_the_standard() {
        let part = |from, to| Wanted::Part { from, to };
        for (range, found) in [
            (None, Wanted::All),
            (Some("bytes=0-"), part(0, 99)),
            (Some("bytes=10-19"), part(10, 19)),
            (Some("bytes=90-1000"), part(90, 99)),
            (Some("bytes=-10"), part(90, 99)),
            (Some("bytes=-1000"), part(0, 99)),
            (Some("bytes=100-"), Wanted::Beyond),
            (Some("bytes=-0"), Wanted::Beyond),
            (Some("bytes=5-4"), Wanted::All),
            (Some("bytes=0-1,5-6"), Wanted::All),
            (Some("lines=1-2"), Wanted::All),
            (Some("bytes=a-b"), Wanted::All),
            (Some("bytes=18446744073709551616-"), Wanted::All),
        ] {
            assert_eq!(wanted(range, 100), found, "{range:?}");
        }
        assert_eq!(wanted(Some("bytes=0-"), 0), Wanted::Beyond);
    }
}
