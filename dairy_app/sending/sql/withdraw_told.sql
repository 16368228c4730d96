-- Takes back messages of a kind that wait still and that nobody has in hand: what they tell is not so any more.
-- p_customers NULL: of everybody; p_prefixes: how their keys begin.
CREATE FUNCTION withdraw_told(p_kind text, p_customers uuid[], p_prefixes text[], p_why text) RETURNS void
LANGUAGE sql
BEGIN ATOMIC
    UPDATE outbox_messages SET status = 'withdrawn', last_error = p_why, leased_until = NULL, updated_at = now()
    WHERE status = 'queued' AND kind = p_kind AND (p_customers IS NULL OR customer_id = ANY (p_customers))
        AND EXISTS (SELECT FROM unnest(p_prefixes) AS p (prefix) WHERE starts_with(dedupe_key, p.prefix))
        AND (leased_until IS NULL OR leased_until <= now());
END;
