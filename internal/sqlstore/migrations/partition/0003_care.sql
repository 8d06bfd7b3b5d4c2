-- Serves the rewriting of a day: which traces were written to since it began.
CREATE INDEX trace_here_batch ON {{p}}trace_here (batch);
