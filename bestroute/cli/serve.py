"""`bestroute serve`: a policy as a gateway."""

from __future__ import annotations

from pathlib import Path

import click

from bestroute.cli.options import FILE, POLICY
from bestroute.errors import require
from bestroute.serve.hangups import ignore_hangups


@click.command(epilog="Example: bestroute serve policies/local.yaml --log decisions.jsonl")
@click.argument("policies", nargs=-1, required=True, type=POLICY)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=8080, show_default=True, help="0: any free one."
)
@click.option("--workers", type=click.IntRange(1), default=1, show_default=True, help="Processes.")
@click.option("--log", metavar="FILE|-", help="Append every decision as a line of JSON; SIGHUP reopens FILE.")
@click.option("--log-queries", is_flag=True, help="Put messages and metadata into the log, too.")
@click.option(
    "--max-body", type=click.IntRange(1), default=32, show_default=True, metavar="MB", help="Largest request."
)
@click.option(
    "--drain",
    type=click.FloatRange(0),
    default=30.0,
    show_default=True,
    metavar="SECONDS",
    help="How long requests under way may still take after SIGTERM.",
)
@click.option(
    "--keys",
    type=FILE,
    help="File of callers' keys; without one, and without BESTROUTE_KEYS, none are asked for.",
)
@click.option(
    "--redis",
    metavar="URL",
    envvar="BESTROUTE_REDIS",
    help="Count there what each key used, for all replicas.",
)
@click.option("--open", "is_open", is_flag=True, help="Let in whoever reaches --host, without any key.")
@click.pass_context
def command(
    ctx: click.Context,
    policies: tuple[Path, ...],
    host: str,
    port: int,
    workers: int,
    log: str | None,
    log_queries: bool,
    max_body: int,
    drain: float,
    keys: Path | None,
    redis: str | None,
    is_open: bool,
) -> None:
    """Serve POLICIES to any OpenAI client: the first decides model `auto`, others that of their file's name.

    Answers /v1/chat/completions, /v1/messages (Anthropic's), /v1/models, /v1/route, /healthz, /readyz,
    /metrics, /openapi.json and, for a browser, /; each response says by its x-bestroute headers what was
    decided. Files are followed while it serves. Needs the serve extra.
    """
    ignore_hangups()  # before what takes long to import
    for module in ("starlette", "uvicorn", "prometheus_client", "limits"):
        require(module, "serve")
    if log_queries and log is None:
        raise click.UsageError("--log-queries needs --log")
    from bestroute.serve.run import serve
    from bestroute.serve.settings import Limits, Settings

    limits = Limits(body_bytes=max_body * 2**20)
    settings = Settings(policies, host, port, workers, log, log_queries, drain, limits, keys, redis, is_open)
    ctx.exit(serve(settings))
