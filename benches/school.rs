//! A whole school, played in virtual time: how long until the last one has it, and how long the play takes. The rules are
//! those of the program, the computers and their lines those of `tests/sim`.
//!
//! `cargo bench --bench school -- [PEERS] [MIB]` (1000, 1024): one seed, equal lines of 100 Mbit/s.
//! `cargo bench --bench school -- seeds FROM TO`: rooms in which everything is mixed, with everything that must hold looked at
//! after every event; ends with the seed that broke something.

#![allow(dead_code, unused_imports)] // The tests of these rooms are not run here.

mod common;
#[path = "../tests/sim/mod.rs"]
mod sim;

use std::time::{Duration, Instant};

use common::{Found, Reach, Result, Row};

fn main() -> Result<()> {
    let arguments = common::arguments();
    if arguments.first().is_some_and(|word| word == "seeds") {
        return seeds(common::number(&arguments, 1, 0)?, common::number(&arguments, 2, 1_000)?);
    }
    let (peers, mib) = (common::number(&arguments, 0, 1_000)?, common::number(&arguments, 1, 1_024)?);
    let work = format!("{peers} peers, {mib} MiB, played");
    let begun = Instant::now();
    let mut room = sim::rooms::school(peers, mib << 20);
    room.play();
    let wall = begun.elapsed().as_secs_f64();
    println!("  {} events in {wall:.1} s", room.events);
    let (ratio, copies) = ([room.times_ideal()], [room.copies_sent(0)]);
    let found = Found::Ratio { ours: &ratio, theirs: &[1.0], reach: Reach::AtMost(1.25) };
    Row { work: &work, measure: "last done", against: "ideal (size ÷ rate)", found }.tell();
    let found = Found::Ratio { ours: &copies, theirs: &[1.0], reach: Reach::Told };
    Row { work: &work, measure: "first one's upload", against: "one copy", found }.tell();
    let found = Found::Amount { value: wall, unit: "s", reach: Reach::AtMost(30.0) };
    Row { work: &work, measure: "time to play it", against: "", found }.tell();
    Ok(())
}

fn seeds(from: u64, to: u64) -> Result<()> {
    let (begun, mut hungriest) = (Instant::now(), Duration::ZERO);
    sim::world::with_seeds(from..to, |seed| {
        hungriest = hungriest.max(sim::rooms::play_mixture(seed));
        if (seed + 1).is_multiple_of(500) {
            println!("  {} played in {:.0} s", seed + 1 - from, begun.elapsed().as_secs_f64());
        }
    });
    println!("seeds {from} to {to}: nothing broken; the longest time that anybody waited for a piece: {hungriest:?}");
    Ok(())
}
