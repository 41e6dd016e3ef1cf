//! Made-up snapshots: an empty room, a busy lesson, everything broken, ten thousand shares. The same on every run.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    path::PathBuf,
    sync::Arc,
    time::{Duration, UNIX_EPOCH},
};

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};

use handout::{
    access::{GroupId, Policy, StudentRules},
    engine::{
        command::Recipients,
        question::{Ask, Question},
        snapshot::*,
        trouble::{Trouble, TroubleKind},
    },
    share::{
        Audience, Bitmap, Entry, EntryKind, Manifest, Modified, PeerId, PieceHashes, PieceLen, PublicKey, Root, Share,
        ShareId, SharePath, Signature, SignedManifest,
    },
    traffic::{Class, Days, Limits, Order, Priority, Rate, Reason, Rule, Schedule, SeedUntil, Then, reason::LimitBy},
};

const MB: u64 = 1_000_000;
const GB: u64 = 1000 * MB;

/// A key from a number, spread so that neighbours get other colours.
pub fn peer_id(number: u64) -> PeerId {
    PeerId(*blake3::hash(&number.to_le_bytes()).as_bytes())
}

pub fn share_id(number: u64) -> ShareId {
    ShareId(*blake3::hash(&(number + 1_000_000).to_le_bytes()).as_bytes())
}

pub fn trouble(kind: TroubleKind, what: &str, about: &str, hint: &str) -> Arc<Trouble> {
    let (what, about, hint) = (what.to_owned(), about.to_owned(), hint.to_owned());
    Arc::new(Trouble { serial: 7, kind, what, about, hint, since: UNIX_EPOCH })
}

/// Nobody here, nothing shared.
pub fn empty() -> Snapshot {
    let me = Me {
        id: peer_id(4),
        name: "Lab 3 · PC 07".to_owned(),
        listen: vec![SocketAddr::from(([192, 168, 1, 27], 4754))],
        version: "0.1.0",
        home: PathBuf::from("/home/ann/.local/share/handout"),
        downloads: PathBuf::from("/home/ann/Downloads/Handout"),
        discovery: true,
    };
    Snapshot {
        revision: 1,
        me: Arc::new(me),
        peers: Vec::new(),
        silent: Vec::new(),
        shares: Vec::new(),
        transfers: Vec::new(),
        imports: Vec::new(),
        questions: Vec::new(),
        troubles: Vec::new(),
        outcomes: Vec::new(),
        rate_down: 0,
        rate_up: 0,
        traffic: Arc::new(Traffic { active_downloads: 3, ..Traffic::default() }),
        given: Arc::from([]),
        history: Arc::from([]),
        managed: None,
    }
}

const PEOPLE: [&str; 28] = [
    "Ms Kaya",
    "Ben",
    "Cem",
    "Eva",
    "Ann's PC",
    "Lab 3 · PC 01",
    "Lab 3 · PC 02",
    "Lab 3 · PC 03",
    "Zoë",
    "李雷",
    "سارة",
    "Deniz",
    "Elif",
    "Finn",
    "Greta",
    "Hakan",
    "Ida",
    "Jonas",
    "Kofi",
    "Lena",
    "Mehmet",
    "Nora",
    "Olga",
    "Paul",
    "Rosa",
    "Samir",
    "A teacher with a rather long name",
    "Tomás",
];

pub fn peer(number: u64, name: &str, shares: u32) -> Arc<PeerRow> {
    Arc::new(PeerRow {
        id: peer_id(number),
        name: name.to_owned(),
        role: Role::Peer,
        addresses: vec![SocketAddr::from(([192, 168, 1, 30 + (number % 200) as u8], 4754))],
        via: Via::Mdns,
        reached: None,
        last_seen: UNIX_EPOCH,
        shares,
        clock_ahead_s: None,
        trouble: None,
    })
}

