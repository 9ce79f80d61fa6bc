"""A command group whose heavier subcommands are imported only when they are called (DuckDB, sqlglot)."""

from __future__ import annotations

import importlib
from typing import Any, ClassVar

import click


class LazyGroup(click.Group):
    """`LATER`: names of subcommands that the module `MODULE` exports as `COMMANDS`."""

    MODULE: ClassVar[str] = ""
    LATER: ClassVar[tuple[str, ...]] = ()

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted([*super().list_commands(ctx), *self.LATER])

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.LATER:
            return super().get_command(ctx, cmd_name)
        commands: Any = importlib.import_module(self.MODULE).COMMANDS
        found: click.Command = next(c for c in commands if c.name == cmd_name)
        return found
