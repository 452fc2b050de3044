"""A sealed process: it cannot open a socket, and each try is refused and named.

Two locks. An audit hook of Python refuses what Python code tries, in one sentence with the address and the caller.
On Linux, a filter in the kernel refuses the system call itself, to native libraries and to started processes as
well. Neither can be taken off again.
"""

from __future__ import annotations

import ctypes
import linecache
import logging
import os
import sys
import sysconfig
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

from emofuse.errors import SealedError

logger = logging.getLogger(__name__)

SEALED = "EMOFUSE_SEALED"
# Events of Python's sockets: what they would do, and the place of the address among their values.
ATTEMPTS: Mapping[str, tuple[str, int]] = {
    "socket.connect": ("a connection to", 1),
    "socket.bind": ("listening at", 1),
    "socket.sendto": ("sending to", 1),
    "socket.getaddrinfo": ("looking up", 0),
    "socket.gethostbyname": ("looking up", 0),
    "socket.gethostbyaddr": ("looking up", 0),
    "socket.getnameinfo": ("looking up", 0),
}
# A pair of these connects two threads of a process; it leads nowhere. -1: the socket of an open file.
HARMLESS_FAMILIES = {1, -1}
LONGEST_LINE = 100


@dataclass(frozen=True)
class _Machine:
    """What the filter must know of a kind of processor.

    Attributes:
        audit: how the kernel calls it.
        seccomp, socket: numbers of system calls.
    """

    audit: int
    seccomp: int
    socket: int


_MACHINES = {"x86_64": _Machine(0xC000003E, 317, 41), "aarch64": _Machine(0xC00000B7, 277, 198)}
# From linux/filter.h, linux/seccomp.h and linux/prctl.h.
_LOAD, _EQUAL, _AT_LEAST, _RETURN = 0x20, 0x15, 0x35, 0x06
_CALL, _ARCHITECTURE = 0, 4  # where the data of a call holds its number and its machine
_ALLOW, _REFUSE = 0x7FFF0000, 0x00050000 | 13  # EACCES
_X32 = 0x40000000  # calls of the third kind on x86_64
_IO_URING_SETUP = 425  # opens sockets without calling for them
_NO_NEW_PRIVILEGES, _FILTER, _ALL_THREADS = 38, 1, 1


class _Locks:
    """The locks that are on; there is one process, so there is one of these."""

    names: tuple[str, ...] = ()


class _Instruction(ctypes.Structure):
    _fields_ = (("code", ctypes.c_uint16), ("yes", ctypes.c_uint8), ("no", ctypes.c_uint8), ("k", ctypes.c_uint32))


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_uint16), ("instructions", ctypes.POINTER(_Instruction)))


def seal() -> tuple[str, ...]:
    """Let this process and those that it starts open no socket from now on.

    Returns:
        The locks: "python", and "kernel" where the kernel helps. Sockets that are open already stay open.
    """
    if not _Locks.names:
        os.environ[SEALED] = os.environ["HF_HUB_OFFLINE"] = (
            "1"  # for libraries, and for processes that are started
        )
        sys.addaudithook(_refuse)
        _Locks.names = ("python", "kernel") if _filter_calls() else ("python",)
    return _Locks.names


def locks() -> tuple[str, ...]:
    """Return the locks that are on; none if the process is not sealed."""
    return _Locks.names


def seal_if_asked(environment: Mapping[str, str] = os.environ) -> None:
    """Seal the process if EMOFUSE_SEALED says so."""
    if environment.get(SEALED, "").strip().lower() not in ("", "0", "false", "no", "off"):
        seal()


def _refuse(event: str, values: tuple[Any, ...]) -> None:
    """Raise if an event opens a socket, connects one or looks up a name.

    Raises:
        SealedError: it does.
    """
    if not event.startswith("socket."):
        return
    if event == "socket.__new__" and values[1] not in HARMLESS_FAMILIES:
        attempt = "opening a socket"
    elif event in ATTEMPTS:
        verb, place = ATTEMPTS[event]
        attempt = f"{verb} {_address(values[place:])}"
    else:
        return
    message = f"sealed: {attempt} is refused; it was called by {_caller(sys._getframe(1))}"
    logger.warning("%s", message)
    raise SealedError(message)


def _address(values: tuple[Any, ...]) -> str:
    """Return an address as people write it: host:port."""
    host, port = (values[0] if isinstance(values[0], tuple) else (*values, None, None))[:2]
    host = os.fsdecode(host) if isinstance(host, (bytes, str)) else host
    return f"{host}:{port}" if isinstance(port, (int, str)) and port != "" else str(host)


def _caller(frame: FrameType | None) -> str:
    """Return the line of code that called, the first one outside the standard library."""
    library = Path(sysconfig.get_path("stdlib"))
    while frame is not None and frame.f_back is not None:
        path = Path(frame.f_code.co_filename)
        ours = path.is_relative_to(library) and "site-packages" not in path.parts
        if not ours and not str(path).startswith("<frozen"):
            break
        frame = frame.f_back
    if frame is None:
        return "unknown code"
    name, number = frame.f_code.co_filename, frame.f_lineno
    code = linecache.getline(name, number).strip()[:LONGEST_LINE]
    return f"{frame.f_globals.get('__name__', '?')}, {name}, line {number}" + (f" ({code})" if code else "")


def _filter_calls() -> bool:
    """Let the kernel refuse the calls that open sockets, for all threads; return whether it does."""
    machine = _MACHINES.get(os.uname().machine) if sys.platform == "linux" else None
    if machine is None or sys.maxsize < 2**32:
        return False
    # Each test goes on with the next instruction, or over so many.
    instructions = [
        _Instruction(_LOAD, 0, 0, _ARCHITECTURE),
        _Instruction(_EQUAL, 0, 5, machine.audit),
        _Instruction(_LOAD, 0, 0, _CALL),
        _Instruction(_AT_LEAST, 3, 0, _X32),
        _Instruction(_EQUAL, 2, 0, machine.socket),
        _Instruction(_EQUAL, 1, 0, _IO_URING_SETUP),
        _Instruction(_RETURN, 0, 0, _ALLOW),
        _Instruction(_RETURN, 0, 0, _REFUSE),
    ]
    array = (_Instruction * len(instructions))(*instructions)
    program = _Program(len(instructions), ctypes.cast(array, ctypes.POINTER(_Instruction)))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0) != 0:
        return False
    result: int = libc.syscall(machine.seccomp, _FILTER, _ALL_THREADS, ctypes.byref(program))
    return result == 0
