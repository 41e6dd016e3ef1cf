//! Paths as a tree, flat in memory: each folder is followed by what is in it, and knows where that ends.

use std::{cmp::Ordering, collections::BTreeSet};

/// Folders and files, in the order in which they are shown: by name, folders first.
#[derive(Debug, Default)]
pub struct Tree {
    nodes: Vec<Node>,
    files: usize,
}

/// A folder or a file.
#[derive(Debug)]
pub struct Node {
    pub name: Box<str>,
    pub depth: usize,
    /// The number of a file; `None`: a folder.
    pub file: Option<u32>,
    /// Bytes, of a folder with everything in it.
    pub size: u64,
    /// Files in a folder, at any depth; 1 for a file.
    pub files: usize,
    /// The place after the last node in it.
    end: usize,
}

/// How much of a folder is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tick {
    None,
    Some,
    All,
}

impl Tree {
    /// Of files as number, path with `/` between folders, and bytes.
    pub fn of<'a>(files: impl Iterator<Item = (u32, &'a str, u64)>) -> Tree {
        let mut files: Vec<(Vec<&str>, u32, u64)> =
            files.map(|(number, path, size)| (path.split('/').collect(), number, size)).collect();
        files.sort_by(|one, other| in_order(&one.0, &other.0));
        let mut tree = Tree { nodes: Vec::with_capacity(files.len()), files: files.len() };
        // The folders on the way to the file before, as places in the tree.
        let mut way: Vec<usize> = Vec::new();
        for (parts, number, size) in &files {
            let Some((name, folders)) = parts.split_last() else { continue };
            let same = way.iter().zip(folders).take_while(|(at, part)| &*tree.nodes[**at].name == **part).count();
            tree.close(&mut way, same);
            for part in &folders[same..] {
                way.push(tree.nodes.len());
                tree.nodes.push(Node::new(part, way.len() - 1, None, 0));
            }
            tree.nodes.push(Node::new(name, way.len(), Some(*number), *size));
            for at in &way {
                tree.nodes[*at].size += size;
                tree.nodes[*at].files += 1;
            }
        }
        tree.close(&mut way, 0);
        for at in 0..tree.nodes.len() {
            if tree.nodes[at].file.is_some() {
                tree.nodes[at].end = at + 1;
            }
        }
        tree
    }

    fn close(&mut self, way: &mut Vec<usize>, keep: usize) {
        for at in way.drain(keep..) {
            self.nodes[at].end = self.nodes.len();
        }
    }

    /// Folders and files.
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    pub fn files(&self) -> usize {
        self.files
    }

    pub fn node(&self, place: usize) -> Option<&Node> {
        self.nodes.get(place)
    }

    /// The folder that a node is in.
    pub fn parent(&self, place: usize) -> Option<usize> {
        let depth = self.nodes.get(place)?.depth.checked_sub(1)?;
        (0..place).rev().find(|at| self.nodes[*at].depth == depth)
    }

    /// Places that are not inside a closed folder.
    pub fn rows(&self, open: &BTreeSet<usize>) -> Vec<usize> {
        let mut rows = Vec::new();
        let mut at = 0;
        while let Some(node) = self.nodes.get(at) {
            rows.push(at);
            at = if node.file.is_some() || open.contains(&at) { at + 1 } else { node.end };
        }
        rows
    }

    /// The numbers of a file, or of all files in a folder.
    pub fn files_in(&self, place: usize) -> impl Iterator<Item = u32> + '_ {
        let end = self.nodes.get(place).map_or(place, |node| node.end);
        self.nodes.get(place..end).unwrap_or_default().iter().filter_map(|node| node.file)
    }

    /// For each place, how much of it is wanted.
    pub fn ticks(&self, wanted: impl Fn(u32) -> bool) -> Vec<Tick> {
        let counts = self.sums_of(|number| u64::from(wanted(number)));
        let tick = |(node, count): (&Node, u64)| match count {
            0 => Tick::None,
            all if all == node.files as u64 => Tick::All,
            _ => Tick::Some,
        };
        self.nodes.iter().zip(counts).map(tick).collect()
    }

    /// For each place the sum of `of`, which is by the numbers of files.
    pub fn sums(&self, of: &[u64]) -> Vec<u64> {
        self.sums_of(|number| of.get(number as usize).copied().unwrap_or(0))
    }

    fn sums_of(&self, of: impl Fn(u32) -> u64) -> Vec<u64> {
        // What stands before each place, from which the sum of any stretch is a difference.
        let mut before = Vec::with_capacity(self.nodes.len() + 1);
        let mut sum = 0;
        before.push(0);
        for node in &self.nodes {
            sum += node.file.map_or(0, &of);
            before.push(sum);
        }
        self.nodes.iter().enumerate().map(|(at, node)| before[node.end] - before[at]).collect()
    }
}

