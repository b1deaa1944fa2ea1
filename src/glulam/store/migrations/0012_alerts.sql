-- Who is told of what: channels, rules, the alerts that rules raise, and their deliveries. docs/alerts.md draws them.

-- Values that channels refer to as ${secret:NAME}. The key that opens them is not in the database.
CREATE TABLE alert_secret (
  account_id text COLLATE "C" NOT NULL,
  region     text COLLATE "C" NOT NULL,
  name       text COLLATE "C" NOT NULL,
  sealed     bytea NOT NULL,
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (account_id, region, name)
);

CREATE TABLE alert_channel (
  account_id text COLLATE "C" NOT NULL,
  region     text COLLATE "C" NOT NULL,
  name       text COLLATE "C" NOT NULL,
  document   jsonb NOT NULL,                -- as people write and read it: secrets are references or masks
  sealed     jsonb NOT NULL DEFAULT '{}',   -- what the masks stand for, encrypted: by the place in the document
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (account_id, region, name)
);

CREATE TABLE alert_rule (
  account_id text COLLATE "C" NOT NULL,
  region     text COLLATE "C" NOT NULL,
  name       text COLLATE "C" NOT NULL,
  document   jsonb NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (account_id, region, name)
);

-- Something that people should know. The same thing again (dedupe_key) within the rule's window is counted here.
CREATE TABLE alert (
  id              text COLLATE "C" PRIMARY KEY,
  account_id      text COLLATE "C" NOT NULL,
  region          text COLLATE "C" NOT NULL,
  rule            text COLLATE "C" NOT NULL,
  severity        text NOT NULL CHECK (severity IN ('P0', 'P1', 'P2', 'P3')),
  state           text NOT NULL DEFAULT 'OPEN' CHECK (state IN ('OPEN', 'ACKNOWLEDGED', 'RESOLVED')),
  dedupe_key      text NOT NULL,
  title           text NOT NULL,
  message         text NOT NULL,
  event           jsonb NOT NULL,           -- the first one, as EventBridge has it
  events          bigint NOT NULL DEFAULT 1,
  created_at      timestamptz NOT NULL,
  last_at         timestamptz NOT NULL,     -- of the last event
  acknowledged_at timestamptz,
  acknowledged_by text,
  resolved_at     timestamptz,
  resolved_by     text
);
CREATE INDEX alert_of ON alert (account_id, region, created_at DESC);
CREATE INDEX alert_same ON alert (account_id, region, rule, dedupe_key, created_at DESC);
CREATE INDEX alert_age ON alert (last_at);

-- One thing that one channel is told of an alert. due_at is also the lease: who sends it moves it into the future.
CREATE TABLE alert_delivery (
  seq        bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
  id         text COLLATE "C" PRIMARY KEY,  -- goes with what is sent: who gets it twice knows it
  alert_id   text COLLATE "C" NOT NULL REFERENCES alert ON DELETE CASCADE,
  channel    text COLLATE "C" NOT NULL,
  action     text NOT NULL CHECK (action IN ('TRIGGER', 'ACKNOWLEDGE', 'RESOLVE')),
  cause      text NOT NULL CHECK (cause IN ('RULE', 'QUIET_HOURS', 'ESCALATION', 'FOLLOW_UP')),
  state      text NOT NULL DEFAULT 'PENDING' CHECK (state IN ('PENDING', 'SENT', 'GIVEN_UP', 'CANCELLED')),
  due_at     timestamptz NOT NULL,
  expires_at timestamptz NOT NULL,          -- not tried again after this
  attempts   int NOT NULL DEFAULT 0,        -- goes up when a sender takes it; only the last one may say how it went
  answer     text,                          -- what the channel said last, or why it said nothing
  ended_at   timestamptz
);
CREATE INDEX alert_delivery_due ON alert_delivery (due_at) WHERE state = 'PENDING';
CREATE INDEX alert_delivery_of ON alert_delivery (alert_id, channel, seq);
CREATE TRIGGER alert_delivery_told AFTER INSERT ON alert_delivery FOR EACH STATEMENT EXECUTE FUNCTION tell_schedulers();
