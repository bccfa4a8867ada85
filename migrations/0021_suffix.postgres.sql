-- Suffixes of the values of string parameters, for `:contains`: what contains a text begins with it somewhere. They take
-- the place of letters in threes. What a vault holds must be indexed again: see `index_generation`.
drop table idx_letter;
create table idx_suffix (
  p      integer not null,
  suffix text collate "C" not null,         -- folded, its first 12 letters; empty: of values that are longer than is kept
  res    bigint not null,
  primary key (p, suffix, res)
);
create index idx_suffix_forward on idx_suffix (res);

-- Words, a row each: an inverted index gives all resources with a word at once, this one those of a word in the order of
-- resources, and a page ends where it is full.
drop table idx_word;
create table idx_word (
  word bigint not null,                     -- type, place and word as a number: eight bytes of their SHA-256
  res  bigint not null,
  primary key (word, res)
);
-- Which words a resource has, for when nobody knows how its rows were made. A row a resource costs a quarter of an index
-- on idx_word.
create table idx_word_of (
  res   bigint primary key,
  words bigint[] not null
);
