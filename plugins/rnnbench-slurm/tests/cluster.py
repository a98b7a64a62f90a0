"""A real Slurm of one node, run by one user for the time of a test, without systemd, munge or accounting."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from pathlib import Path

PROGRAMS = ("slurmctld", "slurmd", "sbatch", "squeue", "scontrol", "scancel", "sinfo")
SLOWEST = 60.0
"""Longest time that a daemon may take to answer (s)."""

CONFIGURATION = """\
ClusterName=rnnbench
SlurmctldHost={host}(127.0.0.1)
SlurmUser={user}
SlurmdUser={user}
SlurmctldPort={control}
SlurmdPort={node}
AuthType=auth/none
CredType=cred/none
MpiDefault=none
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
ReturnToService=2
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/none
JobCompType=jobcomp/none
SchedulerType=sched/backfill
SchedulerParameters=sched_interval=1,bf_interval=1,batch_sched_delay=0,defer=0
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
MaxArraySize={array}
MaxJobCount=10000
MinJobAge=30
KillWait=5
InactiveLimit=0
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
NodeName={host} NodeAddr=127.0.0.1 CPUs={cores} SocketsPerBoard=1 CoresPerSocket={cores} ThreadsPerCore=1
PartitionName=all Nodes={host} Default=YES MaxTime=INFINITE State=UP OverSubscribe=NO
"""


def missing() -> list[str]:
    """Return the programs of Slurm that are not installed."""
    sbin = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"])
    return [name for name in PROGRAMS if shutil.which(name, path=sbin) is None]


class Cluster:
    """A controller and a node of `cores` cores; with `environment` Slurm's commands use them."""

    def __init__(self, folder: Path, cores: int = 2, array: int = 3) -> None:
        self.folder = folder
        self.host = socket.gethostname().partition(".")[0]
        self.environment = {"SLURM_CONF": str(folder / "slurm.conf")}
        user = subprocess.run(["id", "-un"], capture_output=True, text=True, check=True).stdout.strip()
        for name in ("state", "spool"):
            (folder / name).mkdir(parents=True)
        text = CONFIGURATION.format(
            host=self.host, user=user, folder=folder, cores=cores, array=array, control=_port(), node=_port()
        )
        (folder / "slurm.conf").write_text(text)
        self._processes: list[subprocess.Popen[bytes]] = []

    def start(self) -> None:
        """Start both daemons and wait for the node. Raises RuntimeError with the ends of their logs if it fails."""
        path = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"])
        configuration = str((self.folder / "slurm.conf").absolute())
        for command in (["slurmctld", "-D", "-c", "-f"], ["slurmd", "-D", "-f"]):
            program = shutil.which(command[0], path=path) or command[0]
            with open(self.folder / f"{command[0]}.out", "wb") as log:
                started = subprocess.Popen([program, *command[1:], configuration], stdout=log, stderr=log)
            self._processes.append(started)
        until = time.monotonic() + SLOWEST
        while time.monotonic() < until:
            if self.run("sinfo", "-h", "-o", "%T").strip() == "idle":
                return
            time.sleep(0.3)
        raise RuntimeError("\n".join(p.read_text()[-2000:] for p in sorted(self.folder.glob("slurm*.[ol][uo][tg]"))))

    def run(self, *command: str) -> str:
        """Return what one of Slurm's commands prints."""
        done = subprocess.run(command, env=os.environ | self.environment, capture_output=True, text=True)
        return done.stdout

    def stop(self) -> None:
        self.run("scancel", "--user", str(os.getuid()))
        until = time.monotonic() + 20
        while self.run("squeue", "-h").strip() and time.monotonic() < until:
            time.sleep(0.2)
        for process in reversed(self._processes):
            process.terminate()
            try:
                process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                process.kill()


def _port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])
