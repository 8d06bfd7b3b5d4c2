-- Saved views of pages. A view without a name stands for a link that was too
-- long for an address; equal links are one row.
CREATE TABLE saved_view (
  view_id {{text}} PRIMARY KEY,
  workspace {{text}} NOT NULL,
  page {{text}} NOT NULL,
  name {{text}} NOT NULL,
  state {{text}} NOT NULL,
  state_hash {{text}} NOT NULL,
  owner {{text}} NOT NULL,
  shared {{int}} NOT NULL,
  created_at {{int}} NOT NULL,
  updated_at {{int}} NOT NULL
);

CREATE INDEX saved_view_list ON saved_view (workspace, page, name, view_id);

CREATE INDEX saved_view_owner ON saved_view (workspace, owner, name);

CREATE INDEX saved_view_state ON saved_view (workspace, state_hash);
