-- Runs that wait before they are tried again, runs of one installation's own workers, and runs that are old enough to go.

ALTER TABLE job_run
  ADD COLUMN not_before timestamptz,          -- nobody may claim it before
  ADD COLUMN host       text COLLATE "C";     -- only workers of this machine and home may claim it: its script is a path there
CREATE INDEX job_run_age ON job_run (completed_at) WHERE completed_at IS NOT NULL;

ALTER TABLE job_session ADD COLUMN endpoint text;   -- where a session of type SPARK_CONNECT listens
