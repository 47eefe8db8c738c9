DELETE FROM tensorzero.dicl_examples
