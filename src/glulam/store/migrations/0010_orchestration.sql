-- What happens, when, and what follows: events, schedules, triggers and the runs of workflows. docs/workflows.md draws them.

-- Events in EventBridge's shape: source, topic (its detail-type), payload (its detail). Written in the transaction that
-- makes them true; each consumer ticks off what it has dealt with.
ALTER TABLE outbox
  ADD COLUMN account_id text COLLATE "C",         -- null: the installation's own
  ADD COLUMN region     text COLLATE "C",
  ADD COLUMN source     text NOT NULL DEFAULT 'glulam',
  ADD COLUMN dedupe_key text COLLATE "C",         -- the same thing told twice is one event
  ADD COLUMN routed     boolean NOT NULL DEFAULT false,   -- event rules have seen it
  ADD COLUMN alerted    boolean NOT NULL DEFAULT false;   -- alert rules have seen it
CREATE UNIQUE INDEX outbox_once ON outbox (dedupe_key) WHERE dedupe_key IS NOT NULL;
CREATE INDEX outbox_unrouted ON outbox (id) WHERE NOT routed;
CREATE INDEX outbox_unalerted ON outbox (id) WHERE NOT alerted;
CREATE INDEX outbox_age ON outbox (created_at) WHERE routed AND alerted;
DROP TABLE job_event;

CREATE FUNCTION tell_schedulers() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_notify('glulam_event', '');
  RETURN NULL;
END
$$;
CREATE TRIGGER outbox_told AFTER INSERT ON outbox FOR EACH STATEMENT EXECUTE FUNCTION tell_schedulers();

CREATE FUNCTION job_run_ended() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO outbox (account_id, region, source, topic, payload) VALUES (
    NEW.account_id, NEW.region, 'aws.glue', 'Glue Job State Change', jsonb_build_object(
      'jobName', NEW.job_name, 'jobRunId', NEW.id, 'state', NEW.state, 'attempt', NEW.attempt,
      'severity', CASE WHEN NEW.state IN ('SUCCEEDED', 'STOPPED') THEN 'INFO' ELSE 'ERROR' END,
      'message', coalesce(NEW.error_message, '')));
  UPDATE workflow_run_node SET child_ended = true WHERE child_id = NEW.id AND state IS NULL;
  RETURN NULL;
END
$$;
CREATE TRIGGER job_run_ended AFTER UPDATE OF state ON job_run FOR EACH ROW
  WHEN (NEW.completed_at IS NOT NULL AND OLD.completed_at IS NULL) EXECUTE FUNCTION job_run_ended();

CREATE FUNCTION crawl_ended() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO outbox (account_id, region, source, topic, payload) VALUES (
    NEW.account_id, NEW.region, 'aws.glue', 'Glue Crawler State Change', jsonb_build_object(
      'crawlerName', NEW.crawler, 'crawlId', NEW.id,
      'state', CASE NEW.state WHEN 'COMPLETED' THEN 'Succeeded' WHEN 'FAILED' THEN 'Failed' ELSE 'Stopped' END,
      'message', coalesce(NEW.error, '')));
  UPDATE workflow_run_node SET child_ended = true WHERE child_id = NEW.id AND state IS NULL;
  RETURN NULL;
END
$$;
CREATE TRIGGER crawl_ended AFTER UPDATE OF state ON crawl FOR EACH ROW
  WHEN (NEW.crawler <> '' AND NEW.state IN ('COMPLETED', 'FAILED', 'STOPPED') AND OLD.state IN ('QUEUED', 'RUNNING'))
  EXECUTE FUNCTION crawl_ended();

CREATE TABLE workflow (
  account_id text COLLATE "C" NOT NULL,
  region     text COLLATE "C" NOT NULL,
  name       text COLLATE "C" NOT NULL,
  document   jsonb NOT NULL,                -- Description, DefaultRunProperties, MaxConcurrentRuns, BlueprintDetails
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (account_id, region, name)
);

