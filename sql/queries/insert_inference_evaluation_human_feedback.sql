INSERT INTO tensorzero.inference_evaluation_human_feedback (
    feedback_id, metric_name, datapoint_id, output, value, evaluator_inference_id, created_at
)
VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (feedback_id) DO NOTHING
