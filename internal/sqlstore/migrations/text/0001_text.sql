-- The full text of one day's spans (SQLite): words in lower case, cut by us.
-- A document is what one block holds of one trace: rowid is the trace's number
-- shifted left by 24, plus the block's ordinal. Only presence is kept.
-- only: sqlite
CREATE VIRTUAL TABLE words USING fts5 (body, content='', columnsize=0, detail=none, tokenize="ascii tokenchars ''");

-- only: sqlite
CREATE VIRTUAL TABLE vocabulary USING fts5vocab ('words', 'row');

CREATE TABLE state (
  name {{text}} PRIMARY KEY,
  value {{int}} NOT NULL
);