/// A share that somebody else gives and that is not here.
pub fn share(number: u64, title: &str, kind: ShareKind, size: u64, publisher: u64) -> ShareRow {
    let id = share_id(number);
    ShareRow {
        id,
        title: title.to_owned(),
        kind,
        size,
        files: if kind == ShareKind::File { 1 } else { 214 },
        publisher: Some(peer_id(publisher)),
        publisher_name: Some(PEOPLE[publisher as usize - 1].to_owned()),
        mine: false,
        created: UNIX_EPOCH,
        seeds: 12,
        leeches: 0,
        here: Here::No,
        recipients: None,
        givers: vec![],
        keeping: None,
        link: format!("handout://{id}?at=192.168.1.31:4754"),
        trouble: None,
    }
}

/// The files of a share, of which a part is here; `wanted`: `None` for all.
pub fn listing(title: &str, files: &[(String, u64, Root)], part: f64, wanted: Option<BTreeSet<u32>>) -> Listing {
    let key = Ed25519KeyPair::from_seed_unchecked(&[7; 32]).unwrap();
    let path = |parts: &[&str]| SharePath::new(parts.iter().map(|part| (*part).to_owned()).collect()).unwrap();
    let modified = Modified { s: 0, ns: 0 };
    let mut kinds = BTreeMap::new();
    for (name, size, root) in files {
        let parts: Vec<&str> = name.split('/').collect();
        for depth in 1..parts.len() {
            kinds.insert(path(&parts[..depth]), EntryKind::Folder);
        }
        kinds.insert(path(&parts), EntryKind::File { size: *size, root: *root, executable: false });
    }
    let manifest = Manifest {
        title: title.to_owned(),
        publisher: PublicKey(key.public_key().as_ref().try_into().unwrap()),
        created_s: 0,
        audience: Audience::Everyone,
        // Larger than any of the files, so that none needs hashes of its own.
        piece_len: PieceLen::from_log2(24).unwrap(),
        entries: kinds.into_iter().map(|(path, kind)| Entry { path, modified, kind }).collect(),
    };
    let hashes = PieceHashes::new(&manifest, BTreeMap::new()).unwrap();
    let sign = |message: &[u8]| Signature(key.sign(message).as_ref().try_into().unwrap());
    let share = Arc::new(Share::new(SignedManifest::sign(manifest, sign).unwrap(), hashes).unwrap());
    let pieces = share.pieces();
    let mut have = Bitmap::empty(pieces);
    for piece in pieces.iter().take((f64::from(pieces.count()) * part) as usize) {
        have.insert(piece);
    }
    Listing::new(share, (part < 1.0).then(|| Arc::new(have)), wanted.map(Arc::new))
}

pub fn places(title: &str) -> Vec<PathBuf> {
    vec![PathBuf::from("/home/ann/Downloads/Handout").join(title)]
}

/// The transfer that goes with a share; `part` is how much of it is here.
pub fn transfer(row: &ShareRow, state: TransferState, part: f64) -> TransferRow {
    let pieces = (row.size / (4 * MB)).clamp(1, 4000) as u32;
    let files: Vec<(String, u64, Root)> = (0..row.files.min(1000))
        .map(|n| {
            let path = if row.files == 1 {
                row.title.clone()
            } else {
                format!("{}/day {}/photo {n:03}.jpg", row.title, 1 + n / 40)
            };
            (path, row.size / u64::from(row.files), Root(*blake3::hash(&n.to_le_bytes()).as_bytes()))
        })
        .collect();
    let listing = (row.files > 1).then(|| listing(&row.title, &files, part, None));
    let facts =
        Facts { publisher: row.publisher.unwrap(), piece_bytes: 4 << 20, pieces, files, files_total: row.files };
    TransferRow {
        share: row.id,
        title: row.title.clone(),
        kind: row.kind,
        mine: row.mine,
        state,
        done_bytes: (row.size as f64 * part) as u64,
        size: row.size,
        full_size: row.size,
        files: row.files,
        files_wanted: row.files,
        listing,
        queue: None,
        priority: Priority::Normal,
        order: Order::Rarest,
        class: Class::Foreground,
        limits: Limits::NONE,
        seed_until: None,
        reason: Reason::FullSpeed,
        given_in_all: 0,
        rate_down: 0,
        rate_up: 0,
        given_bytes: 0,
        eta: None,
        sources: 0,
        seeds: row.seeds,
        leeches: row.leeches,
        into: PathBuf::from("/home/ann/Downloads/Handout"),
        places: if state == TransferState::Seeding { places(&row.title) } else { Vec::new() },
        trouble: None,
        map: Arc::new(map(part, state == TransferState::Fetching)),
        peers: Vec::new(),
        history: Arc::from([]),
        reused_files: 0,
        reused_bytes: 0,
        pieces_done: (f64::from(pieces) * part) as u32,
        banned: vec![],
        facts: Some(Arc::new(facts)),
    }
}

