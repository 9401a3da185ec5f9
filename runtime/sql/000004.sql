-- Replays: parts of the log that one group is given again, beside what comes to it live.

create table millrace.replay (
  run text primary key check (run ~ '^[A-Za-z0-9][A-Za-z0-9._:-]{0,99}$'), -- in each delivery, and inboxes are keyed by it: a name is used once
  topic text not null,
  consumer_group text not null,
  tenant_id text,                                 -- only events of this tenant
  key text,                                       -- only events of this key
  from_id bigint not null,                        -- inclusive
  to_id bigint not null,                          -- inclusive
  from_time timestamptz,                          -- inclusive; ids follow the clock, but not to the millisecond
  to_time timestamptz,                            -- exclusive
  bound xid8 not null default pg_current_xact_id(), -- drawn after to_id: who may still commit an id up to it has a lower one
  missed boolean not null default false,          -- delivered as live ones are: inboxes take what they do not have
  rate integer check (rate > 0),                  -- events a second
  expected bigint not null,                       -- events that were there when it was asked for
  state text not null default 'requested' check (state in ('requested', 'running', 'done', 'failed', 'cancelled')),
  error text,
  holder text,                                    -- empty once it was handed on in order
  epoch bigint not null default 0,
  lease_until timestamptz not null default '-infinity',
  position bigint not null,                       -- every event up to here is handled, or among the failures
  reach bigint not null,                          -- events up to here may have been begun
  suspect bigint,                                 -- after a holder has died: the one that was begun last, alone
  suspect_attempts integer not null default 0,
  handled bigint not null default 0,              -- of those up to the position
  failed bigint not null default 0,
  created_at timestamptz not null default clock_timestamp(),
  updated_at timestamptz not null default clock_timestamp(),
  ended_at timestamptz
) with (fillfactor = 20, autovacuum_vacuum_threshold = 200, autovacuum_vacuum_scale_factor = 0);
create index replay_open on millrace.replay (consumer_group, created_at) where state in ('requested', 'running');

-- What a replay has given up. A replay of these events under another name delivers them again.
create table millrace.replay_failure (
  run text not null references millrace.replay(run) on delete cascade,
  id bigint not null,      -- in the log
  event_id uuid not null,
  key text,
  tenant_id text,
  type text not null,
  errors jsonb not null,   -- [{attempt, at, message, consumer}, ...]
  failed_at timestamptz not null default clock_timestamp(),
  primary key (run, id)
);
