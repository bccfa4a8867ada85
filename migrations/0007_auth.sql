-- Accounts, clients and what they were granted. Secrets are never here: tokens, codes and cookies as SHA-256,
-- secrets of clients as HMAC under the vault's secret, passwords as argon2id, the signing key sealed.
-- Times are milliseconds since 1970, in UTC.

-- who may log in
create table account (
  login        text not null primary key,
  -- null: nobody logs in with a password
  password     text,
  role         text not null,
  -- who they are in the record: Practitioner/1
  fhir_user    text,
  organization text,
  supervisor   text,
  -- when it ends by the clock
  until        bigint,
  created      bigint not null
);

-- wrong passwords in a row, for names that exist and for names that do not
create table login_try (
  login_hash text not null primary key,
  tries      bigint not null,
  last       bigint not null
);

-- https://www.rfc-editor.org/rfc/rfc7591#section-2
create table oauth_client (
  id           text not null primary key,
  -- active, pending, revoked
  status       text not null,
  organization text,
  secret       text,
  -- of the token that reads and changes the registration
  registration text,
  -- the metadata, as JSON
  about        text not null,
  created      bigint not null
);

-- one consent, and the family of tokens that came of it
create table oauth_grant (
  id         text not null primary key,
  client     text,
  login      text,
  scopes     text not null,
  patient    text,
  encounter  text,
  -- what an EHR added, as JSON
  extras     text not null,
  nonce      text,
  auth_time  bigint,
  -- the browser session that it ends with
  session    text,
  created    bigint not null,
  revoked    bigint
);
create index oauth_grant_login on oauth_grant (login);
create index oauth_grant_client on oauth_grant (client);
create index oauth_grant_session on oauth_grant (session);

create table oauth_code (
  hash         text not null primary key,
  grant_id     text not null,
  redirect_uri text not null,
  challenge    text not null,
  expires      bigint not null,
  used         bigint
);
create index oauth_code_expires on oauth_code (expires);

create table oauth_token (
  hash     text not null primary key,
  -- access, refresh
  kind     text not null,
  grant_id text not null,
  scopes   text not null,
  expires  bigint not null,
  used     bigint,
  revoked  bigint
);
create index oauth_token_grant on oauth_token (grant_id);
create index oauth_token_expires on oauth_token (expires);

-- assertions that were seen: each counts once
create table oauth_jti (
  issuer  text not null,
  jti     text not null,
  expires bigint not null,
  primary key (issuer, jti)
);
create index oauth_jti_expires on oauth_jti (expires);

-- what an EHR hands to an app that it launches
create table launch_context (
  hash      text not null primary key,
  client    text,
  login     text,
  patient   text,
  encounter text,
  extras    text not null,
  expires   bigint not null,
  used      bigint
);

-- browsers that somebody logged in at
create table web_session (
  hash    text not null primary key,
  login   text not null,
  since   bigint not null,
  expires bigint not null
);

-- https://www.rfc-editor.org/rfc/rfc8628
create table device_code (
  hash      text not null primary key,
  user_code text not null unique,
  client    text not null,
  scopes    text not null,
  expires   bigint not null,
  polled    bigint not null,
  -- waiting, approved, denied, used
  state     text not null,
  grant_id  text
);

-- keys that sign id_tokens; the private part sealed with a key that follows from the vault's secret
create table signing_key (
  kid     text not null primary key,
  sealed  text not null,
  created bigint not null
);