impl Node {
    fn new(name: &str, depth: usize, file: Option<u32>, size: u64) -> Node {
        Node { name: name.into(), depth, file, size, files: usize::from(file.is_some()), end: 0 }
    }
}

/// Folders before files, each by name; so that what is in a folder stands together.
fn in_order(one: &[&str], other: &[&str]) -> Ordering {
    let mut at = 0;
    loop {
        let (a, b) = (one.get(at), other.get(at));
        let (Some(a), Some(b)) = (a, b) else { return one.len().cmp(&other.len()) };
        let is_folder = |parts: &[&str]| parts.len() > at + 1;
        let order = is_folder(other).cmp(&is_folder(one)).then_with(|| a.cmp(b));
        if order != Ordering::Equal {
            return order;
        }
        at += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATHS: [&str; 6] =
        ["Robots/plan.pdf", "Robots/arm/servo.ino", "Robots/arm/left/a.stl", "Robots/arm.txt", "read me.txt", "A/x"];

    fn tree() -> Tree {
        Tree::of((0..).zip(PATHS).map(|(number, path)| (number, path, 10)))
    }

    fn shown(tree: &Tree, open: &BTreeSet<usize>) -> Vec<String> {
        let rows = tree.rows(open).into_iter().filter_map(|at| tree.node(at));
        rows.map(|node| format!("{}{}", "  ".repeat(node.depth), node.name)).collect()
    }

    #[test]
    fn folders_stand_before_files_and_what_is_in_them_stands_below() {
        let tree = tree();
        let all = (0..tree.len()).collect();
        let lines = [
            "A",
            "  x",
            "Robots",
            "  arm",
            "    left",
            "      a.stl",
            "    servo.ino",
            "  arm.txt",
            "  plan.pdf",
            "read me.txt",
        ];
        assert_eq!(shown(&tree, &all), lines);
        assert_eq!(
            shown(&tree, &BTreeSet::from([2])),
            ["A", "Robots", "  arm", "  arm.txt", "  plan.pdf", "read me.txt"]
        );
        assert_eq!(tree.parent(6), Some(3));
        assert_eq!(tree.parent(9), None);
    }

    #[test]
    fn a_folder_is_ticked_wholly_partly_or_not_as_its_files_are() {
        let ticks = tree().ticks(|number| number == 1 || number == 2);
        let wanted = [
            Tick::None,
            Tick::None,
            Tick::Some,
            Tick::All,
            Tick::All,
            Tick::All,
            Tick::All,
            Tick::None,
            Tick::None,
            Tick::None,
        ];
        assert_eq!(ticks, wanted);
    }

    #[test]
    fn a_folder_is_as_large_as_its_files_together() {
        let tree = tree();
        let (robots, arm) = (tree.node(2).unwrap(), tree.node(3).unwrap());
        assert_eq!((robots.size, robots.files), (40, 4));
        assert_eq!((arm.size, arm.files), (20, 2));
        assert_eq!(tree.sums(&[1, 2, 4, 8, 16, 32])[2], 15);
        assert_eq!(tree.files_in(3).collect::<BTreeSet<_>>(), BTreeSet::from([1, 2]));
    }

    #[test]
    fn twenty_thousand_files_and_odd_paths_are_no_trouble() {
        let paths: Vec<String> = (0..20_000).map(|n| format!("folder {:03}/file {n}", n % 200)).collect();
        let tree = Tree::of((0..).zip(&paths).map(|(number, path)| (number, path.as_str(), 1)));
        assert_eq!((tree.len(), tree.files()), (20_200, 20_000));
        assert_eq!(tree.rows(&BTreeSet::new()).len(), 200);
        let odd = Tree::of([(0, "", 1), (1, "/", 1), (2, "a//b", 1), (3, "a", 1)].into_iter());
        assert_eq!(odd.files(), 4);
        assert_eq!(odd.ticks(|_| true).iter().filter(|tick| **tick == Tick::All).count(), odd.len());
    }
}