fn map(part: f64, flying: bool) -> PieceMap {
    let tile = |at: u32| {
        // Pieces come in no order that one could see.
        let chance = f64::from(at.wrapping_mul(2_654_435_761) >> 16 & 0xffff) / 65_536.0;
        let near = f64::from(at) / 256.0;
        let had = chance * 0.55 + near * 0.45 < part;
        let in_flight = flying && !had && chance * 0.55 + near * 0.45 < part + 0.06;
        Tile { had: u8::from(had) * 255, in_flight: u8::from(in_flight) * 255, copies: 1 + (at * 7 % 11) as u8 }
    };
    PieceMap { tiles: (0..256).map(tile).collect() }
}

fn history(peak: u64) -> Arc<[Speed]> {
    let speed = |s: u32| {
        let x = f64::from(s) / 300.0;
        let wave = (x * 19.0).sin() * 0.16 + (x * 47.0).sin() * 0.07;
        let down = if x < 0.25 { 0.0 } else { ((x - 0.25) * 6.0).min(0.8) + wave };
        let up = if x < 0.4 { 0.0 } else { ((x - 0.4) * 2.0).min(0.4) - wave * 0.7 };
        Speed { down: (down.max(0.0) * peak as f64) as u64, up: (up.max(0.0) * peak as f64) as u64 }
    };
    (0..300).map(speed).collect()
}

/// A lesson: people, shares in every state, transfers in every state, an import.
pub fn busy() -> Snapshot {
    let mut now = empty();
    now.revision = 2;
    now.peers = PEOPLE.iter().enumerate().map(|(at, name)| peer(at as u64 + 1, name, SHARES_OF[at % 8])).collect();
    now.rate_down = 94 * MB;
    now.rate_up = 12_400_000;
    now.history = history(112 * MB);
    lesson(&mut now);
    now.imports = vec![Arc::new(ImportRow {
        token: 77,
        title: "Excursion photos".to_owned(),
        done_bytes: 620 * MB,
        size: 1_900 * MB,
        files: 412,
    })];
    now
}

const SHARES_OF: [u32; 8] = [3, 0, 1, 0, 0, 2, 0, 0];

