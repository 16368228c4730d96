-- Everything in the schema "public" as (name, definition), but for what extensions own and Alembic's own table.
-- Works from PostgreSQL 15 on.
WITH owned_by_extension AS (
    SELECT classid, objid FROM pg_depend WHERE deptype = 'e'
), relation AS (
    SELECT c.* FROM pg_class c
    WHERE c.relnamespace = 'public'::regnamespace AND c.relname <> 'alembic_version'
      AND ('pg_class'::regclass, c.oid) NOT IN (TABLE owned_by_extension)
), routine AS (
    SELECT p.* FROM pg_proc p
    WHERE p.pronamespace = 'public'::regnamespace
      AND ('pg_proc'::regclass, p.oid) NOT IN (TABLE owned_by_extension)
)

SELECT CASE relkind WHEN 'v' THEN 'view ' WHEN 'm' THEN 'materialized view ' ELSE 'table ' END || relname,
       concat_ws(' ', 'kind ' || relkind::text, 'persistence ' || relpersistence::text,
                 reloptions::text,
                 pg_get_partkeydef(oid), pg_get_expr(relpartbound, oid),
                 CASE WHEN relrowsecurity THEN 'row security' END,
                 -- ALTER TABLE … DISABLE TRIGGER ALL also switches the foreign keys off
                 (SELECT 'DISABLED foreign key triggers: ' || count(*) FROM pg_trigger t
                  WHERE t.tgrelid = relation.oid AND t.tgisinternal AND t.tgenabled <> 'O' HAVING count(*) > 0),
                 CASE WHEN relkind IN ('v', 'm') THEN pg_get_viewdef(oid) END,
                 'comment ' || quote_literal(obj_description(oid, 'pg_class')))
FROM relation
WHERE relkind IN ('r', 'p', 'v', 'm', 'f')

UNION ALL
SELECT 'column ' || c.relname || '.' || a.attname,
       concat_ws(' ', format_type(a.atttypid, a.atttypmod),
                 CASE WHEN a.attcollation <> t.typcollation THEN 'COLLATE ' || a.attcollation::regcollation::text END,
                 CASE WHEN a.attnotnull THEN 'NOT NULL' ELSE 'NULL' END,
                 CASE WHEN a.attgenerated = '' THEN 'DEFAULT ' ELSE 'GENERATED ' || a.attgenerated::text || ' AS ' END
                 || pg_get_expr(f.adbin, f.adrelid),
                 'IDENTITY ' || nullif(a.attidentity::text, ''),
                 'comment ' || quote_literal(col_description(c.oid, a.attnum)))
FROM relation c
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
JOIN pg_type t ON t.oid = a.atttypid
LEFT JOIN pg_attrdef f ON f.adrelid = c.oid AND f.adnum = a.attnum
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f')

-- NOT NULL stands with the column (PostgreSQL 18 lists it here too); a constraint trigger is a trigger.
UNION ALL
SELECT CASE k.contype WHEN 'c' THEN 'check ' WHEN 'f' THEN 'foreign key ' WHEN 'p' THEN 'primary key '
            WHEN 'u' THEN 'unique ' WHEN 'x' THEN 'exclude ' ELSE k.contype::text END
       || coalesce(c.relname, k.contypid::regtype::text) || '.' || k.conname,
       pg_get_constraintdef(k.oid)
FROM pg_constraint k LEFT JOIN relation c ON c.oid = k.conrelid
WHERE k.contype NOT IN ('n', 't') AND k.connamespace = 'public'::regnamespace
  AND (c.oid IS NOT NULL OR k.conrelid = 0)

UNION ALL
SELECT 'index ' || t.relname || '.' || c.relname,
       pg_get_indexdef(c.oid) || CASE WHEN i.indisvalid THEN '' ELSE ' INVALID' END
FROM pg_index i JOIN relation c ON c.oid = i.indexrelid JOIN relation t ON t.oid = i.indrelid
WHERE NOT EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = c.oid AND k.contype IN ('p', 'u', 'x'))

UNION ALL
SELECT 'trigger ' || c.relname || '.' || t.tgname,
       pg_get_triggerdef(t.oid)
       || CASE t.tgenabled WHEN 'O' THEN '' WHEN 'D' THEN ' DISABLED' ELSE ' ENABLED ' || t.tgenabled::text END
FROM pg_trigger t JOIN relation c ON c.oid = t.tgrelid
WHERE NOT t.tgisinternal

UNION ALL
SELECT 'function ' || oid::regprocedure::text, pg_get_functiondef(oid) FROM routine WHERE prokind <> 'a'

UNION ALL
SELECT 'aggregate ' || p.oid::regprocedure::text,
       concat_ws(' ', 'transition', g.aggtransfn, g.aggtranstype::regtype, 'final', g.aggfinalfn,
                 'combine', g.aggcombinefn, 'kind', g.aggkind, 'initial', quote_nullable(g.agginitval),
                 'sort', g.aggsortop::regoper, 'parallel', p.proparallel)
FROM routine p JOIN pg_aggregate g ON g.aggfnoid = p.oid

UNION ALL
SELECT 'sequence ' || c.relname,
       concat_ws(' ', s.seqtypid::regtype, 'start', s.seqstart, 'by', s.seqincrement, 'min', s.seqmin,
                 'max', s.seqmax, 'cache', s.seqcache, CASE WHEN s.seqcycle THEN 'cycle' END,
                 'owned by ' || o.relname || '.' || a.attname)
FROM pg_sequence s JOIN relation c ON c.oid = s.seqrelid
LEFT JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype IN ('a', 'i')
LEFT JOIN relation o ON o.oid = d.refobjid
LEFT JOIN pg_attribute a ON a.attrelid = o.oid AND a.attnum = d.refobjsubid

UNION ALL
SELECT 'type ' || t.typname,
       coalesce((SELECT 'ENUM ' || string_agg(quote_literal(e.enumlabel), ', ' ORDER BY e.enumsortorder)
                 FROM pg_enum e WHERE e.enumtypid = t.oid),
                concat_ws(' ', 'DOMAIN', format_type(t.typbasetype, t.typtypmod),
                          CASE WHEN t.typnotnull THEN 'NOT NULL' END, t.typdefault))
FROM pg_type t
WHERE t.typtype IN ('e', 'd') AND t.typnamespace = 'public'::regnamespace
  AND ('pg_type'::regclass, t.oid) NOT IN (TABLE owned_by_extension)

UNION ALL
SELECT 'statistics ' || stxname, pg_get_statisticsobjdef(oid)
FROM pg_statistic_ext WHERE stxnamespace = 'public'::regnamespace

UNION ALL
SELECT 'policy ' || c.relname || '.' || p.polname,
       concat_ws(' ', p.polcmd, p.polpermissive, pg_get_expr(p.polqual, c.oid),
                 pg_get_expr(p.polwithcheck, c.oid))
FROM pg_policy p JOIN relation c ON c.oid = p.polrelid

UNION ALL
SELECT 'extension ' || extname, 'installed' FROM pg_extension
