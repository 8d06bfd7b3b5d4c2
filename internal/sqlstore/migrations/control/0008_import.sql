-- What was imported from elsewhere: the ledger that makes an import resume
-- where it stopped and a second one copy only what is new.
CREATE TABLE import_source (
  source_no {{serial}},
  workspace {{text}} NOT NULL,
  address {{text}} NOT NULL,
  created_at {{int}} NOT NULL
);

CREATE UNIQUE INDEX import_source_address ON import_source (workspace, address);

-- state is 'copying' from the moment something of the item may be here, and
-- 'done' once all of it is; hash is of the item as the source had it.
CREATE TABLE import_item (
  source_no {{int}} NOT NULL REFERENCES import_source (source_no) ON DELETE CASCADE,
  kind {{text}} NOT NULL,
  source_id {{text}} NOT NULL,
  our_id {{text}} NOT NULL,
  hash {{text}} NOT NULL,
  state {{text}} NOT NULL,
  outcome {{text}} NOT NULL,
  job_id {{text}} NOT NULL,
  imported_at {{int}} NOT NULL,
  PRIMARY KEY (source_no, kind, source_id)
){{clustered}};

-- Credentials of a source, sealed with the key of the data directory, for as
-- long as the job that needs them.
CREATE TABLE import_secret (
  job_id {{text}} PRIMARY KEY,
  sealed {{blob}} NOT NULL,
  created_at {{int}} NOT NULL
);
