-- Workspaces: the outermost scope of everything in control.db.
CREATE TABLE workspace (
  name {{text}} PRIMARY KEY,
  description {{text}} NOT NULL DEFAULT '',
  created_at {{int}} NOT NULL
);

INSERT INTO workspace (name, description, created_at) VALUES ('default', 'The first workspace', 0);
