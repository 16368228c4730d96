-- A quantity in the words of messages, as documents have it: 1.5 L, 1 packet, 3 packets.
CREATE FUNCTION worded_quantity(p_quantity numeric, p_unit text, p_language text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT trim_scale(p_quantity) || ' ' || CASE
        WHEN p_language = 'hi' THEN CASE p_unit WHEN 'litre' THEN 'लीटर' WHEN 'kg' THEN 'किलो'
            WHEN 'packet' THEN 'पैकेट' WHEN 'piece' THEN 'नग' WHEN 'dozen' THEN 'दर्जन' ELSE p_unit END
        WHEN p_unit = 'litre' THEN 'L'
        WHEN p_unit IN ('packet', 'piece') AND p_quantity <> 1 THEN p_unit || 's'
        ELSE p_unit END;
END;
