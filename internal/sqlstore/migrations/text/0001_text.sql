-- The full text of one day's spans (SQLite): words in lower case, cut by us.
-- A document is what one block holds of one trace: rowid is the trace's number
-- shifted left by 24, plus the block's ordinal. Only presence is kept.
-- only: sqlite
CREATE VIRTUAL TABLE words USING fts5 (body, content='', columnsize=0, detail=none, tokenize="ascii tokenchars ''");

-- Words wait in memory until 16 MiB of them are written at once, and segments
-- are merged later than is usual: this table is written far more than read.
-- only: sqlite
INSERT INTO words (words, rank) VALUES ('hashsize', 16777216);

-- only: sqlite
INSERT INTO words (words, rank) VALUES ('automerge', 8);

-- only: sqlite
CREATE VIRTUAL TABLE vocabulary USING fts5vocab ('words', 'row');

CREATE TABLE state (
  name {{text}} PRIMARY KEY,
  value {{int}} NOT NULL
);
