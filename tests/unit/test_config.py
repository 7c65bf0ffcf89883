"""Settings: what is read, where routing leads, and what each mistake says."""

from __future__ import annotations

from pathlib import Path

import pytest

from ivr.ops.config import ConfigError, load_config
from ivr.ops.values import bad_dial_string

EXAMPLE = Path(__file__).resolve().parents[2] / "callweave.yaml"


def load(folder: Path, text: str | bytes, **environment: str):
    path = folder / "callweave.yaml"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return load_config(path, environment)


def test_the_example_is_right_and_says_the_defaults(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    example, default = load_config(EXAMPLE, {}), load_config(None, {})
    assert default.file is None
    assert default.root == tmp_path
    for name in ("listen", "allow", "max_calls", "linger_s", "log_level", "log_numbers", "dialplan", "freeswitch"):
        assert getattr(example, name) == getattr(default, name), name
    assert example.routing.flow("", "4000") == "hotline"
    assert default.database == f"sqlite:///{tmp_path}/callweave.db"


def test_found_upward_and_by_the_environment(tmp_path, monkeypatch):
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "callweave.yaml").write_text("max_calls: 7\nspool: s\n")
    (tmp_path / "other.yaml").write_text("max_calls: 8\n")
    monkeypatch.chdir(tmp_path / "a" / "b")
    assert load_config(None, {}).max_calls == 7
    assert load_config(None, {}).spool == tmp_path / "s"
    assert load_config(None, {"CALLWEAVE_CONFIG": str(tmp_path / "other.yaml")}).max_calls == 8
    assert load_config(None, {"CALLWEAVE_DB": "sqlite:///x.db"}).database == "sqlite:///x.db"


def test_voices(tmp_path):
    voices = load(tmp_path, "prompts: {voices: {zh: {voice: cmn, rate: 200}, en: {command: [say, it]}}}").prompts.voices
    assert (voices["zh"].name, voices["zh"].rate, voices["en"].command) == ("cmn", 200, ("say", "it"))


def test_an_empty_file_is_all_defaults(tmp_path):
    assert load(tmp_path, "").max_calls == 1000
    assert load(tmp_path, "# nothing\n").linger_s == 10


ROUTES = [
    ("", "4000", "exact"),
    ("", "4001", "forty"),
    ("", "86123", "china"),
    ("", "8", "fallback"),
    ("/support", "4000", "by_path"),
    ("support", "1", "by_path"),
    ("elsewhere", "4000", "exact"),
    ("", "40*", "forty"),  # a called number that looks like a prefix of ours is a number
    ("", "", "fallback"),
]


@pytest.mark.parametrize(("path", "called", "flow"), ROUTES)
def test_routing(tmp_path, path, called, flow):
    config = load(
        tmp_path,
        'flows: {default: fallback, paths: {/support: by_path}, numbers: {4000: exact, "40*": forty, "8*6": no,'
        ' "86*": china}}',
    )
    assert config.routing.flow(path, called) == flow


def test_files_of_flows_and_what_the_switch_sees(tmp_path):
    config = load(tmp_path, "switch_root: /srv/ivr/\nflows: {default: surveys/csat.yaml}\n")
    assert config.flow_file("hotline") == tmp_path / "flows" / "hotline.yaml"
    assert config.flow_file("surveys/csat.yaml") == tmp_path / "surveys" / "csat.yaml"
    assert config.switch_path(config.prompts.build / "8000" / "a.wav") == "/srv/ivr/build/prompts/8000/a.wav"
    assert config.switch_path(Path("/elsewhere/a.wav")) == "/elsewhere/a.wav"


