"""`python -m bench.subjects.tensorzero_server CONFIG`: the engine of the wheel, until SIGTERM."""

from __future__ import annotations

import signal
import sys

import tensorzero
from tensorzero.tensorzero import LocalHttpGateway


def main() -> None:
    # The wheel's own way to serve HTTP, which its `patch_openai_client` uses as well.
    gateway = tensorzero._start_http_gateway(
        config_file=sys.argv[1],
        clickhouse_url=None,
        postgres_url=None,
        valkey_url=None,
        async_setup=False,
    )
    assert isinstance(gateway, LocalHttpGateway)
    print(f"serves {gateway.base_url}", flush=True)
    signal.sigwait({signal.SIGTERM, signal.SIGINT})
    gateway.close()


if __name__ == "__main__":
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})
    main()
