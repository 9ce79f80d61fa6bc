"""`abate consume`: events from a message broker through the pipeline, for as long as the process runs."""

from __future__ import annotations

import json
import logging
import signal
import sys
from collections import Counter
from pathlib import Path
from threading import Event

import click

from abate.cli import garbage, installation
from abate.platform.doors.errors import Problem, SetupError


@click.command()
@click.argument("address", envvar="ABATE_BROKER")
@click.option("--party", "code", required=True, help="Code of the partner whose events these are.")
@click.option("--topic", required=True, help="NATS subject, Kafka topic, or MQTT topic filter.")
@click.option(
    "--group",
    default="abate",
    show_default=True,
    help="Durable consumer (NATS), group (Kafka), or client id (MQTT): what is through is remembered under it.",
)
@click.option(
    "--batch",
    type=click.IntRange(1, 20_000),
    default=1_000,
    show_default=True,
    help="Messages taken at a time at most; more than 20,000 events in them are booked in several transactions.",
)
@click.option(
    "--wait",
    type=click.FloatRange(0.05, 60),
    default=1.0,
    show_default=True,
    help="Seconds to wait for the first of them.",
)
@click.option("--until-empty", is_flag=True, help="End once nothing is there.")
@installation.sandbox
@installation.data_dir
@installation.as_json
def command(
    address: str,
    code: str,
    topic: str,
    group: str,
    batch: int,
    wait: float,
    until_empty: bool,
    sandbox: bool,
    data_dir: Path,
    as_json: bool,
) -> None:
    """Book the events that come to a topic of the broker at ADDRESS (or ABATE_BROKER), until SIGTERM or Ctrl-C.

    ADDRESS is nats://HOST:PORT, kafka://HOST:PORT or mqtt://HOST:PORT; with TLS nats+tls, kafka+tls, mqtts. A user and a
    password stand in it (percent-encoded), so set ABATE_BROKER instead of writing them on the command line.

    A message is a CloudEvent or an array of them, as over HTTP, or a CloudEvent in binary mode. A message is given up
    once its batch is committed; stopped in between, it comes again and is booked once. Who may publish on the topic is
    the broker's to say; what is published there counts as the partner's.
    """
    from abate.platform.config import setup  # lazy: `abate consume --help` must not start Django

    stopping = Event()
    for wanted in (signal.SIGTERM, signal.SIGINT):
        signal.signal(wanted, lambda *_: stopping.set())
    logging.basicConfig(format="%(name)s: %(message)s", level=logging.WARNING)
    try:
        installation.start(data_dir, sandbox=sandbox)
        setup.become_application()
        counts = _consume(address, code, topic, group, batch, wait, stopping, until_empty)
    except SetupError as fault:
        click.echo(str(fault), err=True)
        sys.exit(1)
    except Problem as problem:
        installation.refuse(problem)
    if as_json:
        click.echo(json.dumps({"events": counts.total(), "outcomes": dict(counts)}))
    else:
        for outcome, number in counts.items():
            click.echo(f"{outcome:20} {number:>12,}")


def _consume(
    address: str,
    code: str,
    topic: str,
    group: str,
    batch: int,
    wait: float,
    stopping: Event,
    until_empty: bool,
) -> Counter[str]:
    from abate.platform import streaming  # lazy: models exist once Django has started
    from abate.platform.doors import broker  # lazy: as above

    def told(outcomes: Counter[str]) -> None:
        words = ", ".join(f"{number:,} {outcome}" for outcome, number in outcomes.items())
        click.echo(words, err=True)

    garbage.as_usual()
    return streaming.consume(
        lambda: broker.connect(address, topic, group),
        code,
        most=batch,
        wait=wait,
        stopping=stopping,
        until_empty=until_empty,
        told=told,
    )
