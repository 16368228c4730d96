-- A running hash over a window: chained_sha256(content, hash before the first) OVER (ORDER BY sequence_no).
CREATE AGGREGATE chained_sha256(content text, before text) (SFUNC = chain_step, STYPE = text);
