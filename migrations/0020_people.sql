-- What was asked of the view of a study: its budget is counted by it, and each answer is compared with those before it.
create table research_query (
  id      text not null primary key,
  project text not null,
  -- user and client
  bearer  text not null,
  asked   bigint not null,
  -- the resource type and the criteria, in their alphabetical order
  type    text not null,
  query   text not null,
  -- asked: on its way; answered; withheld: too few people; refused: the budget is spent
  outcome text not null
);
create index research_query_of_project on research_query (project, asked);

-- By which the pseudonyms of a study are made. Sealed by the vault's secret; without it nobody finds back.
create table research_key (
  project text not null primary key,
  sealed  text not null,
  created bigint not null
);
