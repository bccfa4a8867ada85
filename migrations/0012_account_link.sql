-- Who logs in through a provider of identities: whom it names by a subject has this account.
create table account_link (
  issuer  text not null,
  subject text not null,
  login   text not null references account (login) on delete cascade,
  created bigint not null,
  primary key (issuer, subject)
);

create index account_link_login on account_link (login);