CREATE TABLE trigger (
  account_id text COLLATE "C" NOT NULL,
  region     text COLLATE "C" NOT NULL,
  name       text COLLATE "C" NOT NULL,
  type       text NOT NULL CHECK (type IN ('ON_DEMAND', 'SCHEDULED', 'CONDITIONAL', 'EVENT')),
  state      text NOT NULL CHECK (state IN ('CREATED', 'ACTIVATED', 'DEACTIVATED')),
  workflow   text COLLATE "C" NOT NULL DEFAULT '',
  document   jsonb NOT NULL,                -- Actions, Predicate, Schedule, EventBatchingCondition, Description
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (account_id, region, name)
);
CREATE INDEX trigger_of_workflow ON trigger (account_id, region, workflow);

-- When something is due next: a row for each trigger and crawler whose schedule is on.
CREATE TABLE schedule (
  id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  account_id text COLLATE "C" NOT NULL,
  region     text COLLATE "C" NOT NULL,
  kind       text NOT NULL CHECK (kind IN ('TRIGGER', 'CRAWLER')),
  name       text COLLATE "C" NOT NULL,
  expression text NOT NULL,
  next_at    timestamptz,                   -- null: not worked out yet
  UNIQUE (account_id, region, kind, name)
);
CREATE INDEX schedule_due ON schedule (next_at NULLS FIRST);

CREATE FUNCTION trigger_scheduled() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'DELETE' OR NEW.type <> 'SCHEDULED' OR NEW.state <> 'ACTIVATED' THEN
    DELETE FROM schedule WHERE account_id = OLD.account_id AND region = OLD.region AND kind = 'TRIGGER' AND name = OLD.name;
  ELSE
    INSERT INTO schedule AS s (account_id, region, kind, name, expression)
    VALUES (NEW.account_id, NEW.region, 'TRIGGER', NEW.name, NEW.document->>'Schedule')
    ON CONFLICT (account_id, region, kind, name) DO UPDATE SET expression = excluded.expression, next_at = NULL
      WHERE s.expression <> excluded.expression;
    PERFORM pg_notify('glulam_event', '');
  END IF;
  RETURN NULL;
END
$$;
CREATE TRIGGER trigger_scheduled AFTER INSERT OR UPDATE OR DELETE ON trigger
  FOR EACH ROW EXECUTE FUNCTION trigger_scheduled();

CREATE FUNCTION crawler_scheduled() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  said jsonb;
BEGIN
  IF TG_OP <> 'DELETE' THEN
    said := NEW.document->'Schedule';
  END IF;
  IF said->>'State' = 'SCHEDULED' THEN
    INSERT INTO schedule AS s (account_id, region, kind, name, expression)
    VALUES (NEW.account_id, NEW.region, 'CRAWLER', NEW.name, said->>'ScheduleExpression')
    ON CONFLICT (account_id, region, kind, name) DO UPDATE SET expression = excluded.expression, next_at = NULL
      WHERE s.expression <> excluded.expression;
    PERFORM pg_notify('glulam_event', '');
  ELSIF TG_OP <> 'INSERT' THEN
    DELETE FROM schedule WHERE account_id = OLD.account_id AND region = OLD.region AND kind = 'CRAWLER' AND name = OLD.name;
  END IF;
  RETURN NULL;
END
$$;
CREATE TRIGGER crawler_set AFTER INSERT OR UPDATE ON catalog_resource FOR EACH ROW
  WHEN (NEW.kind = 'crawler') EXECUTE FUNCTION crawler_scheduled();
CREATE TRIGGER crawler_gone AFTER DELETE ON catalog_resource FOR EACH ROW
  WHEN (OLD.kind = 'crawler') EXECUTE FUNCTION crawler_scheduled();

-- The tags that say in which time zone and how: work its next tick out anew.
CREATE FUNCTION schedule_tagged() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  tagged text := CASE TG_OP WHEN 'DELETE' THEN OLD.arn ELSE NEW.arn END;
BEGIN
  UPDATE schedule SET next_at = NULL
  WHERE account_id = split_part(tagged, ':', 5) AND region = split_part(tagged, ':', 4)
    AND lower(kind) || '/' || name = split_part(tagged, ':', 6);
  RETURN NULL;
END
$$;
CREATE TRIGGER schedule_tagged AFTER INSERT OR UPDATE ON resource_tag FOR EACH ROW
  WHEN (NEW.key = 'glulam:time-zone') EXECUTE FUNCTION schedule_tagged();
CREATE TRIGGER schedule_untagged AFTER DELETE ON resource_tag FOR EACH ROW
  WHEN (OLD.key = 'glulam:time-zone') EXECUTE FUNCTION schedule_tagged();

