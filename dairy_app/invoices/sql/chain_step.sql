-- One step of chained_sha256: the hash over the hash before and the content.
CREATE FUNCTION chain_step(state text, content text, before text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN encode(sha256(convert_to(coalesce(state, before) || content, 'UTF8')), 'hex');
