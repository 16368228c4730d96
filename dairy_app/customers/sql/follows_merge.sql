-- Whether a row that leaves one customer for another does so because the first was merged into the second: what is
-- frozen otherwise may change so far.
CREATE FUNCTION follows_merge(p_was uuid, p_is uuid) RETURNS boolean LANGUAGE sql STABLE PARALLEL SAFE
RETURN EXISTS (SELECT FROM customers c WHERE c.id = p_was AND c.merged_into = p_is);
