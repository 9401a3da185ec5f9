-- Retention: what leaves the log and the inbox, what is archived, what is redacted. Adds only; services of the version before go on working.

-- Partitions of the log. `detaching` ones are left by an interrupted DETACH CONCURRENTLY: no statement reads them any more.
create function millrace.outbox_partitions() returns table (name text, from_id bigint, to_id bigint, detaching boolean)
language sql stable as $$
  select c.relname::text, b.bound[1]::bigint, b.bound[2]::bigint, i.inhdetachpending
    from pg_inherits i join pg_class c on c.oid = i.inhrelid,
    regexp_match(pg_get_expr(c.relpartbound, c.oid), 'FROM \(''(\d+)''\) TO \(''(\d+)''\)') as b(bound)
    where i.inhparent = 'millrace.outbox'::regclass order by 2
$$;

-- Ids that no transaction ever drew, because the sequence was advanced past them.
create table millrace.skipped (
  from_id bigint primary key, -- inclusive
  to_id bigint not null       -- exclusive
);

-- Ids that a sink has not done, without those that were skipped on purpose.
create function millrace.outbox_backlog(low bigint) returns bigint
language sql stable
return greatest(0, (select last_value from millrace.outbox_id) - low - (
  select coalesce(sum(to_id - greatest(from_id, outbox_backlog.low + 1)), 0) from millrace.skipped where to_id > outbox_backlog.low + 1));

-- Ends the partition that writers are in, when its oldest row is of an earlier day (or week): the sequence is advanced to its upper bound, so that
-- the next event opens the next partition. Returns the ids that were skipped; 0 when it was not due, or when less than `headroom` would be left.
--
-- setval has no condition: between reading the sequence and setting it another session could draw beyond, and ids would be drawn twice. Hence the lock.
-- An enqueue locks the table before it draws, so under SHARE nobody draws; writers wait for it at most as long as the caller's lock_timeout.
--
-- A sequence does not roll back: when the transaction of a cut did, the sequence stands at the bound and nobody knows. That is noted late: under the lock
-- every id above the newest row is dead.
create function millrace.cut_outbox(period text, headroom bigint default 1000000) returns bigint
language plpgsql as $$
declare
  today constant timestamp := date_trunc(period, clock_timestamp() at time zone 'UTC');
  drawn bigint := (select last_value from millrace.outbox_id);
  current record;
  began timestamptz;
  newest bigint;
begin
  select p.name, p.from_id, p.to_id into current from millrace.outbox_partitions() p
    where p.to_id - 1 = drawn and not exists (select from millrace.skipped s where s.to_id = p.to_id);
  if found then
    execute format('select coalesce(max(id), %s) from millrace.%I', current.from_id - 1, current.name) into newest;
    if newest = drawn then
      return 0;
    end if;
    lock table only millrace.outbox in share mode;
    execute format('select coalesce(max(id), %s) from millrace.%I', current.from_id - 1, current.name) into newest;
    if newest < drawn and drawn = (select last_value from millrace.outbox_id) then
      insert into millrace.skipped values (newest + 1, current.to_id) on conflict do nothing;
      return drawn - newest;
    end if;
    return 0;
  end if;
  select p.name, p.to_id into current from millrace.outbox_partitions() p where p.from_id <= drawn and drawn < p.to_id - 1;
  if not found or (select max(p.to_id) from millrace.outbox_partitions() p) < current.to_id + cut_outbox.headroom then
    return 0;
  end if;
  execute format('select created_at from millrace.%I order by id limit 1', current.name) into began;
  if began is null or date_trunc(period, began at time zone 'UTC') >= today then
    return 0;
  end if;
  lock table only millrace.outbox in share mode;
  drawn := (select last_value from millrace.outbox_id);
  if drawn >= current.to_id - 1 then
    return 0;
  end if;
  perform setval('millrace.outbox_id', current.to_id - 1);
  insert into millrace.skipped values (drawn + 1, current.to_id);
  return current.to_id - 1 - drawn;
end $$;

-- How many ids the next partition shall hold: about what a day draws, at least a million and at most 128 million, and at most twice the last one.
create function millrace.outbox_span() returns bigint
language plpgsql stable as $$
declare
  drawn constant bigint := (select last_value from millrace.outbox_id);
  newest bigint;
  last record;
  began timestamptz;
  ended timestamptz;
  spans numeric;
