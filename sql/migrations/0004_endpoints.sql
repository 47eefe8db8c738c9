-- Endpoints beyond chat completions: of a multipart body only its parts are kept, by name, type and
-- length, with the texts of its small fields.

ALTER TABLE tensorzero.exchanges ADD COLUMN request_parts json;
