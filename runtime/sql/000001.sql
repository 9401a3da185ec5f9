-- The outbox log, its sinks, the inbox. Insert-only: nothing here is updated or deleted per event.

create sequence millrace.outbox_id as bigint maxvalue 9007199254740991 cache 1; -- the relay counts in doubles: 2^53 - 1

create table millrace.outbox (
  id bigint not null,
  event_id uuid not null check (get_byte(uuid_send(event_id), 6) >> 4 = 7), -- inboxes find their partition by the time in it
  topic text not null,
  key text,
  type text not null,
  source text not null,
  subject text,
  tenant_id text,
  actor_id text,
  data bytea check (octet_length(data) <= 16777216),
  datacontenttype text,
  headers jsonb check (jsonb_typeof(headers) = 'object'),
  created_at timestamptz not null default clock_timestamp(),
  primary key (id)
) partition by range (id);

-- Which log this is, for the fences of brokers that several logs publish to. A restored copy keeps it.
create table millrace.log (
  identity uuid not null default gen_random_uuid(),
  only_row boolean primary key default true check (only_row)
);
insert into millrace.log default values;

-- One row a sink: its lease and how far it has published. Rewritten several times a second, hence the free space.
create table millrace.sink (
  name text primary key,
  holder text,
  epoch bigint not null default 0,
  lease_until timestamptz not null default '-infinity',
  version bigint not null default 0,
  low bigint not null default 0,                  -- every id up to here is done
  done int8multirange not null default '{}',      -- and these above it
  incarnation text,                               -- of the broker that holds what was published
  marks jsonb not null default '[]',              -- [[unix ms, low], ...] of the last minute, to rewind to
  updated_at timestamptz not null default clock_timestamp()
) with (fillfactor = 20, autovacuum_vacuum_threshold = 200, autovacuum_vacuum_scale_factor = 0);

-- Events held back behind a failing one of their key, with a copy of the event: they must not pin the log.
create table millrace.parked (
  sink text not null references millrace.sink(name),
  like millrace.outbox,
  attempts integer not null default 0,
  errors jsonb not null default '[]',
  next_attempt_at timestamptz not null default '-infinity', -- infinity: given up, and the key waits for a person
  published_at timestamptz,                                 -- kept for a while, in case the broker forgets what it acknowledged
  primary key (sink, id)
);
create index parked_due on millrace.parked (sink, next_attempt_at);

create table millrace.dead_letter (
  sink text not null,
  like millrace.outbox,
  attempts integer not null,
  errors jsonb not null,
  dead_at timestamptz not null default clock_timestamp(),
  primary key (sink, event_id)
);

-- First four bytes of SHA-256, unsigned, big-endian: the hash that shards and locks use everywhere.
create function millrace.hash(value text) returns bigint
language sql immutable strict parallel safe
return ('x' || encode(substring(sha256(convert_to(value, 'UTF8')) from 1 for 4), 'hex'))::bit(32)::bigint;

-- Version 7 of RFC 9562: 48 bits of milliseconds, then random bits.
create function millrace.uuid_v7(at timestamptz default clock_timestamp()) returns uuid
language sql volatile parallel safe
return encode(
  set_byte(
    overlay(uuid_send(gen_random_uuid()) placing substring(int8send(floor(extract(epoch from at) * 1000)::bigint) from 3) from 1),
    6, (get_byte(uuid_send(gen_random_uuid()), 6) & 15) | 112),
  'hex')::uuid;

-- Lowest version 7 identifier of an instant: the boundary of an inbox partition.
create function millrace.uuid_floor(at timestamptz) returns uuid
language sql immutable strict parallel safe
return (encode(substring(int8send(floor(extract(epoch from at) * 1000)::bigint) from 3), 'hex') || repeat('0', 20))::uuid;

-- The instant in the first 48 bits of a version 7 identifier.
create function millrace.uuid_time(id uuid) returns timestamptz
language sql immutable strict parallel safe
return to_timestamp((('x' || substring(replace(id::text, '-', '') from 1 for 12))::bit(48)::bigint) / 1000.0);