@pytest.mark.parametrize(
    ("settings", "folder", "said"),
    [
        ("", "plain", ""),
        ("", "中文", ""),
        ("", "my project", "has a space"),
        ("", "it's", "has '"),
        ('prompts: {build: "a b"}', "plain", '/a b" has a space'),
        ('prompts: {build: "a!b"}', "plain", "has !"),
        ('prompts: {build: "a,b"}', "plain", "has ,"),
        ('prompts: {build: "/{x}"}', "plain", "has {"),
        ('prompts: {build: "/x@@1"}', "plain", "has @@"),
        ("recordings: $${HOME}", "plain", "has $"),
        ("recordings: 'a\"b'", "plain", 'has "'),
        ("recordings: 'a\\b'", "plain", "has \\"),
        ("switch_root: /srv/ivr", "my project", ""),
        ("switch_root: /srv/ivr\nrecordings: /var/lib/my ivr", "plain", "has a space"),
    ],
)
def test_folders_that_the_switch_would_misread(tmp_path, settings, folder, said):
    """Flows can be written in such a folder; calls cannot be taken there."""
    (tmp_path / folder).mkdir()
    wrong = load(tmp_path / folder, settings).unfit_for_switch()
    assert bool(wrong) is bool(said)
    for mistake in wrong:
        assert mistake.key in ("prompts.build", "recordings")
        assert said in str(mistake)
        assert "callweave.yaml: " + mistake.key in str(mistake)
        assert f"`{mistake.key}`" in mistake.hint


@pytest.mark.parametrize(
    ("allow", "peer", "yes"),
    [
        ("", "127.0.0.1", True),
        ("", "127.8.8.8", True),
        ("", "::1", True),
        ("", "::ffff:127.0.0.1", True),
        ("", "10.0.0.1", False),
        ("", "not an address", False),
        ("allow: 10.0.0.0/24", "10.0.0.9", True),
        ("allow: [10.0.0.5, 'fd00::/8']", "fd00::1%eth0", True),
        ("allow: [10.0.0.5]", "127.0.0.1", False),
    ],
)
def test_allowed_peers(tmp_path, allow, peer, yes):
    assert load(tmp_path, allow).allowed(peer) is yes


def test_secrets_come_from_the_environment_and_are_not_shown(tmp_path):
    text = "secret: $SECRET\nfreeswitch: {password: $PW}\ndatabase: $DB\n"
    config = load(tmp_path, text, SECRET="s" * 16, PW="pw-pw-pw", DB="postgresql+psycopg://u:hidden@h/d")
    assert (config.secret, config.freeswitch.password) == ("s" * 16, "pw-pw-pw")
    shown = repr(config)
    assert not [word for word in ("s" * 16, "pw-pw-pw", "hidden") if word in shown]


def test_how_answers_are_kept(tmp_path):
    told = "data: {zone: Asia/Kathmandu, keep: 400d, pseudonym_key: keys/p}"
    data = load(tmp_path, told).data
    assert (data.zone, data.keep_days, data.pseudonym_key) == ("Asia/Kathmandu", 400, tmp_path / "keys" / "p")
    assert load(tmp_path, told, CALLWEAVE_PSEUDONYM_KEY="/k").data.pseudonym_key == Path("/k")
    assert (load(tmp_path, "").data.zone, load(tmp_path, "").data.keep_days) == ("", 0)