fn lesson(now: &mut Snapshot) {
    let mut worksheet = share(1, "Worksheet 7 – photosynthesis.pdf", ShareKind::File, 1_230_000, 1);
    worksheet.here = Here::Complete { places: places("Worksheet 7 – photosynthesis.pdf") };
    worksheet.seeds = 26;
    let mut video = share(2, "Video lesson 4.mp4", ShareKind::File, 1_240 * MB, 1);
    (video.here, video.seeds, video.leeches) = (Here::OnItsWay, 4, 19);
    let robots = share(3, "Robots", ShareKind::Folder, 88 * MB, 2);
    let mut essay = share(
        4,
        "A very long title of an essay about the rivers of northern Anatolia and what became of them, final version (3).docx",
        ShareKind::File,
        340_000,
        9,
    );
    essay.seeds = 1;
    let mut photos = share(5, "Class photos", ShareKind::Several, 2_310 * MB, 3);
    (photos.here, photos.seeds, photos.leeches) = (Here::OnItsWay, 0, 6);
    let mut mine = share(6, "My presentation.pptx", ShareKind::File, 24 * MB, 4);
    (mine.mine, mine.publisher, mine.recipients) = (true, Some(now.me.id), Some(Recipients::Everyone));
    (mine.here, mine.seeds, mine.leeches) = (Here::Complete { places: places("My presentation.pptx") }, 8, 3);
    let chinese = share(7, "生物学 第三课 细胞的结构.pdf", ShareKind::File, 4_700_000, 10);
    let arabic = share(8, "الدرس الثالث.zip", ShareKind::File, 61 * MB, 11);
    let mut iso = share(9, "debian-12-netinst.iso", ShareKind::File, 660 * MB, 8);
    (iso.here, iso.seeds) = (Here::OnItsWay, 2);
    let mut song = share(10, "Choir rehearsal.mp3", ShareKind::File, 9_300_000, 5);
    (song.seeds, song.leeches) = (3, 1);
    let code = share(11, "line_follower.ino", ShareKind::File, 4_200, 2);
    let mut table = share(12, "Results.xlsx", ShareKind::File, 88_000, 1);
    table.here = Here::Complete { places: places("Results.xlsx") };
    let mut secret = share(13, "Marks.ods", ShareKind::File, 51_000, 4);
    (secret.mine, secret.publisher, secret.seeds) = (true, Some(now.me.id), 1);
    secret.recipients = Some(Recipients::Peers([peer_id(1)].into()));
    secret.here = Here::Complete { places: places("Marks.ods") };
    let mut linked = share(14, "Family video.mkv", ShareKind::File, 3 * GB, 4);
    (linked.mine, linked.publisher, linked.seeds) = (true, Some(now.me.id), 0);
    linked.recipients = Some(Recipients::Link);
    linked.here = Here::Complete { places: places("Family video.mkv") };

    now.transfers = transfers(&video, &photos, &iso, &worksheet, &mine, &robots).into_iter().map(Arc::new).collect();
    let all = [worksheet, video, robots, essay, photos, mine, chinese, arabic, iso, song, code, table, secret, linked];
    now.shares = all.into_iter().map(Arc::new).collect();
}

fn transfers(
    video: &ShareRow,
    photos: &ShareRow,
    iso: &ShareRow,
    worksheet: &ShareRow,
    mine: &ShareRow,
    robots: &ShareRow,
) -> Vec<TransferRow> {
    let mut one = transfer(video, TransferState::Fetching, 0.64);
    (one.rate_down, one.rate_up, one.sources) = (86 * MB, 3 * MB, 5);
    (one.eta, one.given_bytes) = (Some(Duration::from_secs(12)), 210 * MB);
    (one.queue, one.history) = (Some(1), history(90 * MB));
    one.reason = Reason::TheirSide { sources: 5, peer: None, rate: 86 * MB };
    one.peers = (1..9).map(|n| Arc::new(transfer_peer(n, n < 4))).collect();
    let mut two = transfer(photos, TransferState::Waiting, 0.31);
    two.trouble = Some(trouble(
        TroubleKind::Nobody,
        "Waiting for somebody who has the rest",
        "Class photos",
        "It goes on by itself when Cem's PC is back.",
    ));
    (two.queue, two.reason) = (Some(2), Reason::Trouble);
    let mut three = transfer(iso, TransferState::Paused, 0.42);
    (three.queue, three.reason) = (Some(3), Reason::Paused);
    let mut four = transfer(worksheet, TransferState::Seeding, 1.0);
    four.given_bytes = 14_700_000;
    let mut five = transfer(mine, TransferState::Seeding, 1.0);
    (five.rate_up, five.leeches, five.given_bytes) = (9_400_000, 3, 260 * MB);
    five.peers = (9..12).map(|n| Arc::new(transfer_peer(n, false))).collect();
    let mut six = transfer(robots, TransferState::Failed, 0.1);
    six.trouble = Some(trouble(
        TroubleKind::Disk,
        "The disk is full",
        "Robots",
        "It needs 79 MB more on /home. Make room, then try again.",
    ));
    vec![one, two, three, six, five, four]
}

