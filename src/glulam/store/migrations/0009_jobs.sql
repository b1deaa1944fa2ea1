-- Jobs, their runs and what these leave behind: bookmarks, logs, notices. docs/jobs.md draws the states.

CREATE TABLE job (
  account_id text COLLATE "C" NOT NULL,
  region     text COLLATE "C" NOT NULL,
  name       text COLLATE "C" NOT NULL,
  document   jsonb NOT NULL,               -- as CreateJob or UpdateJob gave it, defaults filled in
  runs       bigint NOT NULL DEFAULT 0,    -- how many were started
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (account_id, region, name)
);

CREATE TABLE job_run (
  seq             bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
  id              text COLLATE "C" PRIMARY KEY,
  account_id      text COLLATE "C" NOT NULL,
  region          text COLLATE "C" NOT NULL,
  job_name        text COLLATE "C" NOT NULL,
  number          bigint NOT NULL,          -- which run of its job
  attempt         int NOT NULL DEFAULT 0,
  previous_run_id text,
  trigger_name    text,
  state           text NOT NULL CHECK (state IN ('WAITING', 'STARTING', 'RUNNING', 'STOPPING', 'STOPPED', 'SUCCEEDED',
                                                 'FAILED', 'TIMEOUT', 'ERROR', 'EXPIRED')),
  spec            jsonb NOT NULL,           -- the job as it was at the start, with this run's own settings over it
  arguments       jsonb NOT NULL,           -- those of StartJobRun; the job's own are in spec
  epoch           int NOT NULL DEFAULT 0,   -- goes up when a worker takes the run; only the last one may end it
  worker          text,
  lease_until     timestamptz,
  access_key_id   text,                     -- the short-lived key of the run's process
  created_at      timestamptz NOT NULL DEFAULT now(),
  began_at        timestamptz,
  changed_at      timestamptz NOT NULL DEFAULT now(),
  completed_at    timestamptz,
  delay_told      boolean NOT NULL DEFAULT false,
  error_message   text,
  state_detail    text,
  failure         jsonb,                    -- the root cause: type, message, file, line, hint
  execution_s     double precision,
  dpu_seconds     double precision,
  metrics         jsonb NOT NULL DEFAULT '{}',
  bookmark        jsonb,                    -- what job.commit() sent; it counts once the run has SUCCEEDED
  CHECK ((state IN ('RUNNING', 'STOPPING')) = (lease_until IS NOT NULL)),
  CHECK ((state IN ('WAITING', 'STARTING', 'RUNNING', 'STOPPING')) = (completed_at IS NULL))
);
CREATE INDEX job_run_open ON job_run (state, seq) WHERE state IN ('WAITING', 'STARTING', 'RUNNING', 'STOPPING');
CREATE INDEX job_run_of_job ON job_run (account_id, region, job_name, seq DESC);

CREATE FUNCTION job_run_moves() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.state <> OLD.state AND NOT (CASE OLD.state
      WHEN 'WAITING'  THEN NEW.state IN ('STARTING', 'STOPPED', 'ERROR', 'EXPIRED')
      WHEN 'STARTING' THEN NEW.state IN ('RUNNING', 'STOPPED', 'ERROR')
      WHEN 'RUNNING'  THEN NEW.state IN ('STARTING', 'STOPPING', 'SUCCEEDED', 'FAILED', 'TIMEOUT')
      WHEN 'STOPPING' THEN NEW.state IN ('STOPPED', 'SUCCEEDED')
      ELSE false END) THEN
    RAISE EXCEPTION 'job run % cannot go from % to %', OLD.id, OLD.state, NEW.state USING ERRCODE = 'check_violation';
  END IF;
  RETURN NEW;
END
$$;
CREATE TRIGGER job_run_moves BEFORE UPDATE OF state ON job_run FOR EACH ROW EXECUTE FUNCTION job_run_moves();

-- Each commit, reset and rewind is a new version; the last one is the job's bookmark.
CREATE TABLE job_bookmark (
  account_id      text COLLATE "C" NOT NULL,
  region          text COLLATE "C" NOT NULL,
  job_name        text COLLATE "C" NOT NULL,
  version         int NOT NULL,
  run_id          text,                     -- null: it was reset
  run             bigint NOT NULL,
  attempt         int NOT NULL,
  previous_run_id text,
  state           jsonb NOT NULL,
  committed_at    timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (account_id, region, job_name, version)
);

CREATE TABLE job_log (
  id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  run_id   text COLLATE "C" NOT NULL,
  stream   text NOT NULL CHECK (stream IN ('output', 'error')),
  first_at timestamptz NOT NULL,
  last_at  timestamptz NOT NULL,
  events   jsonb NOT NULL                   -- [[milliseconds since 1970, line], ...]
);
CREATE INDEX job_log_run ON job_log (run_id, id);
CREATE INDEX job_log_age ON job_log (last_at);

-- What happened to runs, for those who want to be told: state changes, and runs that take longer than NotifyDelayAfter.
CREATE TABLE job_event (
  id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  account_id text COLLATE "C" NOT NULL,
  region     text COLLATE "C" NOT NULL,
  at         timestamptz NOT NULL DEFAULT now(),
  kind       text NOT NULL,                 -- the detail-type of Glue's own events
  run_id     text COLLATE "C" NOT NULL,
  detail     jsonb NOT NULL
);

-- An interactive session is a run whose script reads statements. Its state is the run's.
CREATE TABLE job_session (
  account_id text COLLATE "C" NOT NULL,
  region     text COLLATE "C" NOT NULL,
  id         text COLLATE "C" NOT NULL,
  run_id     text COLLATE "C" NOT NULL UNIQUE REFERENCES job_run (id),
  document   jsonb NOT NULL,
  ready      boolean NOT NULL DEFAULT false,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (account_id, region, id)
);

CREATE TABLE job_statement (
  run_id       text COLLATE "C" NOT NULL REFERENCES job_session (run_id) ON DELETE CASCADE,
  id           int NOT NULL,
  code         text NOT NULL,
  state        text NOT NULL CHECK (state IN ('WAITING', 'RUNNING', 'AVAILABLE', 'CANCELLING', 'CANCELLED', 'ERROR')),
  output       jsonb,
  started_at   timestamptz,
  completed_at timestamptz,
  PRIMARY KEY (run_id, id)
);
