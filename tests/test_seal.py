"""A sealed process opens no socket: each try is refused and named, in Python and below it.

A process stays sealed, so each test seals one of its own.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from emofuse.privacy import mask_quotes, mask_words

KERNEL = sys.platform == "linux" and os.uname().machine in ("x86_64", "aarch64")
# Prints the sentence with which a planted call was refused.
TRIED = """
import emofuse, socket, urllib.request
from emofuse.seal import seal
seal()
try:
    {call}
except OSError as error:
    print(getattr(error, "reason", error))
"""
# A native library that opens a socket without Python's knowing, in another thread that was there before.
NATIVE = """
import ctypes, threading
from emofuse.seal import seal
sealed, results = threading.Event(), []
libc = ctypes.CDLL(None, use_errno=True)
def opens():
    sealed.wait()
    results.append((libc.socket(2, 1, 0), ctypes.get_errno()))
thread = threading.Thread(target=opens)
thread.start()
locks = seal()
sealed.set()
thread.join()
print(locks, results)
"""
CHILD = """
import subprocess, sys
from emofuse.seal import seal
seal()
code = "import socket; socket.socket()"
print(subprocess.run([sys.executable, "-S", "-c", code], capture_output=True, text=True).stderr)
"""
# A command whose model is loaded by code that calls home.
PLANTED = """
import sys, urllib.request
from emofuse.cli.main import run
from emofuse.inference import recognizer
real = recognizer.load
def load(*values, **named):
    urllib.request.urlopen("http://collector.example/usage")
    return real(*values, **named)
recognizer.load = load
sys.exit(run(sys.argv[1:]))
"""


def python(code: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", code, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ | environment)


@pytest.mark.parametrize(
    ("call", "named"),
    [
        ("socket.create_connection(('192.0.2.1', 80))", "looking up 192.0.2.1:80"),
        ("socket.gethostbyname('example.org')", "looking up example.org"),
        ("urllib.request.urlopen('https://example.org/x')", "looking up example.org:443"),
        ("socket.socket().bind(('0.0.0.0', 8000))", "opening a socket"),
    ],
)
def test_a_planted_call_is_refused_and_named(call: str, named: str) -> None:
    done = python(TRIED.format(call=call))
    assert f"sealed: {named} is refused; it was called by __main__, <string>, line 6" in done.stdout


def test_the_caller_is_named_by_its_line_of_code(tmp_path: Path) -> None:
    path = tmp_path / "planted.py"
    path.write_text(TRIED.format(call="socket.socket().connect(('192.0.2.1', 80))"))
    done = subprocess.run([sys.executable, str(path)], capture_output=True, text=True, check=False)
    assert f"{path}, line 6 (socket.socket().connect(('192.0.2.1', 80)))" in done.stdout


@pytest.mark.skipif(not KERNEL, reason="the kernel helps on Linux only")
def test_native_code_opens_none_either_not_even_in_a_thread_that_was_there_before() -> None:
    assert python(NATIVE).stdout == "('python', 'kernel') [(-1, 13)]\n"


@pytest.mark.skipif(not KERNEL, reason="the kernel helps on Linux only")
def test_a_process_that_is_started_opens_none_either() -> None:
    assert "PermissionError" in python(CHILD).stdout


def test_the_environment_seals_a_program_that_imports_emofuse() -> None:
    code = "import emofuse; from emofuse.seal import locks; print(locks())"
    assert "python" in python(code, EMOFUSE_SEALED="1").stdout
    assert python(code, EMOFUSE_SEALED="0").stdout == "()\n"


def test_doctor_says_that_the_process_is_sealed() -> None:
    done = python("from emofuse.cli.main import run; run(['doctor', '--json'])", EMOFUSE_SEALED="yes")
    assert "python" in json.loads(done.stdout)["sealed"]


def test_a_sealed_model_predicts_and_seals_its_process() -> None:
    code = "import emofuse; r = emofuse.load('box-open', sealed=True); print(r.predict(text='I said no.').label); "
    code += "import socket; socket.create_connection(('192.0.2.1', 80))"
    done = python(code)
    assert done.stdout.strip() in ("angry", "disgusted", "neutral", "sad", "fearful", "happy", "surprised")
    assert "SealedError: sealed: looking up 192.0.2.1:80 is refused" in done.stderr


def test_a_sealed_command_refuses_a_planted_call_and_names_it() -> None:
    done = python(PLANTED, "predict", "--text", "I said no.", "--sealed")
    assert done.returncode == 2
    assert "error: sealed: looking up collector.example:80 is refused; it was called by __main__" in done.stderr


def test_a_sealed_command_masks_the_words_of_its_table_and_of_its_messages() -> None:
    done = python(
        "import sys; from emofuse.cli.main import run; run(sys.argv[1:])",
        "predict",
        "--text",
        "yes I do",
        "--sealed",
    )
    assert "'••• ••• •••'" in done.stdout
    assert "yes" not in done.stdout


def test_masks() -> None:
    assert mask_words("I said  no.\n") == "••• ••• •••"
    assert mask_quotes("""a.csv: 'he' and "she's here" is the speaker's, isn't it""") == (
        "a.csv: '•••' and '•••' is the speaker's, isn't it"
    )