fn transfer_peer(number: u64, complete: bool) -> TransferPeer {
    TransferPeer {
        id: peer_id(number),
        name: PEOPLE[number as usize - 1].to_owned(),
        pieces: if complete { 310 } else { 31 * number as u32 },
        complete,
        rate_down: if complete { (30 - 6 * number) * MB } else { 0 },
        rate_up: if complete { 0 } else { number * 300_000 },
        in_flight: if complete { 2 } else { 0 },
        got_bytes: if complete { 260 * MB } else { 0 },
        given_bytes: if complete { 0 } else { number * 8 * MB },
    }
}

/// A lesson in which much waits for its turn, with something chosen for each, and hours at which it is slower.
pub fn queued() -> Snapshot {
    let mut now = busy();
    now.revision = 7;
    let first = Arc::make_mut(&mut now.transfers[0]);
    (first.priority, first.order) = (Priority::High, Order::InOrder);
    first.reason = Reason::TheirSide { sources: 1, peer: Some(peer_id(5)), rate: 4 * MB };
    let waiting = [
        ("Geography atlas.pdf", 310 * MB, Priority::Normal),
        ("Physics simulations", 1_900 * MB, Priority::Normal),
        ("Music for the play.flac", 420 * MB, Priority::Low),
        ("Map tiles of the valley", 2_400 * MB, Priority::Low),
    ];
    for (number, (title, size, priority)) in (200..).zip(waiting) {
        let kind = if title.contains('.') { ShareKind::File } else { ShareKind::Folder };
        let mut of = share(number, title, kind, size, number % 20 + 1);
        of.here = Here::OnItsWay;
        let mut row = transfer(&of, TransferState::Queued, 0.0);
        let place = (number - 196) as u32;
        (row.queue, row.priority) = (Some(place), priority);
        row.reason = Reason::Queued { before: place - 1, active: 3 };
        if kind == ShareKind::Folder {
            (row.class, row.files_wanted) = (Class::Background, 37);
        }
        now.transfers.push(Arc::new(row));
        now.shares.push(Arc::new(of));
    }
    let slow = Limits { down: Rate::new(2 * MB), up: Rate::new(500_000) };
    let rule = |days: &str, from: u16, to: u16, then| Rule { days: Days::parse(days).unwrap(), from, to, then };
    now.traffic = Arc::new(Traffic {
        limits: Limits { down: None, up: Rate::new(5 * MB) },
        limits_now: slow,
        schedule: Schedule(vec![
            rule("mon-fri", 8 * 60, 15 * 60 + 30, Then::Limit(slow)),
            rule("daily", 22 * 60, 6 * 60, Then::Pause),
            rule("sat,sun", 10 * 60, 12 * 60, Then::Limit(Limits { down: None, up: Rate::new(MB) })),
        ]),
        rule_now: Some((0, 95)),
        active_downloads: 3,
        seed_until: SeedUntil::Ratio(2000),
        ..Traffic::default()
    });
    now.given = given();
    now
}

/// The same where an administrator decides.
pub fn managed() -> Snapshot {
    let mut now = queued();
    now.revision = 8;
    let traffic = Arc::make_mut(&mut now.traffic);
    traffic.fixed = Fixed {
        limits: Limits { down: None, up: Rate::new(5 * MB) },
        schedule: true,
        active_downloads: true,
        seed_until: true,
        stop_seeding_when_closed: true,
    };
    let first = Arc::make_mut(&mut now.transfers[0]);
    first.reason = Reason::Limit { by: LimitBy::Policy, rate: Rate::new(5 * MB).unwrap() };
    now
}

