SELECT tensorzero.zeroproxy_default_rows($1)
