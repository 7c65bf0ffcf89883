"""`ivr dial`: call the people of the running campaigns, until TERM.

Law: turns what was typed into settings; the work is ``hosts.dialler``'s.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import click

from ivr.cli.options import database_option
from ivr.cli.settings import settings
from ivr.hosts.dialler.dialler import Settings
from ivr.hosts.dialler.service import DiallerService, owner_name
from ivr.hosts.dialler.wires import Address
from ivr.ops import values
from ivr.ops.logs import open_log


@click.command("dial", context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--switch", metavar="HOST:PORT", help="One FreeSWITCH, instead of `switches` of callweave.yaml.")
@click.option(
    "--password-file", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="The password for --switch."
)
@click.option("--campaign", metavar="NAME", default="", help="Only this one of those that run.")
@click.option("--until-idle", is_flag=True, help="Stop when no campaign runs any more and no call is on.")
@database_option
def command(switch: str | None, password_file: Path | None, campaign: str, until_idle: bool, db: str) -> None:
    """Call the people of the running campaigns, until TERM.

    TERM calls nobody any more and follows the calls that are on to their end; a second one leaves at once. Several
    diallers, on several machines, may work at the same campaigns.
    """
    config = settings()
    if password_file and not switch:
        raise click.UsageError("--password-file is for --switch; of `switches` write the password in callweave.yaml")
    switches = {name: Address(s.host, s.port, s.password) for name, s in config.switches.items()}
    if switch:
        if wrong := values.bad_address(switch):
            raise click.BadParameter(f"{wrong}; write host:port, like 127.0.0.1:8021", param_hint="--switch")
        host, _, port = switch.rpartition(":")
        first = next(iter(switches.values()))
        password = password_file.read_text(encoding="utf-8").strip() if password_file else first.password
        switches = {"main": replace(first, host=host.strip("[]"), port=int(port), password=password)}
    workers = config.dialplan.workers or (str(config.listen),)
    how = Settings(owner_name(), workers, config.secret, only=campaign)
    log = open_log(config.log_level, config.log_numbers)
    raise SystemExit(DiallerService(db, how, switches, log).run(until_idle))
