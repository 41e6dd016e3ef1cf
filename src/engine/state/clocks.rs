//! What time it is at others, and whether this computer's own clock can be right.

use std::time::Duration;

use super::State;
use crate::{
    doctor::off,
    engine::{
        event::Clock,
        server_time::{SLACK_S, ServerTime},
        task::Task,
        trouble::TroubleKind,
    },
    share::PeerId,
};

/// A clock that is adjusted in passing moves by less.
const JUMP: Duration = Duration::from_secs(2);

impl State {
    /// Seconds since 1970 by which rules are judged: the server's time, whatever this computer's clock says.
    pub(super) fn rules_s(&self) -> i64 {
        self.rules_time().now_s(self.clock.wall, self.clock.since_boot)
    }

    /// Where that time comes from.
    pub fn rules_time(&self) -> ServerTime {
        let mut time = self.managed.time;
        let Some(enrolled) = &self.managed.enrolled else { return time };
        if let Some(signed) = &enrolled.membership {
            time.signed(signed.membership().issued_s);
        }
        if let Ok(policy) = &enrolled.policy {
            time.signed(policy.issued_s);
        }
        time
    }

    pub(super) fn time_told(&mut self, peer: PeerId, told_s: i64, tasks: &mut Vec<Task>) {
        let since_boot = self.clock.since_boot;
        if let Some(known) = self.peers.get_mut(&peer) {
            known.time.told(told_s, since_boot);
        }
        if self.managed.enrolled.as_ref().is_some_and(|enrolled| enrolled.server == peer) {
            let before = self.managed.time;
            self.managed.time.told(told_s, since_boot);
            if self.managed.time != before {
                tasks.push(Task::KeepTime(self.rules_time()));
                self.rules_changed();
            }
        }
    }

    /// Whether the clock was set since it was looked at last.
    pub(super) fn clock_jumped(&self, new: &Clock) -> bool {
        let went = new.since_boot.saturating_sub(self.clock.since_boot);
        let expected = self.clock.wall + went;
        let by = new.wall.duration_since(expected).unwrap_or_else(|early| early.duration());
        by > JUMP
    }

    /// What depends on the time is judged by the new one at once.
    pub(super) fn clock_set(&mut self) {
        self.rules_changed();
        self.changed.all_rows();
    }

    /// By how many seconds our clock is ahead of another's, in whole minutes, so that a picture stays the same for long.
    pub(super) fn clock_ahead_s(&self, time: ServerTime) -> Option<i64> {
        time.ahead_s(self.clock.wall, self.clock.since_boot).map(|ahead_s| (ahead_s + ahead_s.signum() * 30) / 60 * 60)
    }

