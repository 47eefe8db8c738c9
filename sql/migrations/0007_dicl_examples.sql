-- Examples for dynamic in-context learning, in TensorZero's table, where the server has pgvector.

-- Makes the table if the server has pgvector and lets us use it; whether there is one afterwards. Who
-- installs pgvector later calls it once by hand.
--
-- What a server answers to whom it does not let install an extension differs from vendor to vendor,
-- and no answer may keep the rest from being migrated: hence OTHERS.
CREATE FUNCTION tensorzero.zeroproxy_ensure_dicl_examples() RETURNS boolean
LANGUAGE plpgsql
AS $$
BEGIN
    IF to_regclass('tensorzero.dicl_examples') IS NOT NULL THEN
        RETURN true;
    END IF;
    IF EXISTS (SELECT 1 FROM pg_available_extensions WHERE name = 'vector') THEN
        BEGIN
            CREATE EXTENSION IF NOT EXISTS vector;
        EXCEPTION WHEN OTHERS THEN
            RAISE NOTICE 'pgvector cannot be used: %', SQLERRM;
        END;
    END IF;
    IF to_regtype('vector') IS NULL THEN
        RETURN false;
    END IF;
    CREATE TABLE tensorzero.dicl_examples (
        id uuid PRIMARY KEY,
        function_name text NOT NULL,
        variant_name text NOT NULL,
        namespace text NOT NULL DEFAULT '',
        input text NOT NULL,
        output text NOT NULL,
        embedding vector NOT NULL,
        created_at timestamptz NOT NULL DEFAULT now()
    );
    CREATE INDEX idx_dicl_examples_function_variant_namespace
        ON tensorzero.dicl_examples (function_name, variant_name, namespace);
    CREATE INDEX idx_dicl_examples_created_at ON tensorzero.dicl_examples (created_at);
    RETURN true;
END $$;

SELECT tensorzero.zeroproxy_ensure_dicl_examples();
