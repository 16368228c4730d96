-- A reference as two people copy it from two places is one: without blanks and signs, in capitals, without the word
-- before it that names its kind. UPI Ref No. 4242, utr-4242 and 4242 are the same, UPI T24 and t24 too. A word that
-- is written together with letters stays: nobody can say where it ends.
-- before the tables
CREATE FUNCTION bare_reference(reference text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN coalesce(nullif(regexp_replace(regexp_replace(regexp_replace(upper(reference),
    '^([^[:alnum:]]*(UPI|IMPS|NEFT|RTGS|UTR|RRN|TXN|TRANSACTION|REFERENCE|REF|CARD|WALLET|CHEQUE|CHQ|NUMBER|NO|ID)+[^[:alnum:]]+)+', ''),
    '[^[:alnum:]]', '', 'g'),
    '^(UPI|IMPS|NEFT|RTGS|UTR|RRN|TXN|TRANSACTION|REFERENCE|REF|CARD|WALLET|CHEQUE|CHQ|NUMBER|NO|ID)+(?=[0-9])', ''),
    ''), upper(reference));