MISTAKES = {
    "unknown key": ("max_call: 3", '1:1: max_call: is no setting; did you mean "max_calls"?'),
    "unknown inner key": ("log: {levle: info}", '1:7: log.levle: is no setting; did you mean "level"?'),
    "duplicate key": ("listen: a:1\nlisten: b:2", "2:1: listen: stands here and in line 1; keep one of them"),
    "no port": ("listen: localhost", '1:9: listen: "localhost" has no port from 0 to 65535; write host:port'),
    "port too high": ("listen: a:70000", "has no port from 0 to 65535"),
    "rate": ("prompts:\n  rate: 8001", '2:9: prompts.rate: "8001" is not known; write one of: 8000, 16000'),
    "whole number": ("max_calls: many", '"many" does not fit; write a whole number from 1 to 100000'),
    "other digits": ("max_calls: ١٢", "does not fit"),
    "a zone": ("data: {zone: Mars}", '1:14: data.zone: "Mars" is no time zone of this machine; write a zone like'),
    "days": ("data: {keep: 1y}", '1:14: data.keep: "1y" is no number of days; write days, like 400d'),
    "no value": ("linger_s:", "1:10: linger_s: has no value; write one, or delete the line for the default"),
    "a list for one value": ("spool: [a, b]", "spool: is one value, not a list or a table"),
    "a text for a table": ("flows: hotline", 'flows: is not a table of keys; write it as "key: value" lines'),
    "dial string": ("destinations:\n  a: '{x=1}user/1'", "2:6: destinations.a: may not set or use switch variables"),
    "network": ("allow: [10.0.0.0/99]", '"10.0.0.0/99" is no address or network'),
    "short secret": ("secret: short", "secret: cannot be a shared secret; 16 to 128 letters and digits"),
    "environment": ("secret: $NOT_SET", "names the environment variable NOT_SET, which is not set"),
    "database": ("database: mysql://root:pw@h/d", "database: is no database that Callweave knows"),
    "flow name": ("flows: {default: '../x'}", '"../x" is no name of a flow'),
    "called number": ("flows: {numbers: {abc: x}}", "flows.numbers.abc: is no number; write digits, or a prefix"),
    "socket path": ("flows: {paths: {'a b': x}}", "is no socket path; letters, digits, - _ / only"),
    "tab": ("flows:\n\tdefault: x", "2:1: is not YAML"),
    "not YAML": ("a: [", "is not YAML"),
    "not UTF-8": (b"a: 1\nb: \xff", "2:1: is not UTF-8 text; save the file as UTF-8"),
    "control character": (b"a: \x01", "is not YAML"),
    "not a mapping": ("- 1", "is not a table of keys"),
    "key that is no word": ("? [a]\n: b", "has a key that is not a word"),
    "voice": ("prompts: {voices: {zh: {rate: fast}}}", "prompts.voices: cannot be used: voices.zh.rate: fast is not"),
    "voices in a list": ("prompts: {voices: [zh]}", "prompts.voices: is not a table of keys"),
    "worker": ("dialplan: {workers: ['[::1]:8084']}", "dialplan.workers: is IPv6, which `socket` cannot name"),
    "sound": ("dialplan: {apology: '../../etc/passwd'}", "dialplan.apology: is no sound file and no tone"),
    "switch_root": ("switch_root: 'C:\\x'", "is no absolute path"),
}


@pytest.mark.parametrize("case", MISTAKES)
def test_mistakes_name_the_place_the_key_and_the_way_out(tmp_path, case):
    text, said = MISTAKES[case]
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, text)
    assert said in str(caught.value)
    assert "root:pw" not in str(caught.value)


def test_all_mistakes_at_once_in_the_order_of_the_file(tmp_path):
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, "wrong: 1\nlinger_s: x\nlog: {level: loud}\n")
    assert [m.line for m in caught.value.mistakes] == [1, 2, 3]


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(ConfigError, match="cannot be read"):
        load_config(tmp_path / "callweave.yaml", {})


@pytest.mark.parametrize(
    ("value", "good"),
    [
        ("user/1000", True),
        ("sofia/gateway/out/+8613800138000", True),
        ("sofia/internal/1000%10.0.0.5:5060;transport=tcp", True),
        ("[leg=1]user/1", False),
        ("user/1,user/2", False),
        ("user/1|user/2", False),
        ("user/${x}", False),
        ("user/$x", False),
        ("user/1 inline", False),
        ("user/1\nhangup", False),
        ("user/1&park()", False),
        ("^^:a:b", False),
        ("loopback/app=system:reboot", False),
        ("", False),
        ("user/" + "1" * 300, False),
        ("user/用户", False),
    ],
)
def test_rows_107_108_dial_strings(value, good):
    assert (bad_dial_string(value) == "") is good
