"""A standalone Spark cluster on loopback: a master and workers of one core each, as processes of their own."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pyspark

SPARK = Path(pyspark.__file__).parent
DEADLINE = 400


@dataclass
class Cluster:
    folder: Path
    master: str = ""
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def start(self, what: str, *words: str) -> Path:
        """One of Spark's own services in a process group of its own; its log."""
        log = self.folder / f"{what}-{len(self.processes)}.log"
        main = f"org.apache.spark.deploy.{what}.{what.capitalize()}"
        command = [str(SPARK / "bin" / "spark-class"), main, "--host", "127.0.0.1"]
        environment = os.environ | {
            "SPARK_HOME": str(SPARK),
            "SPARK_LOCAL_IP": "127.0.0.1",
            "SPARK_CONF_DIR": str(self.folder / "conf"),
            "SPARK_DAEMON_MEMORY": "256m",
            "SPARK_DAEMON_JAVA_OPTS": "-Dspark.master.rest.enabled=false",
        }
        with log.open("wb") as file:
            self.processes.append(
                subprocess.Popen(
                    [*command, "--port", "0", "--webui-port", "0", *words],
                    stdout=file,
                    stderr=file,
                    env=environment,
                    start_new_session=True,
                )
            )
        return log

    def kill(self, worker: int) -> None:
        """Worker and its executors at once, as when a machine is lost. Worker 0 is the first."""
        process = self.processes[1 + worker]
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def until(holds: Callable[[], object], what: str, seconds: float = DEADLINE) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, f"after {seconds} s still not: {what}"
        time.sleep(0.02)


@contextmanager
def cluster(folder: Path, workers: int, memory: str = "1g", conf: str = "") -> Iterator[Cluster]:
    """`conf`: lines of spark-defaults.conf, also for drivers that are given `folder/conf` as SPARK_CONF_DIR."""
    (folder / "conf").mkdir(parents=True)
    (folder / "conf" / "spark-defaults.conf").write_text(conf)
    found = Cluster(folder)
    try:
        log = found.start("master")
        url = re.compile(r"Starting Spark master at (spark://\S+)")
        until(lambda: url.search(log.read_text()), "the master listens")
        found.master = url.search(log.read_text())[1]  # type: ignore[index]
        for k in range(workers):
            more = ["--cores", "1", "--memory", memory, "--work-dir", str(folder / f"work-{k}"), found.master]
            found.start("worker", *more)
        registered = "Registering worker"
        until(lambda: log.read_text().count(registered) == workers, "the workers are there")
        yield found
    finally:
        for process in found.processes:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