-- The only way in. Arrays run in parallel, one element an event, in the order in which they shall be delivered.
-- The order of the steps carries the guarantees of the relay:
--   1. the transaction has its xid before it draws an id, so that a later xid of the relay bounds every owner of a gap;
--   2. writers of one key take turns until commit, so ids of a key are in commit order (above 64 keys: one lock for all, the lock table is finite);
--   3. the insert locks the table (RowExclusiveLock) before nextval is evaluated, so that the owner of an id is always seen in pg_locks.
-- Opposite orders of keys in two transactions that call several times are an ordinary deadlock error: retry the transaction.
create function millrace.enqueue(
  event_ids uuid[], topics text[], keys text[], types text[], sources text[], subjects text[],
  tenant_ids text[], actor_ids text[], datas bytea[], datacontenttypes text[], headers jsonb[],
  ordered boolean default true
) returns void
language plpgsql as $$
declare
  lock_space constant integer := 1299993187;
  key_hashes integer[];
begin
  perform pg_current_xact_id();
  if ordered then
    key_hashes := array(select distinct millrace.hash(k)::bit(32)::integer as h from unnest(keys) as k where k is not null order by h);
    if cardinality(key_hashes) > 64 then
      perform pg_advisory_xact_lock(lock_space, 0);
    elsif cardinality(key_hashes) > 0 then
      perform pg_advisory_xact_lock_shared(lock_space, 0);
      for i in 1 .. cardinality(key_hashes) loop
        perform pg_advisory_xact_lock(lock_space + 1, key_hashes[i]);
      end loop;
    end if;
  end if;
  insert into millrace.outbox (id, event_id, topic, key, type, source, subject, tenant_id, actor_id, data, datacontenttype, headers)
  select nextval('millrace.outbox_id'), e.* from unnest(
    event_ids, topics, keys, types, sources, subjects, tenant_ids, actor_ids, datas, datacontenttypes, headers) as e;
end $$;

-- One event, by name, from any language:
--   select millrace.enqueue(topic => 'orders.created', type => 'order.created', source => '/orders', key => '42', data => '{"total": 7}')
create function millrace.enqueue(
  topic text, type text, source text, data text default null, key text default null, subject text default null,
  tenant_id text default null, actor_id text default null, datacontenttype text default 'application/json', headers jsonb default null,
  event_id uuid default millrace.uuid_v7(), ordered boolean default true
) returns uuid
language plpgsql as $$
begin
  perform millrace.enqueue(array[event_id], array[topic], array[key], array[type], array[source], array[subject],
    array[tenant_id], array[actor_id], array[convert_to(data, 'UTF8')], array[datacontenttype], array[headers], ordered);
  return event_id;
end $$;

-- Makes partitions ahead until `headroom` ids are free, each of `span` ids. They are prepared as tables and then attached:
-- ATTACH lets writers go on, CREATE .. PARTITION OF would queue every writer behind one open transaction.
create function millrace.extend_outbox(span bigint, headroom bigint) returns integer
language plpgsql as $$
declare
  top bigint;
  made integer := 0;
begin
  lock table millrace.outbox in share update exclusive mode; -- makers take turns, writers go on
  select coalesce(max(substring(c.relname from 'outbox_(\d+)$')::bigint), 1) into top
    from pg_inherits i join pg_class c on c.oid = i.inhrelid where i.inhparent = 'millrace.outbox'::regclass;
  while top < (select last_value from millrace.outbox_id) + headroom loop
    execute format('create table millrace.%I (like millrace.outbox including all)', 'outbox_' || (top + span));
    execute format('alter table millrace.outbox attach partition millrace.%I for values from (%s) to (%s)', 'outbox_' || (top + span), top, top + span);
    top := top + span;
    made := made + 1;
  end loop;
  return made;
end $$;

-- Ids that can still be drawn before an insert finds no partition.
create function millrace.outbox_headroom() returns bigint
language sql stable
return (select coalesce(max(substring(c.relname from 'outbox_(\d+)$')::bigint), 1)
          from pg_inherits i join pg_class c on c.oid = i.inhrelid where i.inhparent = 'millrace.outbox'::regclass)
       - (select last_value from millrace.outbox_id);

-- What a consumer has taken in. Version 7 identifiers sort by time, so the partitions are days and uniqueness holds across them.
-- `run` is empty for live consumption and names a replay, which must not be swallowed by what was consumed before.
create table millrace.inbox (
  consumer text not null,
  run text not null,
  event_id uuid not null,
  primary key (consumer, run, event_id)
) partition by range (event_id);

