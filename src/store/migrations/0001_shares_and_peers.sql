-- Why: what must outlast a restart and has no other home. A share's manifest and hashes are not here but in the file
-- <id>.share beside the database (see share_files.rs); which pieces of a download are on disk is in <id>.have.

CREATE TABLE shares (
    -- BLAKE3 of the manifest, 32 bytes.
    id          BLOB    PRIMARY KEY NOT NULL CHECK (length(id) = 32),
    -- Whether this computer made it.
    mine        INTEGER NOT NULL,
    -- 'complete', 'partial', 'paused' or 'failed'.
    state       TEXT    NOT NULL,
    -- Who may have it: 'everyone', 'peers' (those in share_peers) or 'link'.
    recipients  TEXT    NOT NULL,
    -- The folder it goes into, as the system's own bytes; NULL for shares of mine.
    into_folder BLOB,
    -- Seconds since 1970.
    added_s     INTEGER NOT NULL
) STRICT;

CREATE TABLE share_peers (
    share BLOB NOT NULL REFERENCES shares (id) ON DELETE CASCADE,
    -- SHA-256 of the peer's key, 32 bytes.
    peer  BLOB NOT NULL CHECK (length(peer) = 32),
    PRIMARY KEY (share, peer)
) STRICT, WITHOUT ROWID;

-- Apart from shares, since one row can be megabytes long and is read only at the start.
CREATE TABLE sources (
    share BLOB PRIMARY KEY NOT NULL REFERENCES shares (id) ON DELETE CASCADE,
    -- Where each file is on this disk, and its stamp: Sources::to_bytes.
    files BLOB NOT NULL
) STRICT;

CREATE TABLE peers (
    id          BLOB    PRIMARY KEY NOT NULL CHECK (length(id) = 32),
    -- The name it called itself.
    name        TEXT    NOT NULL,
    -- ADDRESS:PORT, one a line, the best first.
    addresses   TEXT    NOT NULL,
    -- Seconds since 1970.
    last_seen_s INTEGER NOT NULL
) STRICT;

CREATE INDEX peers_by_last_seen ON peers (last_seen_s);
