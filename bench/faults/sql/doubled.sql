-- How many rows there are too many, of exchanges, inferences and calls of models.
SELECT coalesce(sum(n - 1), 0)::bigint
FROM (
    SELECT count(*) AS n FROM tensorzero.exchanges GROUP BY id
    UNION ALL
    SELECT count(*) FROM tensorzero.chat_inferences GROUP BY id
    UNION ALL
    SELECT count(*) FROM tensorzero.model_inferences GROUP BY inference_id
) AS each_id
