//! In turn with everybody else: who is given a piece at this moment.

use std::{
    collections::BTreeMap,
    sync::{Arc, Condvar, Mutex, PoisonError},
    time::{Duration, Instant},
};

use super::{NotNow, Served, ServedShare, lock};
use crate::{
    engine::throttle::{Plan, lines_under},
    share::{PeerId, PieceIndex},
    swarm::upload_slots::{Admit, Asker, Patience, Slot, SlotNumber, UploadLimits, UploadSlots, Wish},
};

/// Ends the sending of a piece from another thread.
pub type Cut = Arc<dyn Fn() + Send + Sync>;

/// Who wants a piece.
pub struct Wanted<'a> {
    pub piece: PieceIndex,
    pub by: Asker,
    pub wish: Wish,
    /// For one that moves too slowly while others wait.
    pub cut: &'a Cut,
}

/// The slots, and who waits for one on its thread.
pub(super) struct Turns {
    slots: Mutex<UploadSlots>,
    cuts: Mutex<BTreeMap<SlotNumber, Cut>>,
    /// A slot was given back.
    freed: Condvar,
}

impl Default for Turns {
    fn default() -> Turns {
        let slots = Mutex::new(UploadSlots::new(UploadLimits::default()));
        Turns { slots, cuts: Mutex::default(), freed: Condvar::new() }
    }
}

impl Turns {
    /// Those behind in line may have their turn.
    fn leave_line(&self, slots: &mut UploadSlots, caller: PeerId) {
        slots.leave(caller);
        self.freed.notify_all();
    }

    /// Whoever has `slot` can be cut off, and who has `dropped` is.
    fn granted(&self, slot: &Slot, dropped: Option<SlotNumber>, cut: &Cut) {
        let mut cuts = lock(&self.cuts);
        cuts.insert(slot.number(), cut.clone());
        let dropped = dropped.and_then(|dropped| cuts.remove(&dropped));
        drop(cuts);
        if let Some(cut) = dropped {
            cut();
        }
    }
}

impl Served {
    /// A slot to give out one piece, in turn with everybody else. Who waits [here](Patience::Here) blocks its thread for a
    /// second at most, and is held to first copies first; the others are not, since they do not choose among pieces.
    pub fn slot(&self, served: &ServedShare, wanted: &Wanted<'_>) -> Result<Slot, NotNow> {
        let Wanted { piece, by, wish, cut } = *wanted;
        let (caller, begun) = (by.peer, Instant::now());
        let mut slots = lock(&self.turns.slots);
        loop {
            let now = Instant::now();
            if wish.patience == Patience::Here
                && let Err(retry_after) = served.may_give(now, piece, caller, slots.turn())
            {
                self.turns.leave_line(&mut slots, caller);
                return Err(NotNow::Deferred { retry_after });
            }
            let retry_after = match slots.admit(now, by, wish) {
                Admit::Granted { slot, dropped } => {
                    served.gives(now, piece, caller, slots.turn());
                    self.turns.granted(&slot, dropped, cut);
                    return Ok(slot);
                }
                Admit::Refused { retry_after } => retry_after,
            };
            let left = slots.wait_max().saturating_sub(now - begun);
            if wish.patience == Patience::Elsewhere {
                return Err(NotNow::Busy { retry_after });
            }
            if left.is_zero() {
                self.turns.leave_line(&mut slots, caller);
                return Err(NotNow::Busy { retry_after });
            }
            let left = left.min(LOOK_AGAIN);
            slots = self.turns.freed.wait_timeout(slots, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// The sending of a piece ended, and it was sent `whole` or not.
    pub fn release(&self, slot: Slot, served: &ServedShare, piece: PieceIndex, caller: PeerId, whole: bool) {
        let now = Instant::now();
        lock(&self.turns.cuts).remove(&slot.number());
        let mut slots = lock(&self.turns.slots);
        slots.release(now, slot);
        if let Some(first) = &mut *lock(&served.first_copies) {
            first.ended(now, piece, caller, whole, slots.turn());
        }
        drop(slots);
        self.turns.freed.notify_all();
    }

    /// Other limits and priorities hold from now on.
    pub fn set_plan(&self, plan: Arc<Plan>) {
        self.throttle.set(plan.total.up, plan.each.iter().map(|(id, (limits, priority))| (*id, limits.up, *priority)));
        let usual = UploadLimits::default();
        let most = lines_under(plan.total.up).unwrap_or(usize::MAX);
        let (slots, slots_max) = (usual.slots.min(most), usual.slots_max.min(most));
        // Where we are slow by our own will, nobody else is to blame.
        let drops = plan.total.up.is_none() && plan.each.values().all(|(limits, _)| limits.up.is_none());
        lock(&self.turns.slots).set_limits(UploadLimits { slots, slots_max, drops, ..usual });
        *self.plan.write().unwrap_or_else(PoisonError::into_inner) = plan;
    }
}

/// Slots become free also as time goes by: those of slow ones count no more.
const LOOK_AGAIN: Duration = Duration::from_millis(100);
