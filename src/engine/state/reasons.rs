//! Why a transfer is as fast as it is: what was measured, put together for `traffic::reason`.

use std::time::Duration;

use super::{
    Held, State,
    held::{Stage, Turn},
};
use crate::{
    engine::{gauge::Spent, snapshot::TransferState},
    traffic::{
        Limits, Rate, Reason,
        reason::{Facts, LimitBy, State as At, why},
    },
};

/// What a transfer spent its time on in the last seconds; each beat, older times count for less.
#[derive(Clone, Copy, Debug, Default)]
pub struct Lately {
    network: f64,
    disk: f64,
    processor: f64,
    limit: f64,
    refusals: f64,
}

/// What is left of the past after a beat.
const FADES: f64 = 0.8;

impl Lately {
    pub fn beat(&mut self, spent: Spent) {
        let fade = |past: &mut f64, fresh: f64| *past = *past * FADES + fresh;
        fade(&mut self.network, spent.network.as_secs_f64());
        fade(&mut self.disk, spent.disk.as_secs_f64());
        fade(&mut self.processor, spent.processor.as_secs_f64());
        fade(&mut self.limit, spent.limit.as_secs_f64());
        fade(&mut self.refusals, spent.refusals as f64);
    }

    fn percent(&self, part: f64) -> u8 {
        let all = self.network + self.disk + self.processor + self.limit;
        if all <= 0.0 { 0 } else { (part * 100.0 / all).clamp(0.0, 100.0) as u8 }
    }
}

impl State {
    /// Why it is as fast as it is.
    pub(super) fn reason(&self, held: &Held, state: TransferState) -> Reason {
        let active = self.controls.active_downloads;
        let at = match (state, held.turn) {
            (TransferState::Paused, _) if held.options.choosing => At::Choosing,
            (TransferState::Paused, _) => At::Paused,
            (TransferState::Scheduled, _) => {
                At::Scheduled { minutes: self.controls.rule_now.map_or(0, |(_, minutes)| minutes) }
            }
            (TransferState::Queued, Turn::Queued { before }) => At::Queued { before, active },
            (TransferState::Queued, _) => At::Queued { before: active, active },
            (TransferState::Looking, _) => At::Looking,
            (TransferState::Waiting | TransferState::Failed, _) => At::Trouble,
            (TransferState::Finishing | TransferState::Verifying, _) => At::Checking,
            (TransferState::Fetching, _) => At::Fetching,
            (TransferState::Seeding, _) => At::Seeding { asked: held.given.values().any(|given| given.open) },
            (TransferState::Done, _) => At::Done,
        };
        why(&self.facts(held, at, state))
    }

    fn facts(&self, held: &Held, at: At, state: TransferState) -> Facts {
        let down = at == At::Fetching;
        let since = held.since.filter(|(known, _)| *known == state);
        let giving: Vec<_> = held.sources.iter().filter(|(_, source)| source.gives()).map(|(peer, _)| *peer).collect();
        let lately = &held.lately;
        let (offering, missing_pieces) = if down && giving.is_empty() { held.around() } else { (0, 0) };
        Facts {
            state: at,
            since: since.map_or(Duration::ZERO, |(_, since)| self.clock.now.saturating_duration_since(since)),
            rate: if down { held.rates.down() } else { held.rates.up() },
            limit: self.tightest(held, if down { |limits| limits.down } else { |limits| limits.up }),
            limit_percent: if down { lately.percent(lately.limit) } else { 0 },
            disk_percent: lately.percent(lately.disk),
            processor_percent: lately.percent(lately.processor),
            program_percent: self.program_percent,
            giving: giving.len() as u32,
            only: giving.first().copied().filter(|_| giving.len() == 1),
            refusals: lately.refusals as u32,
            offering: offering.max(giving.len() as u32),
            missing_pieces,
            wireless: self.is_wireless(),
            wire: self.link.bytes_per_s,
        }
    }

    /// Whether every way to others is wireless: then it is shared with everybody in the room.
    fn is_wireless(&self) -> bool {
        let mut ways = self.subnets.iter().filter(|subnet| !subnet.address.is_loopback()).peekable();
        ways.peek().is_some() && ways.all(|subnet| subnet.wireless)
    }

    /// The limit that binds first, and whose it is.
    fn tightest(&self, held: &Held, way: fn(Limits) -> Option<Rate>) -> Option<(LimitBy, Rate)> {
        let controls = &self.controls;
        let chosen = match controls.hours {
            Some(hours) => (LimitBy::Schedule, way(hours)),
            None => (LimitBy::Total, way(controls.limits)),
        };
        let all =
            [(LimitBy::Policy, way(controls.fixed.limits)), chosen, (LimitBy::Transfer, way(held.options.limits))];
        all.into_iter().filter_map(|(by, rate)| Some((by, rate?))).min_by_key(|(_, rate)| *rate)
    }

    /// A beat has passed: what the workers did since the last one is read.
    pub(super) fn read_gauges(&mut self, passed: Duration) {
        if let Some((before, now)) = self.used.zip(self.clock.used) {
            let processors = f64::from(crate::platform::processor::count());
            let part = now.saturating_sub(before).as_secs_f64() / (passed.as_secs_f64().max(0.001) * processors);
            let smooth = f64::from(self.program_percent) * 0.5 + part * 50.0;
            self.program_percent = smooth.clamp(0.0, 100.0) as u8;
        }
        self.used = self.clock.used;
        for held in self.held.values_mut() {
            let (total, rates, lately) = (&mut self.total, &mut held.rates, &mut held.lately);
            let mut spent = Spent::default();
            for source in held.sources.values_mut() {
                let read = source.gauge.read();
                let fresh = read.since(source.read);
                source.read = read;
                source.rates.add_down(fresh.bytes);
                rates.add_down(fresh.bytes);
                total.add_down(fresh.bytes);
                spent = spent.and(fresh);
            }
            lately.beat(spent);
            let state = held.state();
            if held.since.is_none_or(|(known, _)| known != state) {
                held.since = Some((state, self.clock.now));
            }
            // Its reason can change although nothing moves.
            self.changed.transfers |= state == TransferState::Fetching;
        }
    }
}

impl Held {
    /// How many have something that is wanted, and how many wanted pieces nobody around has.
    fn around(&self) -> (u32, u32) {
        let (Stage::Fetching(fetching), Some(share)) = (&self.stage, &self.share) else { return (0, 0) };
        let swarm = &fetching.swarm;
        let wanted = swarm.wanted();
        let missing = share.pieces().iter().filter(|piece| wanted.contains(*piece) && !swarm.have().contains(*piece));
        let nobody_has = missing.filter(|piece| swarm.copies(*piece) == 0).count() as u32;
        (self.sources.values().filter(|source| source.have.is_some()).count() as u32, nobody_has)
    }
}
