-- What the vault must remember about itself: the key that signs paging cursors, for example.
create table setting (
  name  text not null primary key,
  value text not null
);
