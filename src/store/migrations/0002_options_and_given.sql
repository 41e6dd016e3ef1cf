-- Why: what a person chose for one transfer, and what was given to whom, must outlast a restart.

-- Only for shares of which something was chosen.
CREATE TABLE options (
    share         BLOB    PRIMARY KEY NOT NULL REFERENCES shares (id) ON DELETE CASCADE,
    -- 'low', 'normal' or 'high'.
    priority      TEXT    NOT NULL,
    -- Orders the downloads of one priority.
    position      INTEGER NOT NULL,
    -- 'rarest' or 'in-order'.
    fetch_order   TEXT    NOT NULL,
    -- 'foreground' or 'background'.
    class         TEXT    NOT NULL,
    -- Bytes a second; NULL: no limit.
    limit_down    INTEGER,
    limit_up      INTEGER,
    -- 'forever', 'ratio:…', 'time:…', 'copies:…'; NULL: as for all.
    seed_until    TEXT,
    seeding_ended INTEGER NOT NULL,
    -- Seconds since 1970.
    completed_s   INTEGER,
    -- Numbers of the files that are wanted, big-endian u32 each; NULL: all.
    wanted        BLOB
) STRICT;

-- Without a reference to shares: what was given stays known when a share is not given any more.
CREATE TABLE given (
    share  BLOB    NOT NULL CHECK (length(share) = 32),
    peer   BLOB    NOT NULL CHECK (length(peer) = 32),
    -- What the share was called.
    title  TEXT    NOT NULL,
    bytes  INTEGER NOT NULL,
    -- Seconds since 1970.
    last_s INTEGER NOT NULL,
    PRIMARY KEY (share, peer)
) STRICT, WITHOUT ROWID;

CREATE INDEX given_by_last ON given (last_s);
