from gevent import monkey; monkey.patch_all()  # fmt: skip # noqa: E702 - before anything keeps a socket or a lock

"""The server's composition root: settings in, calls answered. `ivr serve` starts this very file.

The patch above stands first, here and nowhere else: what is imported before it would block every call.
"""

# ruff: noqa: E402, I001
from ivr import compiled

compiled.use()  # before the first import of what it replaces

import os
import sys
from pathlib import Path

import click

from ivr.hosts.registry import FlowErrors
from ivr.hosts.service import Service
from ivr.ops.config import ConfigError, load_config
from ivr.ops.logs import open_log
from ivr.store.engine import DatabaseUrlError
from ivr.store.recorder import SpoolInUse
from ivr.store.upgrade import SchemaError

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
FOLDER = click.Path(file_okay=False, path_type=Path)


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--config", "file", type=FILE, help="callweave.yaml.")
@click.option("--trace", "trace_dir", type=FOLDER, help="Write what each call did to FOLDER/<call>.txt (no secrets).")
@click.option("--listen", metavar="HOST:PORT", help="Instead of `listen` of callweave.yaml; port 0 takes a free one.")
@click.option("--db", metavar="URL", help="Instead of `database`.")
@click.option("--spool", type=FOLDER, help="Instead of `spool`: each worker of one machine needs its own.")
def main(file: Path | None, trace_dir: Path | None, listen: str | None, db: str | None, spool: Path | None) -> None:
    """Take calls from FreeSWITCH until TERM. Exit status: 0 stopped in order, 1 could not serve, 2 bad settings."""
    try:
        config = load_config(file).replaced(listen=listen, database=db, spool=spool)
        if unfit := config.unfit_for_switch():
            raise ConfigError(unfit)
    except ConfigError as exc:
        raise click.UsageError(str(exc)) from exc
    log = open_log(config.log_level, config.log_numbers)
    try:
        service = Service(config, log, trace_dir)
    except FlowErrors as exc:
        for problem in exc.problems:
            click.echo(str(problem), err=True)
        raise click.ClickException("these flows cannot be served; see: ivr check, ivr prompts check") from exc
    except (OSError, SchemaError, SpoolInUse, DatabaseUrlError) as exc:
        raise click.ClickException(f"{exc}; see: ivr doctor") from exc
    status = service.run()
    sys.stderr.flush()
    # Everything is stored. The recorder's native threads may still be inside the database driver, and an interpreter
    # that is taken apart under them crashes now and then: seen as status 139 with a database that is away.
    os._exit(status)


if __name__ == "__main__":
    main(prog_name=os.environ.pop("CALLWEAVE_STARTED_AS", None))
