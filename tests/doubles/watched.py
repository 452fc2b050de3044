"""A command in a process that is watched: which addresses it asks for, and which files it writes."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

# Python runs this in every process that the command starts; it notes what the audit hook sees.
HOOK = """
import json, os, sys

def watch(out):
    def note(*values):
        os.write(out, (json.dumps(values) + "\\n").encode())

    def hook(event, values):
        if event in ("socket.connect", "socket.bind", "socket.sendto", "socket.sendmsg"):
            if values[0].family != 1:  # a socket of this machine's file system
                note(event, repr(values[1]))
        elif event.startswith("socket.get"):
            note(event, repr(values))
        elif event == "open" and isinstance(values[0], (str, bytes)):
            path, mode, flags = values
            if set(mode or "r") & set("wax+") or flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
                note("write", os.path.abspath(os.fsdecode(path)))

    sys.addaudithook(hook)

watch(os.open(os.environ["WATCHED"], os.O_WRONLY | os.O_APPEND | os.O_CREAT))
"""
TRACED = "connect,bind,sendto,sendmsg,sendmmsg,openat,open,creat"
ADDRESS = re.compile(r"sa_family=AF_INET6?\b")
# With -y, a folder stands behind the number of its descriptor.
OPENED = re.compile(
    r'(?:openat\((?:AT_FDCWD|\d+)<(?P<folder>[^>]*)>, |open\(|creat\()"(?P<path>[^"]*)"(?P<rest>.*)'
)
WRITING = re.compile(r"O_WRONLY|O_RDWR|O_CREAT")


@dataclass(frozen=True)
class Watched:
    """What a command did.

    Attributes:
        code: its exit code.
        printed: what it printed, on stdout and stderr.
        addresses: what it connected to, bound, sent to or looked up.
        written: the files that it opened for writing.
        left: the files in its home folder and in its folder for temporary files afterwards.
    """

    code: int
    printed: str
    addresses: tuple[str, ...]
    written: tuple[Path, ...]
    left: tuple[Path, ...]


def watch(folder: Path, *arguments: object, program: Sequence[str] = ("-m", "emofuse")) -> Watched:
    """Run a command in a process of its own: in an empty home folder, allowed to use the network.

    It is watched by an audit hook of Python and, where there is strace, in its system calls too.
    """
    home, temporary, hook = folder / "home", folder / "tmp", folder / "hook"
    for one in (home, temporary, hook):
        one.mkdir(parents=True)
    (hook / "sitecustomize.py").write_text(HOOK)
    events, traces = folder / "events.jsonl", folder / "trace"
    kept = {name: value for name, value in os.environ.items() if name in {"PATH", "LANG", "OMP_NUM_THREADS"}}
    environment = kept | {
        "HOME": str(home),
        "TMPDIR": str(temporary),
        "WATCHED": str(events),
        "PYTHONPATH": os.pathsep.join([str(hook), os.environ.get("PYTHONPATH", "")]),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    done = subprocess.run(
        [*_strace(traces), sys.executable, *program, *map(str, arguments)],
        env=environment,
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    addresses, written = _noted(events)
    for trace in sorted(folder.glob("trace.*")):
        seen, opened = _traced(trace)
        addresses, written = addresses + seen, written + opened
    left = [path for room in (home, temporary) for path in room.rglob("*") if path.is_file()]
    return Watched(done.returncode, done.stdout, tuple(addresses), tuple(written), tuple(left))


def _strace(traces: Path) -> list[str]:
    """Return how to run a command under strace, a file of calls a thread; nothing where that is impossible."""
    found = shutil.which("strace")
    if found is None or subprocess.run([found, "-o", os.devnull, "true"], check=False).returncode != 0:
        return []
    return [found, "-ff", "-y", "-s", "4096", "-e", f"trace={TRACED}", "-o", str(traces)]


def _noted(events: Path) -> tuple[list[str], list[Path]]:
    """Return the addresses and the written files that the audit hook noted."""
    rows = [json.loads(line) for line in events.read_text().splitlines()]
    addresses = [f"{event} {value}" for event, value in rows if event != "write"]
    return addresses, [Path(value) for event, value in rows if event == "write"]


def _traced(trace: Path) -> tuple[list[str], list[Path]]:
    """Return the addresses and the files opened for writing in the calls of one thread."""
    addresses, written = [], []
    for line in trace.read_text(errors="replace").splitlines():
        opened = OPENED.match(line)
        if opened is None:
            addresses += [line] if ADDRESS.search(line) else []
        elif WRITING.search(opened["rest"]) and " = -1 " not in opened["rest"]:
            written.append(Path(opened["folder"] or "/", opened["path"]))
    return addresses, written
