"""A Slurm cluster of two nodes on this computer, of ordinary processes and one folder."""

from __future__ import annotations

import os
import pwd
import random
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "srun", "squeue", "scontrol", "scancel")
NODES = ("n1", "n2")

#: No accounting, no control groups; memory is watched by polling the processes of a job. No job is
#: forgotten before its test has counted it.
CONFIGURATION = """
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CredType=cred/munge
SlurmctldPort={port}
SlurmctldPidFile={folder}/slurmctld.pid
StateSaveLocation={folder}/state
SlurmdPidFile={folder}/%n.pid
SlurmdSpoolDir={folder}/%n
SlurmdParameters=config_overrides
MpiDefault=none
SwitchType=switch/none
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=1
JobAcctGatherParams=OverMemoryKill
AccountingStorageType=accounting_storage/none
SchedulerType=sched/builtin
SchedulerParameters=batch_sched_delay=0,sched_interval=1
KillWait=2
MinJobAge=3600
ReturnToService=2
PartitionName=main Default=YES MaxTime=INFINITE State=UP Nodes={nodes}
"""
NODE = (
    "NodeName={name} NodeHostname={host} NodeAddr=127.0.0.1 Port={port} CPUs=4 RealMemory=16000\n"
)


#: Daemons stand in folders that only an administrator's shell looks into.
SEARCH_PATH = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"])


def missing_programs() -> list[str]:
    """Name the programs of Slurm and munge that are not installed."""
    return [name for name in PROGRAMS if shutil.which(name, path=SEARCH_PATH) is None]


