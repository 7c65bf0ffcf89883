"""How long `ivr check` takes on a 5,000-line flow, against the bare YAML load of the same file.

python benchmarks/check_speed.py            prints both times and their ratio; exit status 1 above 3
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import yaml

from ivr.lang import expr, template
from ivr.lang.check import check_file

LINES = 5000
LIMIT = 3.0

HEAD = """\
flow: large
title: A large flow
languages: [zh, en]
facts: [caller.vip]
variables: {attempts: 0}
destinations: {operator: user/1000}
digits: {first: 5s, between: 2.5s, tries: 3, give_up: last}
error: last

steps:
"""

#: Steps as people write them; {n} is this one, {m} the next one.
STEPS = (
    """\
  step_{n}:                               # a menu of department {n}
    menu:
      zh: "查询{n}号订单请按1，投诉请按2，转人工请按0。"
      en: "For order {n} press 1, for a complaint press 2, or 0."
    keys:
      1: step_{m}
      2: {{goto: step_{m}, when: caller.vip and attempts < {n}}}
      0: agent
      "*": repeat
    silence:
      - {{zh: "请按键选择。", en: "Please press a key."}}
      - {{zh: "您还在吗？", en: "Are you still there?"}}
    wrong: [{{zh: "没有这个选项。", en: "That is not an option."}}]
""",
    """\
  step_{n}:
    ask: {{zh: "请输入{n}号订单的号码，按井号键结束。", en: "Enter order number {n}, then press hash."}}
    into: number_{n}
    digits: {{length: 6..10, end: "#", first: 8s}}
    confirm:
      zh: "您输入的是{{{{ number_{n} | digits }}}}。确认请按1，重新输入请按2。"
      en: "You entered {{{{ number_{n} | digits }}}}. Press 1 to confirm, 2 to change."
    valid: starts_with(number_{n}, '86') or length(number_{n}) == 6
    next: step_{m}
""",
    """\
  step_{n}:
    set: {{attempts: "{{{{ attempts + 1 }}}}", state: seen_{n}}}
    next: step_{m}
""",
    """\
  step_{n}:
    branch:
      - {{when: attempts > {n}, goto: agent}}
      - when: caller.number in ['95588', '{n}']
        goto: step_{m}
        set: {{attempts: 0}}
      - {{goto: step_{m}}}
""",
    """\
  step_{n}:
    say: {{zh: "正在为您处理第{n}项。", en: "We are dealing with item {n}."}}
    next: step_{m}
""",
)

TAIL = """\
  step_{n}: {{goto: last}}

  agent:
    transfer: operator
    ring: 30s
    next: last
    failed: last

  last:
    say: {{zh: "再见。", en: "Goodbye."}}
    hang_up: true
"""


def flow(lines: int = LINES) -> str:
    """A flow of about ``lines`` lines."""
    parts, count, n = [HEAD], HEAD.count("\n") + TAIL.count("\n"), 0
    while count < lines:
        part = STEPS[n % len(STEPS)].format(n=n, m=n + 1)
        parts.append(part)
        count += part.count("\n")
        n += 1
    return "".join([*parts, TAIL.format(n=n)])


def best(work: Callable[[], object], times: int = 9) -> float:
    """Milliseconds of the quickest of several runs."""
    found = []
    for _ in range(times):
        begin = time.perf_counter()
        work()
        found.append(time.perf_counter() - begin)
    return min(found) * 1000


def check(path: Path) -> None:
    """From nothing: what the process remembers of earlier runs is dropped first."""
    expr.parse.cache_clear()
    template.pieces.cache_clear()
    result = check_file(path)
    if result.program is None:
        raise SystemExit("\n".join(map(str, result.problems[:5])))


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "large.yaml"
        text = flow()
        path.write_text(text, encoding="utf-8")
        command = [sys.executable, "-c", "from ivr.cli.main import main; main()", "check", str(path)]
        load = best(lambda: yaml.load(path.read_bytes(), Loader=yaml.CSafeLoader))
        ours = best(lambda: check(path))
        whole = best(lambda: subprocess.run(command, check=True, stdout=subprocess.DEVNULL), 3)
    ratio = ours / load
    lines = text.count("\n")
    print(f"check of {lines} lines: {ours:.0f} ms; bare load: {load:.0f} ms; ratio {ratio:.2f} (limit {LIMIT:.0f})")
    print(f"whole process, with the start of Python: {whole:.0f} ms")
    return int(ratio > LIMIT)


if __name__ == "__main__":
    raise SystemExit(main())