fn given() -> Arc<[GivenRow]> {
    let titles = ["My presentation.pptx", "Worksheet 7 – photosynthesis.pdf", "Video lesson 4.mp4", "Class photos"];
    let row = |n: u64| GivenRow {
        peer: peer_id(n * 5 % 14 + 1),
        peer_name: PEOPLE[(n * 5 % 14) as usize].to_owned(),
        share: share_id(6 + n % 4),
        title: titles[(n % 4) as usize].to_owned(),
        bytes: (n * n * 7919) % 900 * MB + 24_000,
        rate: if n < 3 { (n + 1) * 900_000 } else { 0 },
        last: UNIX_EPOCH + Duration::from_secs(100_000 - n),
    };
    (0..24).map(row).collect()
}

/// Everything that can be wrong at once.
pub fn broken() -> Snapshot {
    let mut now = busy();
    now.revision = 3;
    (now.rate_down, now.rate_up) = (0, 0);
    now.imports.clear();
    now.troubles = vec![
        trouble(
            TroubleKind::Local,
            "The network is gone",
            "",
            "Check the cable or the Wi-Fi. What was on its way goes on by itself.",
        ),
        trouble(
            TroubleKind::BadPeer,
            "Somebody sent wrong bytes",
            "Lab 3 · PC 02",
            "What it sent was thrown away, and it is not asked again. Nothing of yours is damaged.",
        ),
    ];
    let mut peers = now.peers.clone();
    let late = Arc::make_mut(&mut peers[0]);
    late.trouble = Some(trouble(TroubleKind::Nobody, "Can't be reached", "Ms Kaya", "A firewall may be in the way."));
    now.peers = peers;
    now
}

/// A folder was dropped, and some files in it can't be read.
pub fn asking() -> Snapshot {
    let mut now = busy();
    now.revision = 4;
    let file = |name: &str, why: &str| (PathBuf::from("/home/ann/Project").join(name), why.to_owned());
    let files = vec![
        file("private.key", "permission denied"),
        file("cache/lock", "it is neither a file nor a folder"),
        file("video/raw.mov", "it was deleted while it was read"),
    ];
    let ask = Ask::LeaveOut { token: 5, title: "Project".to_owned(), files, more: 4 };
    now.questions = vec![Arc::new(Question { serial: 31, ask })];
    now
}

/// A room with this many shares.
pub fn crowded(count: u64) -> Snapshot {
    let mut now = busy();
    now.revision = 5;
    let endings = ["pdf", "mp4", "docx", "png", "zip", "sb3", "ods"];
    let row = |n: u64| {
        let title = format!("Work of group {:03}, part {}.{}", n / 7, n % 7 + 1, endings[(n % 7) as usize]);
        let mut row = share(100 + n, &title, ShareKind::File, (n * n * 7919) % (3 * GB) + 900, n % 28 + 1);
        row.seeds = (n % 29) as u32 + 1;
        row.leeches = (n % 5) as u32;
        Arc::new(row)
    };
    now.shares.extend((0..count).map(row));
    now
}

