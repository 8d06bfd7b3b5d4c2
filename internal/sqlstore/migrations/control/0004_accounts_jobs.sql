-- People, their sessions, service tokens, and what they changed.
CREATE TABLE account_user (
  id {{text}} PRIMARY KEY,
  name {{text}} NOT NULL,
  folded {{text}} NOT NULL UNIQUE,
  display_name {{text}} NOT NULL,
  password {{text}} NOT NULL,
  disabled {{int}} NOT NULL,
  created_at {{int}} NOT NULL,
  last_seen_at {{int}} NOT NULL
);

-- A workspace of '*' is every workspace.
CREATE TABLE account_role (
  user_id {{text}} NOT NULL REFERENCES account_user (id) ON DELETE CASCADE,
  workspace {{text}} NOT NULL,
  role {{text}} NOT NULL,
  PRIMARY KEY (user_id, workspace)
){{clustered}};

CREATE TABLE account_session (
  hash {{blob}} PRIMARY KEY,
  user_id {{text}} NOT NULL REFERENCES account_user (id) ON DELETE CASCADE,
  created_at {{int}} NOT NULL,
  expires_at {{int}} NOT NULL,
  last_used_at {{int}} NOT NULL,
  address {{text}} NOT NULL
);

CREATE INDEX account_session_user ON account_session (user_id);

CREATE TABLE account_token (
  id {{text}} PRIMARY KEY,
  hash {{blob}} NOT NULL UNIQUE,
  name {{text}} NOT NULL,
  workspace {{text}} NOT NULL,
  role {{text}} NOT NULL,
  hint {{text}} NOT NULL,
  created_by {{text}} NOT NULL,
  created_at {{int}} NOT NULL,
  last_used_at {{int}} NOT NULL,
  expires_at {{int}} NOT NULL
);

CREATE UNIQUE INDEX account_token_name ON account_token (workspace, name);

CREATE TABLE audit (
  seq {{serial}},
  time_ms {{int}} NOT NULL,
  workspace {{text}} NOT NULL,
  actor {{text}} NOT NULL,
  actor_kind {{text}} NOT NULL,
  action {{text}} NOT NULL,
  object_kind {{text}} NOT NULL,
  object_id {{text}} NOT NULL,
  address {{text}} NOT NULL,
  request_id {{text}} NOT NULL,
  before_hash {{text}} NOT NULL,
  after_hash {{text}} NOT NULL,
  detail {{blob}} NOT NULL
);

CREATE INDEX audit_workspace ON audit (workspace, seq);

CREATE INDEX audit_actor ON audit (workspace, actor, seq);

-- The log is append-only in the database itself.
-- only: sqlite
CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;

-- only: sqlite
CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;

-- only: postgres
CREATE FUNCTION audit_refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'the audit log is append-only'; END $$;

-- only: postgres
CREATE TRIGGER audit_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse();
