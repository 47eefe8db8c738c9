-- The statement that fills table $1, columns $2, from the wide staging table.
SELECT format(
    'INSERT INTO tensorzero.%I (%s) SELECT %s FROM staging_wide '
    'WHERE %I IS NOT NULL ON CONFLICT (id, created_at) DO NOTHING',
    $1::text,
    (SELECT string_agg(quote_ident(name), ', ') FROM unnest($2::text[]) AS name),
    (SELECT string_agg(quote_ident($1 || '__' || name), ', ') FROM unnest($2::text[]) AS name),
    $1 || '__id'
)
