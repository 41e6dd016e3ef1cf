-- Why: names are taken apart into words so that they are found in every script, and by letters that keyboards have. The index
-- is made anew by the program, which knows how; `form` says how its words were made. The same stands in server_sqlite.
CREATE TABLE words_form (
    form BIGINT NOT NULL
);
INSERT INTO words_form (form) VALUES (0);
