//! Whose turn it is: so many downloads are active at a time, the first of the queue.
//!
//! One that can't move (nobody who has it is around, its disk is gone) takes no place: it goes on trying, and the next one
//! is active meanwhile.

/// A download in the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Waiting<K> {
    pub id: K,
    /// It can't move at the moment, whoever's turn it is.
    pub stuck: bool,
}

/// For each of a queue, the next first: `None` when it is its turn, else how many moving ones are before it.
pub fn turns<K>(queue: impl IntoIterator<Item = Waiting<K>>, active: u32) -> Vec<(K, Option<u32>)> {
    let mut moving = 0;
    let turn = |waiting: Waiting<K>| {
        let before = moving;
        moving += u32::from(!waiting.stuck);
        (waiting.id, (before >= active && !waiting.stuck).then_some(before))
    };
    queue.into_iter().map(turn).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_of_the_queue_are_active_and_the_others_know_how_many_are_before_them() {
        assert_eq!(of("mmmm", 2), [None, None, Some(2), Some(3)]);
        assert_eq!(of("mm", 5), [None, None]);
        assert_eq!(of("", 5), []);
    }

    #[test]
    fn what_can_not_move_takes_no_place_and_goes_on_trying() {
        assert_eq!(of("smsmm", 2), [None, None, None, None, Some(2)]);
        assert_eq!(of("mms", 1), [None, Some(1), None]);
    }

    fn of(queue: &str, active: u32) -> Vec<Option<u32>> {
        let queue = queue.chars().map(|c| Waiting { id: (), stuck: c == 's' });
        turns(queue, active).into_iter().map(|(_, turn)| turn).collect()
    }
}
