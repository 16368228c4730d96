-- Deferred: a change divides, replaces or joins schedules, and at its end every day has one, or none of them has.
-- refuses tr_schedules_cover_all_days: validation_failed
CREATE FUNCTION schedules_cover_all_days() RETURNS trigger LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
    touched uuid := coalesce(NEW.subscription_id, OLD.subscription_id);
BEGIN
    IF EXISTS (SELECT FROM subscription_schedules WHERE subscription_id = touched HAVING count(*) > 0
            AND range_agg(valid) <> '{(,)}'::datemultirange)
        OR TG_OP = 'UPDATE' AND OLD.subscription_id <> NEW.subscription_id THEN
        RAISE EXCEPTION 'the schedules of a standing order leave days without one'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_schedules_cover_all_days';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER tr_schedules_cover_all_days AFTER INSERT OR UPDATE OR DELETE ON subscription_schedules
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION schedules_cover_all_days();
