-- When autovacuum comes to the tables that grow: docs/operations.md says why. By default it waits for a fifth of a table.
ALTER TABLE alerts SET (autovacuum_vacuum_scale_factor = 0.01, autovacuum_analyze_scale_factor = 0.02);
ALTER TABLE alert_states SET (autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02);
ALTER TABLE deliveries SET (autovacuum_vacuum_scale_factor = 0.005, autovacuum_vacuum_threshold = 5000,
                            autovacuum_vacuum_insert_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.01);
ALTER TABLE attempts SET (autovacuum_vacuum_insert_scale_factor = 0.05, autovacuum_vacuum_scale_factor = 0.05,
                          autovacuum_freeze_min_age = 0);
ALTER TABLE idempotency_keys SET (autovacuum_vacuum_scale_factor = 0.05);
ALTER TABLE endpoint_calls SET (autovacuum_vacuum_scale_factor = 0.05);
