"""`bestroute check`: validate policies."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from bestroute.cli.output import POLICY, json_option, print_json
from bestroute.errors import InputError, Issue, PolicyError


@click.command(epilog="Example: bestroute check policies/*.yaml")
@click.argument("policies", nargs=-1, required=True, type=POLICY, metavar="POLICY...")
@json_option
@click.pass_context
def command(ctx: click.Context, policies: tuple[Path, ...], as_json: bool) -> None:
    """Validate policy files: every error and warning with line and column.

    Exits 1 when a policy does not hold; warnings alone are fine.
    """
    reports, unreadable = [], []
    for path in policies:
        try:
            reports.append(_check(path))
        except InputError as error:
            unreadable.append(error)
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

    try:
        policy, warnings = check_policy(path)
    except PolicyError as error:
        return {
            "path": str(path),
            "valid": False,
            "digest": None,
            "errors": _list(error.issues),
            "warnings": [],
        }
    return {
        "path": str(path), "valid": True, "digest": policy.digest, "errors": [], "warnings": _list(warnings),
    }  # fmt: skip


def _list(issues: tuple[Issue, ...]) -> list[dict[str, Any]]:
    return [{"line": issue.line, "column": issue.column, "message": issue.message} for issue in issues]


def _print(report: dict[str, Any]) -> None:
    for error in report["errors"]:
        click.echo(f"{report['path']}:{error['line']}:{error['column']}: {error['message']}")
    for warning in report["warnings"]:
        place = f"{report['path']}:{warning['line']}:{warning['column']}"
        click.echo(f"{place}: warning: {warning['message']}", err=True)
    if report["valid"]:
        click.echo(f"{report['path']}: holds (policy {report['digest']})")
