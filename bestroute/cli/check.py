"""`bestroute check`: validate policies."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from bestroute.cli.options import POLICY, json_option
from bestroute.cli.output import print_json
from bestroute.errors import InputError, Issue, PolicyError, ProbesError


@click.command(epilog="Example: bestroute check policies/*.yaml")
@click.argument("policies", nargs=-1, required=True, type=POLICY, metavar="POLICY...")
@json_option
@click.pass_context
def command(ctx: click.Context, policies: tuple[Path, ...], as_json: bool) -> None:
    """Validate policy files: every error and warning with line and column.

    A file whose name ends in .probes.yaml is validated as probes, by the policy beside it (x.yaml for
    x.probes.yaml) where there is one; `bestroute test` runs them.

    Exits 1 when a policy does not hold; warnings alone are fine.
    """
    reports, unreadable = [], []
    for path in policies:
        try:
            reports.append(_check(path))
        except InputError as error:
            unreadable.append(error)
            unread = {"line": None, "column": None, "message": str(error)}
            reports.append(
                {"path": str(path), "valid": False, "digest": None, "errors": [unread], "warnings": []}
            )
    if as_json:
        print_json({"policies": reports})
    else:
        for report in reports:
            _print(report)
    for fault in unreadable:
        click.echo(f"error: {fault}", err=True)
    invalid = any(not report["valid"] for report in reports)
    ctx.exit(2 if unreadable else 1 if invalid else 0)


def _check(path: Path) -> dict[str, Any]:
    from bestroute.policy import check_policy
    from bestroute.retune.probes.load import SUFFIX, check_probes

    digest: str | None = None
    warnings: tuple[Issue, ...] = ()
    errors: tuple[Issue, ...] = ()
    try:
        if path.name.endswith(SUFFIX):
            check_probes(path)
        else:
            policy, warnings = check_policy(path)
            digest = policy.digest
    except (PolicyError, ProbesError) as error:
        errors = error.issues
    return {
        "path": str(path),
        "valid": not errors,
        "digest": digest,
        "errors": _list(errors),
        "warnings": _list(warnings),
    }


def _list(issues: tuple[Issue, ...]) -> list[dict[str, Any]]:
    return [{"line": issue.line, "column": issue.column, "message": issue.message} for issue in issues]


def _print(report: dict[str, Any]) -> None:
    for error in report["errors"]:
        if error["line"] is not None:  # what cannot be read at all goes to stderr
            click.echo(f"{report['path']}:{error['line']}:{error['column']}: {error['message']}")
    for warning in report["warnings"]:
        place = f"{report['path']}:{warning['line']}:{warning['column']}"
        click.echo(f"{place}: warning: {warning['message']}", err=True)
    if report["valid"]:
        click.echo(f"{report['path']}: holds ({_kind(report['digest'])})")


def _kind(digest: str | None) -> str:
    return "probes" if digest is None else f"policy {digest}"
