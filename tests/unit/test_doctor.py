"""The doctor: what it says about each thing that can be wrong, against ports that really answer."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from ivr.cli.doctor import command
from ivr.ops.config import ConfigError, load_config
from ivr.ops.control import ask
from ivr.ops.doctor import BAD, MODULES, OK, WARN, examine
from ivr.store.upgrade import upgrade

FLOW = "flow: f\nlanguages: [en]\nstart: bye\nsteps:\n  bye: {say: {en: Bye.}, hang_up: true}\n"
GREETING = b"Content-Type: auth/request\n\n"
GOOD = {"version": "FreeSWITCH Version 1.10.12-release", **{f"module_exists {m}": "true" for m in MODULES}}


@contextlib.contextmanager
def listening(talk: Callable[[socket.socket], None], host: str = "127.0.0.1") -> Iterator[int]:
    """A port on which ``talk`` has each connection, one after the other."""
    server = socket.create_server((host, 0))

    def run() -> None:
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            with connection, contextlib.suppress(OSError):
                connection.settimeout(5)
                talk(connection)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield server.getsockname()[1]
    finally:
        server.shutdown(socket.SHUT_RDWR)
        server.close()
        thread.join()


def freeswitch(password: str, replies: dict[str, str]) -> Callable[[socket.socket], None]:
    def talk(connection: socket.socket) -> None:
        connection.sendall(GREETING)
        lines = connection.makefile("rb")
        for line in lines:
            text = line.decode().strip()
            if text.startswith("auth "):
                ok = text == f"auth {password}"
                word = b"+OK accepted" if ok else b"-ERR invalid"
                connection.sendall(b"Content-Type: command/reply\nReply-Text: " + word + b"\n\n")
                if not ok:
                    return
            elif text.startswith("api "):
                body = replies.get(text[4:], "false").encode()
                connection.sendall(b"Content-Type: api/response\nContent-Length: %d\n\n%b" % (len(body), body))
            elif text == "exit":
                return

    return talk


def project(folder: Path, settings: str = "", flow: str = FLOW) -> None:
    (folder / "flows").mkdir()
    (folder / "flows" / "f.yaml").write_text(flow)
    (folder / "callweave.yaml").write_text("listen: 127.0.0.1:0\n" + settings)


def findings(folder: Path, **options: bool) -> dict[str, list[tuple[str, str, str]]]:
    found: dict[str, list[tuple[str, str, str]]] = {}
    for f in examine(load_config(folder / "callweave.yaml", {}), **options):
        assert f.state == OK or f.todo, f
        found.setdefault(f.name, []).append((f.state, f.what, f.todo))
    return found


def test_a_project_that_only_wants_its_prompts_and_a_switch(tmp_path):
    project(tmp_path, "flows: {default: f}\nfreeswitch: {port: 1}\n")
    found = findings(tmp_path)
    assert {name: rows[0][0] for name, rows in found.items()} == {
        "python": OK,
        "speech": OK,
        "settings": OK,
        "flows": OK,
        "prompts": BAD,
        "folders": OK,
        "database": OK,
        "port": OK,
        "freeswitch": WARN,
    }
    assert found["prompts"][0][2] == "ivr prompts build"
    assert findings(tmp_path, strict=True)["freeswitch"][0][0] == BAD


FLOWS = [
    ("flows: {default: g}\n", FLOW, 'calls are routed to "g", which is not there'),
    ("", "flow: f\n", "mistakes in f.yaml"),
    ("flows: {folder: none}\n", FLOW, "no flow in"),
]


@pytest.mark.parametrize(("settings", "flow", "said"), FLOWS)
def test_flows(tmp_path, settings, flow, said):
    project(tmp_path, settings, flow)
    state, what, _ = findings(tmp_path)["flows"][0]
    assert (state, said in what) == (BAD, True)


def test_settings_that_cannot_be_read_are_the_first_thing_to_mend(tmp_path):
    (tmp_path / "callweave.yaml").write_text("listn: 1\nmax_calls: x\n")
    with pytest.raises(ConfigError) as caught:
        load_config(tmp_path / "callweave.yaml", {})
    found = [f for f in examine(caught.value) if f.name == "settings"]
    assert [f.state for f in found] == [BAD, BAD]
    assert found[0].todo == 'did you mean "listen"?'


def test_database(tmp_path):
    project(tmp_path)
    upgrade(f"sqlite:///{tmp_path}/callweave.db")
    assert "schema up to date" in findings(tmp_path)["database"][0][1]
    (tmp_path / "callweave.db").write_bytes(b"no database at all" * 100)
    state, what, _ = findings(tmp_path)["database"][0]
    assert (state, "does not answer: file is not a database" in what) == (BAD, True)
    (tmp_path / "callweave.db").write_bytes(b"")
    assert findings(tmp_path)["database"][0][2] == "ivr db upgrade"
    (tmp_path / "callweave.yaml").write_text("listen: 127.0.0.1:0\ndatabase: postgresql://u:secret@127.0.0.1:1/d\n")
    state, what, _ = findings(tmp_path)["database"][0]
    assert (state, "secret" in what) == (BAD, False)


def test_port_taken_by_us_by_another_and_impossible(tmp_path):
    project(tmp_path)
    with (
        listening(lambda c: c.sendall(b"connect\n\n")) as ours,
        listening(lambda c: c.sendall(b"220 hi\r\n")) as theirs,
    ):
        for port, state in ((ours, OK), (theirs, BAD)):
            (tmp_path / "callweave.yaml").write_text(f"listen: 127.0.0.1:{port}\n")
            assert findings(tmp_path)["port"][0][0] == state
    (tmp_path / "callweave.yaml").write_text("listen: 192.0.2.77:8084\n")
    assert "cannot be bound" in findings(tmp_path)["port"][0][1]


@pytest.mark.parametrize(
    ("settings", "state"),
    [
        ("", BAD),
        ("allow: [10.0.0.0/8]\n", WARN),
        (f"allow: [10.0.0.0/8]\nsecret: {'s' * 16}\n", OK),
    ],
)
def test_a_port_that_others_reach(tmp_path, settings, state):
    project(tmp_path)
    (tmp_path / "callweave.yaml").write_text("listen: 0.0.0.0:0\n" + settings)
    assert findings(tmp_path)["access"][0][0] == state


SWITCHES = [
    # password there, password here, replies, states, said
    ("ClueCon", "", GOOD, [BAD, OK], "has the default password"),
    ("ClueCon", "ClueCon", GOOD, [BAD, OK], "has the default password"),
    ("good-one", "", GOOD, [WARN], "its password is not in callweave.yaml"),
    ("good-one", "good-one", GOOD, [OK], "1.10.12 on 127.0.0.1"),
    ("good-one", "bad-one", GOOD, [BAD], "has another password"),
    ("good-one", "good-one", {**GOOD, "version": "FreeSWITCH Version 1.10.6-x"}, [WARN, OK], "has known holes"),
    ("good-one", "good-one", {**GOOD, "module_exists mod_sndfile": "false"}, [BAD], "mod_sndfile is not loaded"),
    ("good-one", "good-one", {**GOOD, "version": "?"}, [OK], "?"),
]


@pytest.mark.parametrize(("theirs", "ours", "replies", "states", "said"), SWITCHES)
def test_freeswitch(tmp_path, theirs, ours, replies, states, said):
    project(tmp_path)
    with listening(freeswitch(theirs, replies)) as port:
        password = f", password: {ours}" if ours else ""
        (tmp_path / "callweave.yaml").write_text(f"freeswitch: {{port: {port}{password}}}\n")
        found = findings(tmp_path)["freeswitch"]
    assert [state for state, _, _ in found] == states
    assert said in found[0][1]


def test_a_control_socket_open_to_the_network(tmp_path):
    project(tmp_path)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            pytest.skip("this machine has no network address")
        if probe.getsockname()[0].startswith("127."):
            pytest.skip("this machine has no network address")
    with listening(freeswitch("good-one", GOOD), "0.0.0.0") as port:
        (tmp_path / "callweave.yaml").write_text(f"freeswitch: {{port: {port}, password: good-one}}\n")
        assert "is open on" in findings(tmp_path)["freeswitch"][0][1]
        assert findings(tmp_path, remote_control=True)["freeswitch"][0][0] == OK


ODD = [
    (b"", "closed"),
    (b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n", "closed"),
    (b"Content-Type: text/rude-rejection\nContent-Length: 24\n\nAccess Denied, go away.\n", "rejected"),
    (GREETING + b"Content-Type: text/disconnect-notice\nContent-Length: 3\n\nbye", "closed"),
    (b"\x00" * 5000, "closed"),
]


@pytest.mark.parametrize(("said", "state"), ODD)
def test_what_is_no_freeswitch_is_named(said, state):
    with listening(lambda c: c.sendall(said)) as port:
        assert ask("127.0.0.1", port, "x", ["version"], 2).state == state


def test_silence_ends():
    gone = threading.Event()
    with listening(lambda c: (gone.wait(5), None)[1]) as port:
        assert ask("127.0.0.1", port, "x", ["version"], 0.2).state == "silent"
        gone.set()


def test_command(tmp_path, monkeypatch):
    project(tmp_path, "freeswitch: {port: 1}\n")
    monkeypatch.chdir(tmp_path)
    shown = CliRunner().invoke(command, [])
    assert shown.exit_code == 1
    assert "✗ prompts" in shown.output
    assert "→ ivr prompts build" in shown.output
    listed = CliRunner().invoke(command, ["--format", "json"])
    assert {row["name"] for row in json.loads(listed.output)} > {"python", "database"}
    (tmp_path / "callweave.yaml").write_text("listn: 1\n")
    assert CliRunner().invoke(command, []).exit_code == 1