begin
  select p.to_id - p.from_id into newest from millrace.outbox_partitions() p order by p.to_id desc limit 1;
  select p.name as full_name, n.name as next_name, p.to_id - p.from_id as ids into last
    from millrace.outbox_partitions() p join millrace.outbox_partitions() n on n.from_id = p.to_id
    where not p.detaching and n.from_id <= drawn and drawn < n.to_id;
  if not found then
    return coalesce(newest, 1000000);
  end if;
  execute format('select created_at from millrace.%I order by id limit 1', last.full_name) into began;
  execute format('select created_at from millrace.%I order by id limit 1', last.next_name) into ended;
  if began is null or ended is null then
    return newest;
  end if;
  spans := last.ids * 86400.0 / greatest(1, extract(epoch from ended - began)) / 1000000;
  return least(1000000 * (2 ^ least(7, greatest(0, floor(log(2, greatest(spans, 1))))))::bigint, newest * 2);
end $$;

-- As before, but never a day before the oldest that is there: its history was dropped, and an empty partition would take old events for new ones.
create or replace function millrace.extend_inbox(back integer, ahead integer) returns integer
language plpgsql as $$
declare
  today constant date := (clock_timestamp() at time zone 'UTC')::date;
  oldest date;
  made integer := 0;
  name text;
  day date;
begin
  lock table millrace.inbox in share update exclusive mode;
  select min(to_date(substring(c.relname from 'inbox_(\d+)$'), 'YYYYMMDD')) into oldest
    from pg_inherits i join pg_class c on c.oid = i.inhrelid where i.inhparent = 'millrace.inbox'::regclass;
  for day in select generate_series(greatest(today - back, oldest), today + ahead, interval '1 day')::date loop
    name := 'inbox_' || to_char(day, 'YYYYMMDD');
    continue when to_regclass('millrace.' || name) is not null;
    execute format('create table millrace.%I (like millrace.inbox including all)', name);
    execute format('alter table millrace.inbox attach partition millrace.%I for values from (%L) to (%L)', name,
      millrace.uuid_floor(day at time zone 'UTC'), millrace.uuid_floor((day + 1) at time zone 'UTC'));
    made := made + 1;
  end loop;
  return made;
end $$;

-- As before, but for days on their way out. A subtransaction an event would cost the live ones too much, hence only for days that may leave.
create or replace function millrace.take(consumer text, run text, event_id uuid, scope text default null, fence bigint default null) returns text
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
  if day >= (clock_timestamp() at time zone 'UTC')::date - 1 then
    insert into millrace.inbox values (take.consumer, take.run, take.event_id) on conflict do nothing;
    return case when found then 'new' else 'duplicate' end;
  end if;
  begin
    insert into millrace.inbox values (take.consumer, take.run, take.event_id) on conflict do nothing;
    return case when found then 'new' else 'duplicate' end;
  exception when check_violation then
    return 'expired'; -- the day is detached, and not dropped yet
  end;
end $$;

-- Partitions on their way out: noted before they are detached, so that whoever comes next ends what a killed janitor has begun.
create table millrace.leaving_partition (
  name text primary key,
  since timestamptz not null default clock_timestamp()
);

-- What lies in the archive, as far as this database knows; the manifests there are the truth.
create table millrace.archived_partition (
  name text primary key,
  from_id bigint not null,
  to_id bigint not null,
  rows bigint not null,
  location text not null,
  manifest_sha256 text not null,
  archived_at timestamptz not null default clock_timestamp(),
  kept_until timestamptz,  -- a partition that was restored is not dropped before
  restored_at timestamptz  -- when it came back to the log; relays have published its events before
);

-- Where a sink begins that is new, or forgets what it has done above its low: partitions that were restored are done, as are those that are gone
-- and may be restored one day.
create function millrace.sink_start(out low bigint, out done int8multirange)
language sql stable as $$
  select coalesce(lower(own.ids) - 1, 0), coalesce(range_merge(own.ids)::int8multirange - own.ids, '{}')
    from (select range_agg(int8range(p.from_id, p.to_id)) as ids
      from millrace.outbox_partitions() p left join millrace.archived_partition a using (name) where not p.detaching and a.restored_at is null) as own
$$;

-- Redactions. What is sought and the salt of the pseudonyms are kept until all is done, and erased then.
create table millrace.redaction (
  id uuid primary key,
  requested_by text not null,
  reason text,
  sought jsonb,
  salt bytea,
  done jsonb not null default '{}', -- table or partition -> rows redacted there
  requested_at timestamptz not null default clock_timestamp(),
  completed_at timestamptz
);
