SELECT id, episode_id
FROM tensorzero.exchanges
WHERE provider_response_id = $1 AND created_at > now() - interval '31 days'
ORDER BY created_at DESC
LIMIT 1
