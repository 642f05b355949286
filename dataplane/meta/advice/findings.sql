select found.rule, rule.category, coalesce(found.level, rule.level) as level, rule.title, rule.explanation, found.detail, found.schema, found.object, found.kind, found."table",
    found.fix, found.rule || '-' || substr(encode(pg_catalog.sha256(convert_to(
        json_build_array(found.schema, found."table", found.object, found.extra)::text, 'UTF8')), 'hex'), 1, 16) as key
from found join rule on rule.name = found.rule
where @search::text = '' or pg_catalog.strpos(lower(concat_ws(' ', found.rule, rule.title, found.schema, found."table", found.object)), lower(@search::text)) > 0
order by array_position('{error,warning,info}'::text[], coalesce(found.level, rule.level)), found.rule, found.schema, found."table", found.object, found.extra
limit @limit::int offset @offset::int
