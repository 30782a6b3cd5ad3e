"""Clocks inside every Python process of a benchmarked run: Python imports this by itself from PYTHONPATH.

Where EMBEDSHIFT_CLOCKS names a folder, each process writes there, at its end, one JSON file: its command, seconds of
the clock and of CPU time, its largest memory (VmHWM, which a new program begins anew, unlike getrusage's), and
`cpu_s_of`, CPU seconds by kind. These are exclusive: what an inner clocked call takes, the outer one does not count.
They are seconds of threads, so that they add up on any number of cores; what no clock saw is the kind "rest".

EMBEDSHIFT_CLOCKED_CALLS names a JSON file `{module: {"function" or "Class.method": kind}}`; without it only imports are
clocked. The wrapped code is the workflow's own, unchanged; a call costs some microseconds more.
"""

import atexit
import builtins
import functools
import importlib
import importlib.abc
import importlib.machinery
import json
import os
import sys
import threading
import time
from collections import Counter

STARTED_S = time.time()
LOCAL = threading.local()
LOCK = threading.Lock()
CPU_S_OF = Counter()


def clocked(function, kind):
    """Return the function with its exclusive CPU seconds of the calling thread added to a kind."""

    @functools.wraps(function)
    def call(*arguments, **named):
        inner = LOCAL.__dict__.setdefault("inner_s", [])
        inner.append(0.0)
        started_s = time.thread_time()
        try:
            return function(*arguments, **named)
        finally:
            whole_s = time.thread_time() - started_s
            own_s = whole_s - inner.pop()
            if inner:
                inner[-1] += whole_s
            with LOCK:
                CPU_S_OF[kind] += own_s

    return call


class Wrapper(importlib.abc.MetaPathFinder):
    """Wraps the wanted calls of a module as soon as it has been read, before anybody takes names from it."""

    def __init__(self, calls):
        self.calls = calls

    def find_spec(self, name, path, target=None):
        if name not in self.calls:
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path, target)
        if spec:
            execute = spec.loader.exec_module

            def execute_and_wrap(module):
                execute(module)
                wrap(module, self.calls[name])

            spec.loader.exec_module = execute_and_wrap
        return spec


def wrap(module, calls):
    for call, kind in calls.items():
        *classes, name = call.split(".")
        owner = functools.reduce(getattr, classes, module)
        setattr(owner, name, clocked(owner.__dict__[name], kind))


def largest_memory_bytes():
    try:
        with open("/proc/self/status") as file:
            return next(1024 * int(line.split()[1]) for line in file if line.startswith("VmHWM"))
    except (OSError, StopIteration):
        return 0


def write(folder):
    cpu_s = time.process_time()
    found = {
        "pid": os.getpid(),
        "parent": os.getppid(),
        "command": sys.argv or [],
        "started_s": STARTED_S,
        "wall_s": time.time() - STARTED_S,
        "cpu_s": cpu_s,
        "children_cpu_s": sum(os.times()[2:4]),
        "largest_memory_bytes": largest_memory_bytes(),
        "cpu_s_of": {**CPU_S_OF, "rest": cpu_s - sum(CPU_S_OF.values())},
    }
    with open(os.path.join(folder, f"{os.getpid()}-{STARTED_S:.3f}.json"), "w") as file:
        json.dump(found, file)


def begin():
    folder = os.environ.get("EMBEDSHIFT_CLOCKS")
    if not folder:
        return
    CPU_S_OF["start-up"] = time.process_time()
    calls = os.environ.get("EMBEDSHIFT_CLOCKED_CALLS")
    if calls:
        with open(calls) as file:
            sys.meta_path.insert(0, Wrapper(json.load(file)))
    builtins.__import__ = clocked(builtins.__import__, "start-up")
    importlib.import_module = clocked(importlib.import_module, "start-up")
    atexit.register(write, folder)


begin()
