SELECT EXISTS (SELECT 1 FROM tensorzero.chat_inferences WHERE id = $1 AND created_at = $2)
    OR EXISTS (SELECT 1 FROM tensorzero.json_inferences WHERE id = $1 AND created_at = $2)
    OR EXISTS (SELECT 1 FROM tensorzero.exchanges WHERE id = $1 AND created_at = $2)