-- Events whose identifier lies outside every partition: older than the window in which duplicates are known. Not applied; a person decides.
create table millrace.inbox_parked (
  consumer text not null,
  run text not null,
  event_id uuid not null,
  event jsonb not null,
  parked_at timestamptz not null default clock_timestamp(),
  primary key (consumer, run, event_id)
);

-- The newest lease under which a consumer has taken events of a shard; an older holder that wakes up is refused.
create table millrace.inbox_lease (
  consumer text not null,
  run text not null, -- a replay is read under leases of its own
  scope text not null,
  fence bigint not null,
  primary key (consumer, run, scope)
) with (fillfactor = 50);

-- Days from `back` days ago to `ahead` days ahead; everything before the first is one partition's worth of history that no longer counts.
create function millrace.extend_inbox(back integer, ahead integer) returns integer
language plpgsql as $$
declare
  today constant date := (clock_timestamp() at time zone 'UTC')::date;
  made integer := 0;
  name text;
  day date;
begin
  lock table millrace.inbox in share update exclusive mode;
  for day in select generate_series(today - back, today + ahead, interval '1 day')::date loop
    name := 'inbox_' || to_char(day, 'YYYYMMDD');
    continue when to_regclass('millrace.' || name) is not null;
    execute format('create table millrace.%I (like millrace.inbox including all)', name);
    execute format('alter table millrace.inbox attach partition millrace.%I for values from (%L) to (%L)', name,
      millrace.uuid_floor(day at time zone 'UTC'), millrace.uuid_floor((day + 1) at time zone 'UTC'));
    made := made + 1;
  end loop;
  return made;
end $$;

-- Makes the partition of a day that nobody has made ahead, as where no relay runs beside the inbox. False for days before the first
-- partition, whose history has gone, and for days that have not come.
create function millrace.reach_inbox(day date) returns boolean
language plpgsql as $$
declare
  today constant date := (clock_timestamp() at time zone 'UTC')::date;
  newest date;
begin
  select coalesce(max(to_date(substring(c.relname from 'inbox_(\d+)$'), 'YYYYMMDD')), least(day, today) - 1) into newest
    from pg_inherits i join pg_class c on c.oid = i.inhrelid where i.inhparent = 'millrace.inbox'::regclass;
  if day <= newest or day > today + 1 then
    return to_regclass('millrace.inbox_' || to_char(day, 'YYYYMMDD')) is not null; -- another may have made it meanwhile
  end if;
  perform millrace.extend_inbox(today - newest, 4);
  return true;
end $$;

-- Takes one event in: 'new' (apply it), 'duplicate' (skip it), 'superseded' (the lease has moved on), 'expired' (older than the
-- partitions reach: whether it was applied before is not known; the caller parks it).
create function millrace.take(consumer text, run text, event_id uuid, scope text default null, fence bigint default null) returns text
language plpgsql as $$
declare
  day constant date := millrace.uuid_time(take.event_id) at time zone 'UTC';
  newest bigint;
begin
  if scope is not null then
    -- The first look takes no lock: a transaction that shared the row and then wanted to change it would wait for others that do the same.
    select l.fence into newest from millrace.inbox_lease l where l.consumer = take.consumer and l.run = take.run and l.scope = take.scope;
    if newest is null or newest < take.fence then
      insert into millrace.inbox_lease as l values (take.consumer, take.run, take.scope, take.fence)
        on conflict on constraint inbox_lease_pkey do update set fence = greatest(l.fence, excluded.fence);
    end if;
    select l.fence into newest from millrace.inbox_lease l where l.consumer = take.consumer and l.run = take.run and l.scope = take.scope for share;
    if newest > take.fence then
      return 'superseded';
    end if;
  end if;
  if to_regclass('millrace.inbox_' || to_char(day, 'YYYYMMDD')) is null and not millrace.reach_inbox(day) then
    return 'expired';
  end if;
  insert into millrace.inbox values (take.consumer, take.run, take.event_id) on conflict do nothing;
  return case when found then 'new' else 'duplicate' end;
end $$;

select millrace.extend_outbox(1000000, 4000000), millrace.extend_inbox(32, 4);
