-- Words in small letters, each behind a blank, so that a word begins where '% word%' says. What parts the words of
-- an address (12/4-B, Flat No.7) is named, not "all but letters": which letters there are depends on the server.
-- before the tables
CREATE EXTENSION IF NOT EXISTS pg_trgm;
CREATE FUNCTION search_text(VARIADIC parts text[]) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN ' ' || lower(regexp_replace(array_to_string(parts, ' '), '[-[:space:]/,.;:#()&+]+', ' ', 'g'));