    /// Tells of a clock that is wrong by the server's, for as long as it is.
    pub(super) fn tell_of_clock(&mut self) {
        let name = self.managed.enrolled.as_ref().map(|enrolled| enrolled.name.clone());
        let ahead = self.managed.time.ahead_s(self.clock.wall, self.clock.since_boot);
        let wrong = ahead.filter(|ahead_s| ahead_s.abs() > SLACK_S).zip(name);
        match (wrong, self.clock_trouble) {
            (Some((ahead_s, name)), None) => {
                let what = format!("This computer's clock is wrong: {}", off(ahead_s));
                let hint = "Set date and time, or let the system set them. Until then its rules, exams and shares for \
                            classes go by the server's time; schedules and the times of shares are wrong.";
                let trouble = self.trouble(TroubleKind::Local, &what, &format!("by the clock of {name}"), hint);
                self.clock_trouble = Some(trouble.serial);
                self.add_trouble(trouble);
            }
            (None, Some(serial)) => {
                self.clock_trouble = None;
                self.dismiss_trouble(serial);
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Instant, SystemTime};

    use super::*;
    use crate::{
        access::{Exam, Policy, SignedPolicy},
        engine::{
            event::Event,
            managed::{Kept, Management},
            snapshot::Traffic,
            state::Origin,
        },
        net::identity::Identity,
        store::EnrolmentRecord,
        traffic::LocalTime,
    };

    const BEGIN_S: u64 = 1_800_000_000;

    /// A computer that was enrolled when an exam of an hour began.
    struct Enrolled {
        state: State,
        server: PeerId,
        begin: Instant,
    }

    impl Enrolled {
        fn new() -> Enrolled {
            let server = Identity::ephemeral().unwrap();
            let exam = Exam { until_s: BEGIN_S as i64 + 3_600, groups: [].into(), handouts: [].into(), hand_in: true };
            let policy = Policy { version: 7, issued_s: BEGIN_S as i64, exams: [exam].into(), ..Policy::default() };
            let signed = SignedPolicy::sign(&policy, server.public_key(), |message| server.sign(message)).unwrap();
            let record = EnrolmentRecord {
                server: server.id().to_string(),
                name: "School".to_owned(),
                floor: 7,
                policy: EnrolmentRecord::encode(signed.to_wire()),
                ..EnrolmentRecord::default()
            };
            let origin = Origin {
                id: PeerId([7; 32]),
                name: "Ben".to_owned(),
                home: "/home".into(),
                downloads: "/downloads".into(),
                discovery: false,
                typed: vec![],
                traffic: Traffic::default(),
                management: Management { wished: None, kept: Kept::Record(Box::new(record)) },
                seed: 1,
                server: false,
                instance: 1,
            };
            let begin = Instant::now();
            Enrolled { state: State::new(origin, clock(begin, 0, 0)), server: server.id(), begin }
        }

        /// `on_s` seconds later, with the clock set to be `ahead_s` off.
        fn later(&mut self, on_s: u64, ahead_s: i64, told: bool) {
            let clock = clock(self.begin, on_s, ahead_s);
            let told_s = (BEGIN_S + on_s) as i64;
            let event = if told { Event::TimeTold { peer: self.server, told_s } } else { Event::Tick };
            self.state.handle(clock, event, &mut vec![]);
        }

        fn sits_an_exam(&self) -> bool {
            self.state.managed_picture().unwrap().exam_until.is_some()
        }

        fn told_of_clock(&self) -> Vec<&str> {
            self.state.troubles.iter().map(|trouble| trouble.what.as_str()).collect()
        }
    }

    fn clock(begin: Instant, on_s: u64, ahead_s: i64) -> Clock {
        let on = Duration::from_secs(on_s);
        let wall = SystemTime::UNIX_EPOCH + Duration::from_secs((BEGIN_S + on_s).checked_add_signed(ahead_s).unwrap());
        let local = LocalTime { weekday: 0, minute: 0 };
        Clock { now: begin + on, wall, local, used: None, since_boot: Duration::from_secs(50_000) + on }
    }

    #[test]
    fn an_exam_ends_by_the_servers_time_however_the_computers_clock_is_set() {
        let mut ben = Enrolled::new();
        ben.later(10, -86_400, false);
        assert!(ben.sits_an_exam(), "set back before the server was reached");
        ben.later(20, 0, true);
        for ahead_s in [7_200, 86_400 * 365, -86_400, 0] {
            ben.later(30, ahead_s, false);
            assert!(ben.sits_an_exam(), "{ahead_s}");
        }
        ben.later(3_601, -7_200, false);
        assert!(!ben.sits_an_exam(), "it is over by the server's time");
    }

    #[test]
    fn a_wrong_clock_is_told_for_as_long_as_it_is_wrong() {
        let mut ben = Enrolled::new();
        ben.later(1, 63_072_000, false);
        assert!(ben.told_of_clock().is_empty(), "nobody said otherwise");
        ben.later(2, 63_072_000, true);
        assert_eq!(ben.told_of_clock(), ["This computer's clock is wrong: 2 years ahead"]);
        ben.later(3, 0, false);
        assert!(ben.told_of_clock().is_empty(), "it was put right");
        ben.later(4, -7_200, false);
        assert_eq!(ben.told_of_clock(), ["This computer's clock is wrong: 2 hours behind"]);
    }
}
