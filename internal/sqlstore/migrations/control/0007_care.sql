-- Policies about the care of data, by kind (masking, retention): one for a
-- workspace (experiment '') and one for each experiment that wants another.
-- body is JSON.
CREATE TABLE data_policy (
  kind {{text}} NOT NULL,
  workspace {{text}} NOT NULL,
  experiment {{text}} NOT NULL,
  body {{text}} NOT NULL,
  updated_by {{text}} NOT NULL,
  updated_at {{int}} NOT NULL,
  PRIMARY KEY (kind, workspace, experiment)
){{clustered}};

-- When retention last went over a workspace, and its report.
CREATE TABLE retention_run (
  workspace {{text}} PRIMARY KEY,
  day {{int}} NOT NULL,
  job {{text}} NOT NULL,
  report {{text}} NOT NULL,
  ended_at {{int}} NOT NULL
);

-- Serves the removal of deleted runs and experiments after a while.
CREATE INDEX run_deleted ON run (deleted_at) WHERE deleted_at IS NOT NULL;