def wait_for(condition: Callable[[], object], what: str, seconds: float = 300) -> None:
    """Wait until a condition holds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"{what}: not after {seconds:g} s"
        time.sleep(0.1)


#: Ports that no connection takes by itself, each given to one daemon at most.
PORTS = iter(random.SystemRandom().sample(range(10_000, 32_000), 2_000))
CHOOSING = threading.Lock()


def free_port() -> int:
    """Find a port that nobody listens on."""
    with CHOOSING:
        for port in PORTS:
            with socket.socket() as one, suppress(OSError):
                one.bind(("127.0.0.1", port))
                return port
    message = "no free port"
    raise AssertionError(message)


class Slurm:
    """A running cluster; its daemons are children of this process."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment = {
            "SLURM_CONF": str(folder / "slurm.conf"),
            "PATH": os.pathsep.join([str(folder / "bin"), SEARCH_PATH]),
        }
        self.daemons: dict[str, subprocess.Popen[bytes]] = {}
        host = socket.gethostname().partition(".")[0]
        text = CONFIGURATION.format(
            folder=folder,
            host=host,
            user=pwd.getpwuid(os.getuid()).pw_name,
            port=free_port(),
            nodes=",".join(NODES),
        )
        for name in NODES:
            text += NODE.format(name=name, host=host, port=free_port())
        (folder / "slurm.conf").write_text(text, encoding="utf-8")
        (folder / "state").mkdir()
        # The plugin takes SLURM_CONF away before it calls srun.
        srun = folder / "bin/srun"
        srun.parent.mkdir()
        program = shutil.which("srun", path=SEARCH_PATH)
        srun.write_text(
            f'#!/bin/sh\nSLURM_CONF={folder}/slurm.conf exec {program} "$@"\n', encoding="utf-8"
        )
        srun.chmod(0o755)
        key = folder / "munge.key"
        key.write_bytes(os.urandom(128))
        key.chmod(0o600)

    def start(self, name: str, *command: str, **environment: str) -> None:
        """Start a daemon in the foreground of its own, its output beside the logs."""
        with (self.folder / f"{name}.log").open("ab") as output:
            self.daemons[name] = subprocess.Popen(
                command,
                cwd=self.folder,
                env=os.environ | self.environment | environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                # An interrupt from the keyboard is for the tests, not for the daemons.
                start_new_session=True,
            )

    def start_munge(self) -> None:
        """Start the service that signs messages."""
        files = {"key-file": "munge.key", "socket": "munge.socket", "pid-file": "munge.pid"}
        files |= {"log-file": "munged.log", "seed-file": "munge.seed"}
        options = [f"--{option}={self.folder / name}" for option, name in files.items()]
        # By force: a folder for temporary files may be written by others.
        self.start("munge", "munged", "--foreground", "--force", *options)
        wait_for((self.folder / "munge.socket").exists, "the socket of munge")

    def start_controller(self) -> None:
        """Start slurmctld; it takes up the state that an earlier one has left."""
        self.start("slurmctld", "slurmctld", "-D")

    def start_node(self, name: str) -> None:
        """Start the slurmd of a node."""
        self.start(name, "slurmd", "-D", "-N", name, SLURMD_NODENAME=name)

    def kill_node(self, name: str) -> None:
        """Let a node die with all that runs on it, as when its power fails."""
        self.stop(name, kill=True)
        # Told first, the controller does not hear from the jobs that they were killed.
        self.ask("scontrol", "update", f"NodeName={name}", "State=DOWN", "Reason=dead")
        self.kill_processes(SLURMD_NODENAME=name)

    def stop(self, name: str, *, kill: bool = False) -> None:
        """End a daemon, gently or not."""
        daemon = self.daemons.pop(name)
        if kill:
            daemon.kill()
        else:
            daemon.terminate()
        try:
            daemon.wait(60)
        except subprocess.TimeoutExpired:
            daemon.kill()
            daemon.wait()

    def ask(self, *command: str) -> str:
        """Run a command of Slurm and return what it prints."""
        return subprocess.run(
            command,
            env=os.environ | self.environment,
            check=True,
            capture_output=True,
            encoding="utf-8",
            timeout=120,
        ).stdout

    def nodes(self) -> dict[str, str]:
        """Return the state of each node; nothing while the controller does not answer."""
        try:
            lines = self.ask("sinfo", "--Node", "--noheader", "--format=%N %T").splitlines()
        except subprocess.SubprocessError:
            return {}
        return dict(line.split() for line in lines)

    def wait_until_idle(self) -> None:
        """Wait until both nodes can take jobs."""
        wait_for(lambda: self.nodes() == dict.fromkeys(NODES, "idle"), f"idle nodes: {self.logs()}")

    def history(self) -> list[dict[str, str]]:
        """Return identifier, state, node and memory of each job, ended ones included."""
        names = ("job", "state", "node", "memory")
        form = "--format=%i|%T|%N|%m"
        text = self.ask("squeue", "--noheader", "--array", "--states=all", "--sort=i", form)
        return [dict(zip(names, line.split("|"), strict=True)) for line in text.splitlines()]

    @property
    def states(self) -> list[str]:
        """Return the state of each job in the order of submission, ended ones included."""
        return [job["state"] for job in self.history()]

    def running_job(self) -> dict[str, str]:
        """Return the one job that runs."""
        (job,) = [job for job in self.history() if job["state"] == "RUNNING"]
        return job

    def submissions(self) -> int:
        """Count the calls of sbatch that the controller has answered."""
        log = (self.folder / "slurmctld.log").read_text(encoding="utf-8", errors="replace")
        return log.count("_slurm_rpc_submit_batch_job: JobId=")

    def logs(self) -> str:
        """Return the ends of all logs."""
        paths = sorted(self.folder.glob("*.log"))
        ends = [(path.name, path.read_text(errors="replace")[-2000:]) for path in paths]
        return "\n".join(f"== {name}\n{text}" for name, text in ends if text)

    def kill_processes(self, **environment: str) -> None:
        """Kill what daemons and jobs have left: it inherits their environment."""
        wanted = {"SLURM_CONF": self.environment["SLURM_CONF"]} | environment
        for process in psutil.process_iter():
            with suppress(psutil.Error):
                if process.pid != os.getpid() and wanted.items() <= process.environ().items():
                    process.kill()

    def shut_down(self) -> None:
        """End all that was started, by process."""
        for name in reversed(list(self.daemons)):
            self.stop(name)
        self.kill_processes()


@contextmanager
def cluster(folder: Path) -> Iterator[Slurm]:
    """Run a cluster whose every file is in a folder; when left, nothing of it runs."""
    slurm = Slurm(folder)
    try:
        slurm.start_munge()
        slurm.start_controller()
        for name in NODES:
            slurm.start_node(name)
        slurm.wait_until_idle()
        yield slurm
    finally:
        slurm.shut_down()
