-- Why: a download that waits until a person has chosen among its files still waits after a restart, and says why.
ALTER TABLE options ADD COLUMN choosing INTEGER NOT NULL DEFAULT 0;
