SELECT num_timed + num_requested AS checkpoints, write_time / 1000 AS write_seconds,
    sync_time / 1000 AS sync_seconds, buffers_written * 8192 AS written
FROM pg_stat_checkpointer
