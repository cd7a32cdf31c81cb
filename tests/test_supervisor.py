"""The supervisor with real processes: restarts, says so, ends everything, leaves nothing."""

import os
import signal
import socket
import subprocess
import sys
import textwrap
import time

import pytest

from app.errors import ServerError
from app.settings import Settings
from app.supervisor import check_port, free_port, gunicorn_command
from tests.processes import ROOT, alive, wait_for


def supervise(tmp_path, *bodies, final_codes="frozenset({2})", ready_ports=()):
    """A supervisor process whose children run Python bodies; each writes its pid to a file."""
    ports = dict(enumerate(ready_ports))
    children = []
    for k, body in enumerate(bodies):
        source = f"import os, sys, time, signal, pathlib\np = pathlib.Path({str(tmp_path)!r})\n"
        source += f"with open(p / 'pids{k}', 'a') as f: print(os.getpid(), file=f, flush=True)\n"
        source += textwrap.dedent(body)
        children.append(
            f"Child('child{k}', [sys.executable, '-c', {source!r}], final_codes={final_codes}, "
            f"ready_port={ports.get(k)})"
        )
    script = (
        "import os, sys\nfrom app import log\nlog.configure(json=True)\n"
        "from app.supervisor import Child, Supervisor\n"
        f"sys.exit(Supervisor([{', '.join(children)}], os.environ).run())\n"
    )
    return subprocess.Popen(
        [sys.executable, "-c", script], cwd=ROOT, stderr=subprocess.PIPE, text=True
    )


def pids(tmp_path, k):
    path = tmp_path / f"pids{k}"
    return [int(line) for line in path.read_text().split()] if path.exists() else []


FOREVER = "while True: time.sleep(1)"


def test_a_killed_child_starts_again_and_the_other_is_untouched(tmp_path):
    process = supervise(tmp_path, FOREVER, FOREVER)
    try:
        first = wait_for(lambda: pids(tmp_path, 0), "the first start")[0]
        other = wait_for(lambda: pids(tmp_path, 1), "the other's start")[0]
        os.kill(first, signal.SIGKILL)
        second = wait_for(
            lambda: len(pids(tmp_path, 0)) > 1 and pids(tmp_path, 0)[1], "the restart"
        )
        assert alive(second)
        assert pids(tmp_path, 1) == [other]
    finally:
        process.send_signal(signal.SIGINT)
        _, log = process.communicate(timeout=10)
    assert "The child0 was killed by signal 9" in log
    assert process.returncode == 0


def test_a_child_may_see_more_than_the_others(tmp_path):
    """The web server's arrays are kept at hand; the collector's go back to the system."""
    said = "[sys.executable, '-c', 'import os; print(os.environ[\"TEST_A\"], flush=True)']"
    children = (
        f"Child('plain', {said}, final_codes=frozenset({{0}}))",
        f"Child('own', {said}, environ={{'TEST_A': 'mine'}}, final_codes=frozenset({{0}}))",
    )
    for child, seen in zip(children, ("all", "mine"), strict=True):
        script = (
            "import sys\nfrom app import log\nlog.configure('critical')\n"
            "from app.supervisor import Child, Supervisor\n"
            f"sys.exit(Supervisor([{child}], {{'TEST_A': 'all', 'PATH': '/bin'}}).run())\n"
        )
        done = subprocess.run(
            [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=20
        )
        assert done.stdout.split() == [seen]


def test_ctrl_c_ends_even_a_deaf_child_within_three_seconds(tmp_path):
    deaf = "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + FOREVER
    process = supervise(tmp_path, deaf, FOREVER)
    children = [wait_for(lambda k=k: pids(tmp_path, k), "start")[0] for k in (0, 1)]
    began = time.monotonic()
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=10)
    assert time.monotonic() - began < 3
    assert not any(alive(pid) for pid in children)


def test_what_the_others_were_started_after_ends_last(tmp_path):
    port = free_port()
    listens = f"import socket\ns = socket.create_server(('127.0.0.1', {port}))\n" + FOREVER
    looks = f"""
    import socket
    def end(*_):
        time.sleep(0.2)
        with socket.socket() as probe:
            (p / "found").write_text(str(probe.connect_ex(("127.0.0.1", {port}))))
        sys.exit()
    signal.signal(signal.SIGTERM, end)
    (p / "ready").touch()
    while True: time.sleep(1)
    """
    process = supervise(tmp_path, listens, looks, ready_ports=(port,))
    wait_for((tmp_path / "ready").exists, "the second")
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=10)
    assert (tmp_path / "found").read_text() == "0"
    assert not any(alive(pid) for k in (0, 1) for pid in pids(tmp_path, k))


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's parent-death signal is Linux's")
def test_children_die_with_a_killed_supervisor(tmp_path):
    process = supervise(tmp_path, FOREVER)
    child = wait_for(lambda: pids(tmp_path, 0), "start")[0]
    process.kill()
    process.communicate()
    wait_for(lambda: not alive(child), "the child's end")


def test_an_exit_code_that_no_restart_mends_ends_the_run(tmp_path):
    process = supervise(tmp_path, "sys.exit(2)", FOREVER)
    process.communicate(timeout=20)
    assert process.returncode == 2
    assert len(pids(tmp_path, 0)) == 1
    assert not any(alive(pid) for pid in pids(tmp_path, 1))


def test_a_port_in_use_is_one_sentence():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ServerError, match=f"Port {port} on 127.0.0.1 cannot be used"):
            check_port("127.0.0.1", port)
    check_port("127.0.0.1", port)


def test_gunicorn_listens_where_asked():
    settings = Settings.model_validate({"web": {"host": "::1", "port": 8051, "workers": 3}})
    command = gunicorn_command(settings)
    assert "--bind=[::1]:8051" in command
    assert "--workers=3" in command
    assert "--worker-class=app.web.worker.LeavingWorker" in command