/// [`crowded`], with so many transfers in every state; each tenth is a folder whose list names a thousand files.
pub fn hectic(shares: u64, transfers: u64) -> Snapshot {
    use TransferState::{Failed, Fetching, Looking, Paused, Seeding, Waiting};
    let mut now = crowded(shares);
    now.revision = 6;
    let states = [Fetching, Seeding, Fetching, Waiting, Seeding, Paused, Fetching, Looking, Seeding, Failed];
    let first = now.shares.len() - shares as usize;
    for n in 0..transfers.min(shares) {
        let share = Arc::make_mut(&mut now.shares[first + n as usize]);
        let state = states[(n % 10) as usize];
        let complete = state == Seeding;
        share.here = if complete { Here::Complete { places: places(&share.title) } } else { Here::OnItsWay };
        share.files = if n % 10 == 2 { 1000 } else { 1 };
        let mut row = transfer(share, state, if complete { 1.0 } else { (n % 97) as f64 / 97.0 });
        row.history = history(20 * MB);
        row.peers = (1..9).map(|n| Arc::new(transfer_peer(n, n < 4))).collect();
        if state == Fetching {
            (row.rate_down, row.sources, row.eta) = (MB + n * 10_000, 3, Some(Duration::from_secs(60 + n)));
        }
        if state == Waiting {
            row.trouble = Some(trouble(TroubleKind::Nobody, "Waiting for somebody who has the rest", &row.title, ""));
        }
        now.transfers.push(Arc::new(row));
    }
    now
}

/// The same a tenth of a second later: the transfers that fetch have moved on, everything else is shared with the picture
/// before.
pub fn a_moment_later(before: &Snapshot) -> Snapshot {
    let mut now = before.clone();
    now.revision += 1;
    for row in &mut now.transfers {
        if row.state == TransferState::Fetching {
            let row = Arc::make_mut(row);
            row.done_bytes = (row.done_bytes + row.rate_down / 10).min(row.size);
            row.rate_down += 1_000;
        }
    }
    now
}

/// A computer that a server manages. `change` makes it one with an exam, without rules, without its server.
pub fn by_server(change: impl FnOnce(&mut ManagedPicture)) -> Snapshot {
    let mut now = busy();
    now.revision = 11;
    let mut server = peer(90, "School server", 12);
    Arc::make_mut(&mut server).role = Role::Server;
    now.peers.insert(0, server);
    let students = StudentRules {
        share_with_room: false,
        file_bytes_max: Some(4 << 30),
        quota_bytes: Some(10 << 30),
        upload_bytes_per_s: Some(2 << 20),
        ..StudentRules::default()
    };
    let policy = Policy { version: 7, managed_by: "Hill School".to_owned(), students, ..Policy::default() };
    let mut managed = ManagedPicture {
        server: Some(peer_id(90)),
        name: "School server".to_owned(),
        by: "Hill School".to_owned(),
        role: Some(handout::access::Role::Student),
        groups: vec![(GroupId(1), "7b".to_owned()), (GroupId(2), "Chess club".to_owned())],
        reachable: true,
        lost: None,
        removed: None,
        missing: None,
        by_machine: false,
        version: 7,
        policy: Some(Arc::new(policy)),
        exam_until: None,
        exam_clock: None,
        heads: None,
        heads_broken: None,
        no_room: Some("Students may not give files to the whole room here".to_owned()),
        no_server: None,
    };
    change(&mut managed);
    now.managed = Some(Arc::new(managed));
    now
}

/// What servers found.
pub fn found() -> Arc<[FoundRow]> {
    let row = |number: u64, title: &str, file: Option<&str>, route: &[&str]| FoundRow {
        share: share_id(200 + number),
        title: title.to_owned(),
        owner: Some("Ms Kaya".to_owned()),
        size: number * 48 * MB,
        files: if file.is_some() { 12 } else { 1 },
        created: UNIX_EPOCH,
        file: file.map(str::to_owned),
        server: peer_id(90),
        server_name: "School server".to_owned(),
        route: route.iter().map(|name| (*name).to_owned()).collect(),
    };
    Arc::from([
        row(1, "Photosynthesis in pictures.pdf", None, &[]),
        row(2, "Biology, year 7", Some("Week 12/photosynthesis worksheet.docx"), &[]),
        row(
            9,
            "A long film about photosynthesis and what plants do at night, with subtitles.mp4",
            None,
            &["School server", "District", "State archive"],
        ),
    ])
}
