-- The words of messages that are sent by themselves, until the dairy has its own. Every language has all kinds.
CREATE FUNCTION usual_words() RETURNS TABLE (kind text, language text, subject text, body text)
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
    VALUES
    ('payment_received', 'en', '{dairy}: {amount} received', 'Dear {name}, thank you: {dairy} has received {amount} on'
        ' {day}, receipt {number}. Still to pay: {balance}.'),
    ('payment_received', 'hi', '{dairy}: {amount} मिले', 'प्रिय {name}, धन्यवाद: {dairy} को {day} को'
        ' {amount} मिले, रसीद {number}। अब देय: {balance}।'),
    ('low_balance', 'en', '{dairy}: {left} is left', 'Dear {name}, with {dairy} {left} is left until your limit is'
        ' reached. Please pay soon, so that nothing is held back.'),
    ('low_balance', 'hi', '{dairy}: {left} बचे हैं', 'प्रिय {name}, {dairy} में आपकी सीमा तक {left} बचे हैं।'
        ' कृपया जल्द भुगतान करें, ताकि कुछ न रुके।'),
    ('pause_confirmed', 'en', '{dairy}: nothing comes {period}', 'Dear {name}, noted: {period} this does not come:'
        ' {products}. {dairy}'),
    ('pause_confirmed', 'hi', '{dairy}: {period} कुछ नहीं आएगा', 'प्रिय {name}, नोट किया गया: {period} यह नहीं'
        ' आएगा: {products}। {dairy}'),
    ('change_confirmed', 'en', '{dairy}: your change is noted', 'Dear {name}, noted: {changes}. {dairy}'),
    ('change_confirmed', 'hi', '{dairy}: आपका बदलाव नोट हुआ', 'प्रिय {name}, नोट किया गया: {changes}। {dairy}'),
    ('not_delivered', 'en', '{dairy}: no delivery on {day}', 'Dear {name}, on {day} {dairy} brings nothing: {reason}.'
        ' {instead}'),
    ('not_delivered', 'hi', '{dairy}: {day} को कुछ नहीं आएगा', 'प्रिय {name}, {day} को {dairy} कुछ नहीं'
        ' लाएगी: {reason}। {instead}');
END;
