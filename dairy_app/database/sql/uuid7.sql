-- RFC 9562 version 7: 48 bits of milliseconds, then random bits. PostgreSQL has its own only from 18 on.
-- before the tables
CREATE EXTENSION IF NOT EXISTS btree_gist;
CREATE FUNCTION uuid7() RETURNS uuid LANGUAGE sql VOLATILE PARALLEL SAFE
RETURN encode(
    set_bit(set_bit(overlay(uuid_send(gen_random_uuid())
        PLACING substring(int8send((extract(epoch FROM clock_timestamp()) * 1000)::bigint) FROM 3)
        FROM 1 FOR 6), 52, 1), 53, 1), 'hex')::uuid;
