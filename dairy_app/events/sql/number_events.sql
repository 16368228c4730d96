-- An event is numbered once every transaction that began before its own has ended, in the order in which those began:
-- whoever reads on from the last number misses nothing. Who comes while somebody numbers goes away with 0.
-- A visible event of a transaction to come (>= xmax) was restored from a backup of another server.
CREATE FUNCTION number_events(most integer) RETURNS integer LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    reached bigint;
    numbered integer;
BEGIN
    IF NOT pg_try_advisory_xact_lock(hashtextextended('number_events', 0)) THEN
        RETURN 0;
    END IF;
    SELECT CASE WHEN q.is_called THEN q.last_value ELSE 0 END INTO reached FROM event_ids q;
    UPDATE events e SET id = reached + d.n
    FROM (SELECT u.seq, row_number() OVER (ORDER BY u.txid, u.seq) AS n FROM events u
        WHERE u.id IS NULL AND (u.txid < pg_snapshot_xmin(pg_current_snapshot())
            OR u.txid >= pg_snapshot_xmax(pg_current_snapshot()))
        ORDER BY u.txid, u.seq LIMIT most) d
    WHERE e.seq = d.seq;
    GET DIAGNOSTICS numbered = ROW_COUNT;
    IF numbered > 0 THEN
        PERFORM setval('event_ids', reached + numbered);
    END IF;
    RETURN numbered;
END $$;
