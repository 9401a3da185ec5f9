-- Tables of the service. Those of the outbox and the inbox come from `millrace migrate`.

create table orders (
  id uuid primary key,
  tenant_id text not null,
  customer_id text not null,
  sku text not null,
  quantity integer not null,
  status text not null default 'placed',
  placed_at timestamptz not null default clock_timestamp()
);

-- What the inventory did for an event. No unique event_id on purpose: that an effect happens once is the work of the inbox, and nothing here may hide it.
create table stock_movements (
  id bigint generated always as identity primary key,
  event_id uuid not null,
  order_id uuid not null,
  sku text not null,
  quantity integer not null,
  reason text not null
);

create table emails (
  id bigint generated always as identity primary key,
  event_id uuid not null,
  order_id uuid not null,
  recipient text not null,
  subject text not null
);

-- Evidence: every committed event with its place among the committed events of its customer. Written by the business transaction, never by Millrace.
create table customers (
  id text primary key,
  events bigint not null
);

create table ledger (
  event_id uuid primary key,
  topic text not null,
  customer_id text not null,
  place bigint not null,
  unique (customer_id, place)
);

-- What the catalogue shows. A product without a title is refused here: an event with one can never be applied.
create table catalogue (
  sku text primary key,
  title text not null
);
