"""All subjects by the names that scenarios give them."""

from __future__ import annotations

from bench.errors import Missing
from bench.subjects.bare import start_bare, start_forward
from bench.subjects.base import Subject, Surroundings
from bench.subjects.direct import Direct
from bench.subjects.litellm import start_litellm
from bench.subjects.nginx import start_nginx
from bench.subjects.product import Options, Product
from bench.subjects.tensorzero import start_tensorzero

MANY_FUNCTIONS = 1000


def start(name: str, at: Surroundings) -> Subject:
    """Started, perhaps not listening yet. Raises Missing where this machine has no such thing."""
    match name.split():
        case ["direct"]:
            return Direct(at)
        case ["bare"]:
            return start_bare(at)
        case ["bare", "again"]:
            return start_bare(at, name)
        case ["bare", "tls"]:
            return start_bare(at, tls=True)
        case ["forward"]:
            return start_forward(at)
        case ["product"]:
            return Product(at)
        case ["unrecorded"]:
            return Product(at, Options(name, records=False))
        case ["many", "functions"]:
            return Product(at, Options(name, functions=MANY_FUNCTIONS))
        case [count, "workers"]:
            return Product(at, Options(name, workers=int(count)))
        case ["nginx"]:
            return start_nginx(at)
        case ["litellm"]:
            return start_litellm(at)
        case ["tensorzero"]:
            return start_tensorzero(at)
    raise Missing(f"no subject has the name {name!r}")
