SELECT count(*) FROM tensorzero.exchanges
