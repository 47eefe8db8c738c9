"""The command line.

Exit codes: 0 done, 1 the program failed, 2 wrong usage, 3 the configuration is refused,
4 it cannot start (port taken, database unreachable, …).
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import sys
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from proxy import __version__
from proxy.errors import ConfigError, StartupError, ZeroProxyError

if TYPE_CHECKING:
    from proxy.app.reading import Reading
    from proxy.config.loaded import LoadedConfig

CONFIG_EXIT = 3
STARTUP_EXIT = 4
DEFAULT_CONFIG = "routes.yaml"

EPILOG = (
    "Exit codes: 0 done, 1 failed, 2 wrong usage, 3 configuration refused, "
    "4 cannot start (port taken, database unreachable, …). "
    "Environment: DATABASE_URL (or TENSORZERO_POSTGRES_URL), ZEROPROXY_STATE_DIR."
)


@click.group(
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog=EPILOG,
)
def cli() -> None:
    """A reverse proxy for LLM APIs: route, split, retry, record and measure every call."""


@cli.command(epilog=EPILOG)
@click.option(
    "--config",
    "--config-file",
    "config",
    default=DEFAULT_CONFIG,
    show_default=True,
    metavar="FILE_OR_GLOB",
    help="The configuration: YAML or TOML; a glob is merged.",
)
@click.option("--host", metavar="ADDRESS", help="Address to listen on.  [default: 127.0.0.1]")
@click.option("--port", type=click.IntRange(0, 65535), help="Port.  [default: 3000]")
@click.option("--bind-address", metavar="HOST:PORT", help="Both at once, as TensorZero spells it.")
@click.option(
    "--workers",
    type=click.IntRange(1, 1024),
    help="Serving processes.  [default: one for each core]",
)
@click.option("--no-database", is_flag=True, help="Serve without Postgres; nothing is recorded.")
@click.option(
    "--log-format",
    type=click.Choice(["auto", "json", "pretty"]),
    help="Overrides `zeroproxy.logging.format`.",
)
def serve(
    config: str,
    host: str | None,
    port: int | None,
    bind_address: str | None,
    workers: int | None,
    no_database: bool,
    log_format: str | None,
) -> None:
    """Serve the configuration until SIGTERM or Ctrl-C.

    Without DATABASE_URL, a Postgres of its own is started; its data survives restarts.

    A change of the configuration's files is taken while serving, by all workers or by none; SIGHUP
    asks for it at once. GET /status says what is in force, and what is wrong with a refused one.
    """
    gc.disable()  # Until all is loaded: nothing of it is ever thrown away.
    from proxy.app.reading import begin_reading

    reading = begin_reading(config, os.environ)
    from proxy.app.image import load

    load()
    from proxy.app.spec import log_level
    from proxy.app.supervisor import (
        ServeOptions,
        Supervisor,
        default_workers,
        lay_ground,
        run_main,
    )
    from proxy.telemetry.logging import configure

    loaded = _read(reading)
    settings = loaded.config.zeroproxy.logging
    address, number = _address(loaded, host, port, bind_address)
    options = ServeOptions(
        host=address,
        port=number,
        workers=workers or default_workers(),
        database=not no_database,
        log_format=log_format or settings.format,
    )
    ground = lay_ground(loaded, options.workers)
    configure(options.log_format, log_level(loaded.config), "main")
    _show_warnings(loaded)

    async def run() -> int:
        greet = partial(_greet, loaded, address)
        supervisor = Supervisor(config, ground, options, os.environ, greet)
        return await supervisor.run()

    sys.exit(_guarded(lambda: run_main(run())))


@cli.command()
@click.argument("config", metavar="FILE_OR_GLOB")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON, for scripts.")
def validate(config: str, as_json: bool) -> None:
    """Check a configuration and name all that is wrong with it."""
    from proxy.config.load import load_config
    from proxy.config.problems import render_problems

    try:
        loaded = load_config(config, os.environ)
    except ConfigError as error:
        if as_json:
            click.echo(json.dumps({"valid": False, "problems": _plain(error)}, indent=2))
        else:
            click.echo(render_problems(error.problems), err=True)
        sys.exit(CONFIG_EXIT)
    if as_json:
        digest = loaded.snapshot.hash.hex()
        click.echo(json.dumps({"valid": True, "hash": digest, "warnings": loaded.warnings}))
        return
    _show_warnings(loaded)
    functions, models = len(loaded.config.functions), len(loaded.config.models)
    click.echo(f"valid: {functions} functions, {models} models, {len(loaded.files)} files")


@cli.command()
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON, for scripts.")
def migrate(as_json: bool) -> None:
    """Bring the schema of the database up to date (also safe while others do the same)."""
    from proxy.app.host import migrate_database

    applied = _guarded(lambda: asyncio.run(migrate_database(os.environ)))
    if as_json:
        click.echo(json.dumps({"applied": applied}))
    elif applied:
        click.echo("applied: " + ", ".join(applied))
    else:
        click.echo("nothing to do: the schema is up to date")


@cli.command(context_settings={"ignore_unknown_options": True})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def psql(arguments: tuple[str, ...]) -> None:
    """Open psql on the embedded Postgres of a running `serve` (arguments go on to psql)."""
    from proxy.app.host import psql_of

    command = _guarded(lambda: psql_of(os.environ))
    os.execv(command[0], [*command, *arguments])


@cli.command()
def version() -> None:
    """Print the version."""
    click.echo(__version__)


def main() -> None:
    """The entry point of `zeroproxy` and of `python -m proxy`."""
    # Else pydantic reads the metadata of every installed package, to find plugins.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    cli(prog_name="zeroproxy")


def _read(reading: Reading) -> LoadedConfig:
    from proxy.config.problems import render_problems

    try:
        return reading.result()
    except ConfigError as error:
        click.echo(render_problems(error.problems), err=True)
        sys.exit(CONFIG_EXIT)


def _plain(error: ConfigError) -> list[dict[str, str]]:
    return [
        {"file": each.file, "key": each.key, "message": each.message, "remedy": each.remedy}
        for each in error.problems
    ]


def _show_warnings(loaded: LoadedConfig) -> None:
    for warning in loaded.warnings:
        click.echo(f"warning: {warning}", err=True)


def _address(
    loaded: LoadedConfig, host: str | None, port: int | None, bind_address: str | None
) -> tuple[str, int]:
    """Where to listen: the command line, else the configuration, else 127.0.0.1:3000."""
    from proxy.config.schema import split_address

    configured = loaded.config.gateway.bind_address
    if bind_address is not None and configured is not None:
        raise click.UsageError(
            "--bind-address and `gateway.bind_address` are both set; leave one of them out"
        )
    spelled = bind_address or configured
    default_host, default_port = ("127.0.0.1", 3000)
    if spelled is not None:
        try:
            default_host, default_port = split_address(spelled)
        except ValueError as error:
            raise click.UsageError(f"--bind-address: {error}") from error
    return host or default_host, default_port if port is None else port


def _guarded(work: Any) -> Any:
    """Run, and turn an error into one clear line and an exit code."""
    try:
        return work()
    except StartupError as error:
        click.echo(f"error: {error}", err=True)
        sys.exit(STARTUP_EXIT)
    except ZeroProxyError as error:
        click.echo(f"error: {error}", err=True)
        sys.exit(1)


def _greet(loaded: LoadedConfig, host: str, port: int) -> None:
    """Where to go, and a first call that works as printed."""
    shown = "127.0.0.1" if host in ("0.0.0.0", "::") else host
    base = f"http://[{shown}]:{port}" if ":" in shown else f"http://{shown}:{port}"
    base += loaded.config.gateway.base_path.rstrip("/")
    name = _first_name(loaded)
    click.echo(f"\nzeroproxy {__version__} serves {base}\n")
    click.echo(f"  OpenAI base_url   {base}/v1")
    click.echo(f"  metrics           {base}/metrics")
    click.echo(f"  health            {base}/health\n")
    if name is None:
        return
    body = json.dumps({"model": name, "messages": [{"role": "user", "content": "Hello"}]})
    key = ' -H "Authorization: Bearer $KEY"' if loaded.config.zeroproxy.api_keys else ""
    click.echo("A first call:\n")
    click.echo(f"  curl -s {base}/v1/chat/completions -d '{body}'{key}\n")


def _first_name(loaded: LoadedConfig) -> str | None:
    for name in loaded.config.functions:
        return f"tensorzero::function_name::{name}"
    return next(iter(loaded.config.models), None)
