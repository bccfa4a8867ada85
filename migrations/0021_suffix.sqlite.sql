-- Suffixes of the values of string parameters, for `:contains`: what contains a text begins with it somewhere. They take
-- the place of letters in threes, which lay among the words. What a vault holds must be indexed again: see
-- `index_generation`.
create table idx_suffix (
  p      integer not null,
  suffix text not null,                     -- folded, its first 12 letters; empty: of values that are longer than is kept
  res    integer not null,
  primary key (p, suffix, res)
) without rowid;
create index idx_suffix_forward on idx_suffix (res, p, suffix);
