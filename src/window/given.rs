//! What I gave to whom, person by person; worked out when somebody looks and it changed.

use std::{collections::BTreeMap, sync::Arc};

use crate::{engine::snapshot::GivenRow, share::PeerId};

/// The people who got something, the most recent first.
#[derive(Debug, Default)]
pub struct Given {
    /// What it was made from.
    of: Option<Arc<[GivenRow]>>,
    people: Vec<Person>,
    bytes: u64,
}

/// One of them.
#[derive(Debug, PartialEq, Eq)]
pub struct Person {
    pub id: PeerId,
    pub name: String,
    pub bytes: u64,
    /// Bytes a second, now.
    pub rate: u64,
    /// Places in `Snapshot::given`, the most recent first.
    pub rows: Vec<usize>,
}

/// A line of the list: a person, or a thing that the person above it got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Line {
    /// A place in [`Given::people`].
    Person(usize),
    /// A place in `Snapshot::given`.
    Thing(usize),
}

impl Given {
    /// Reads a newer picture; costs nothing when nothing was given meanwhile.
    pub fn read(&mut self, given: &Arc<[GivenRow]>) {
        if self.of.as_ref().is_some_and(|known| Arc::ptr_eq(known, given)) {
            return;
        }
        let mut places: BTreeMap<PeerId, usize> = BTreeMap::new();
        self.people.clear();
        self.bytes = 0;
        for (at, row) in given.iter().enumerate() {
            let place = *places.entry(row.peer).or_insert(self.people.len());
            if place == self.people.len() {
                let name = row.peer_name.clone();
                self.people.push(Person { id: row.peer, name, bytes: 0, rate: 0, rows: Vec::new() });
            }
            if let Some(person) = self.people.get_mut(place) {
                person.bytes += row.bytes;
                person.rate += row.rate;
                person.rows.push(at);
            }
            self.bytes += row.bytes;
        }
        self.of = Some(given.clone());
    }

    pub fn people(&self) -> &[Person] {
        &self.people
    }

    /// To all of them together.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The lines to draw while the things of `open` are shown.
    pub fn lines(&self, open: Option<PeerId>) -> Vec<Line> {
        let mut lines = Vec::with_capacity(self.people.len());
        for (at, person) in self.people.iter().enumerate() {
            lines.push(Line::Person(at));
            if open == Some(person.id) {
                lines.extend(person.rows.iter().map(|row| Line::Thing(*row)));
            }
        }
        lines
    }
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;
    use crate::share::ShareId;

    #[test]
    fn what_one_person_got_is_one_line_with_its_things_below() {
        let row = |peer: u8, share: u8, bytes: u64| GivenRow {
            peer: PeerId([peer; 32]),
            peer_name: format!("person {peer}"),
            share: ShareId([share; 32]),
            title: String::new(),
            bytes,
            rate: 1,
            last: UNIX_EPOCH,
        };
        let rows: Arc<[GivenRow]> = [row(2, 1, 10), row(1, 1, 20), row(2, 2, 30)].into();
        let mut given = Given::default();
        given.read(&rows);
        let people: Vec<_> = given.people().iter().map(|person| (person.id.0[0], person.bytes, person.rate)).collect();
        assert_eq!(people, [(2, 40, 2), (1, 20, 1)]);
        assert_eq!(given.bytes(), 60);
        assert_eq!(given.lines(None), [Line::Person(0), Line::Person(1)]);
        let open = given.lines(Some(PeerId([2; 32])));
        assert_eq!(open, [Line::Person(0), Line::Thing(0), Line::Thing(2), Line::Person(1)]);
    }
}
