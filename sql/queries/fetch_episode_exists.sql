SELECT EXISTS (SELECT 1 FROM tensorzero.exchanges WHERE episode_id = $1)
    OR EXISTS (SELECT 1 FROM tensorzero.chat_inferences WHERE episode_id = $1)
    OR EXISTS (SELECT 1 FROM tensorzero.json_inferences WHERE episode_id = $1)
