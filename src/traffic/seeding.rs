//! Until when a share is given to others.

use std::time::Duration;

use super::SeedUntil;

/// What a rule looks at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Given {
    /// Bytes of the share.
    pub size: u64,
    /// Bytes given to others, over all times that the program ran.
    pub bytes: u64,
    /// How long it has been complete here.
    pub complete_for: Duration,
    /// Others around that have all of it.
    pub copies: u32,
}

impl SeedUntil {
    /// Whether the rule is fulfilled, so that the share need not be given any more.
    pub fn is_fulfilled(self, given: Given) -> bool {
        match self {
            SeedUntil::ForEver => false,
            SeedUntil::Ratio(thousandths) => {
                u128::from(given.bytes) * 1000 >= u128::from(given.size) * u128::from(thousandths)
            }
            SeedUntil::Time(time) => given.complete_for >= time,
            SeedUntil::Copies(copies) => given.copies >= copies,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_rule_is_fulfilled_at_its_mark_and_not_before() {
        let given = Given { size: 1_000, bytes: 1_499, complete_for: Duration::from_secs(59), copies: 2 };
        let rules = [
            SeedUntil::ForEver,
            SeedUntil::Ratio(1_500),
            SeedUntil::Time(Duration::from_secs(60)),
            SeedUntil::Copies(3),
        ];
        assert_eq!(rules.map(|rule| rule.is_fulfilled(given)), [false; 4]);

        let given = Given { size: 1_000, bytes: 1_500, complete_for: Duration::from_secs(60), copies: 3 };
        assert_eq!(rules.map(|rule| rule.is_fulfilled(given)), [false, true, true, true]);
    }

    #[test]
    fn numbers_at_their_ends_do_not_overflow() {
        let given = Given { size: u64::MAX, bytes: u64::MAX, ..Given::default() };
        assert!(SeedUntil::Ratio(1_000).is_fulfilled(given));
        assert!(!SeedUntil::Ratio(SeedUntil::RATIO_MAX).is_fulfilled(given));
    }
}
