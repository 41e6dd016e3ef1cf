-- Why: names are taken apart into words so that they are found in every script, and by letters that keyboards have. The index
-- is made anew by the program, which knows how; `form` says how its words were made. The same stands in server_postgres.
CREATE TABLE words_form (
    form INTEGER NOT NULL
);
INSERT INTO words_form (form) VALUES (0);

-- The program takes words apart; here they are kept as they come, also those with signs that belong to letters.
DROP TABLE files_words;
CREATE VIRTUAL TABLE files_words USING fts5 (
    words, content = '', contentless_delete = 1, tokenize = 'ascii', prefix = '2 3 4'
);