-- A run of a workflow. A firing outside of workflows is a run of none (workflow is empty): what it sets off is told from
-- what other firings set off.
CREATE TABLE workflow_run (
  id           text COLLATE "C" PRIMARY KEY,
  seq          bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
  account_id   text COLLATE "C" NOT NULL,
  region       text COLLATE "C" NOT NULL,
  workflow     text COLLATE "C" NOT NULL,
  status       text NOT NULL CHECK (status IN ('RUNNING', 'COMPLETED', 'STOPPING', 'STOPPED', 'ERROR')),
  properties   jsonb NOT NULL DEFAULT '{}',
  triggers     jsonb NOT NULL,               -- the workflow's triggers as they were at the start
  events       jsonb,                        -- StartingEventBatchCondition, and the events of the batch
  previous_id  text COLLATE "C",
  error        text,
  started_at   timestamptz NOT NULL DEFAULT now(),
  completed_at timestamptz,
  CHECK ((status IN ('RUNNING', 'STOPPING')) = (completed_at IS NULL))
);
CREATE INDEX workflow_run_of ON workflow_run (account_id, region, workflow, seq DESC);
CREATE INDEX workflow_run_open ON workflow_run (seq) WHERE completed_at IS NULL;

-- Which triggers fired in a run: each of them once.
CREATE TABLE workflow_run_fire (
  run_id   text COLLATE "C" NOT NULL REFERENCES workflow_run ON DELETE CASCADE,
  trigger  text COLLATE "C" NOT NULL,
  tick     timestamptz,                      -- of a schedule
  fired_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (run_id, trigger)
);

-- What they set off: job runs and crawls.
CREATE TABLE workflow_run_node (
  run_id     text COLLATE "C" NOT NULL REFERENCES workflow_run ON DELETE CASCADE,
  kind       text NOT NULL CHECK (kind IN ('JOB', 'CRAWLER')),
  name       text COLLATE "C" NOT NULL,
  trigger    text COLLATE "C" NOT NULL,
  action     int NOT NULL,                   -- its place in the trigger's Actions
  child_id   text COLLATE "C",               -- the last job run (of its attempts), or the crawl; null: it could not be started
  child_ended boolean NOT NULL DEFAULT false, -- told by the child's own end; the scheduler has to look
  state      text,                           -- Glue's word for how it ended; null: open
  error      text,
  started_at timestamptz NOT NULL DEFAULT now(),
  ended_at   timestamptz,
  PRIMARY KEY (run_id, trigger, action)
);
CREATE UNIQUE INDEX workflow_run_node_open ON workflow_run_node (child_id) WHERE state IS NULL;
CREATE INDEX workflow_run_node_ended ON workflow_run_node (run_id) WHERE child_ended AND state IS NULL;

-- Events that wait for an EVENT trigger of a workflow to take them, in batches.
CREATE TABLE trigger_event (
  id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  account_id text COLLATE "C" NOT NULL,
  region     text COLLATE "C" NOT NULL,
  workflow   text COLLATE "C" NOT NULL,
  event_id   text COLLATE "C" NOT NULL,      -- the same event twice is one
  detail     jsonb NOT NULL,
  at         timestamptz NOT NULL DEFAULT now(),
  run_id     text COLLATE "C",               -- the run that took it
  UNIQUE (account_id, region, workflow, event_id)
);
CREATE INDEX trigger_event_waits ON trigger_event (account_id, region, workflow, id) WHERE run_id IS NULL;
CREATE TRIGGER trigger_event_told AFTER INSERT ON trigger_event FOR EACH STATEMENT EXECUTE FUNCTION tell_schedulers();

-- A run of a blueprint: a job run carries out its script, and makes a workflow, or says why not.
CREATE TABLE blueprint_run (
  id         text COLLATE "C" PRIMARY KEY,
  seq        bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
  account_id text COLLATE "C" NOT NULL,
  region     text COLLATE "C" NOT NULL,
  blueprint  text COLLATE "C" NOT NULL,
  parameters jsonb NOT NULL,
  role_arn   text NOT NULL,
  job_run_id text COLLATE "C" NOT NULL UNIQUE,
  workflow   text,
  error      text,
  started_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX blueprint_run_of ON blueprint_run (account_id, region, blueprint, seq DESC);
