"""The people of the demo's campaigns: who is on the lists, what they and their telephones do, what has to come of it.

Law: data and pure functions. The last digits of a number say what its owner does, so that the network, the person and
the one who checks the books agree without having met.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from ivr.hosts.caller import Action, HangsUp, Hears, Press, Speak
from ivr.hosts.switch.exchange import Party

#: Kinds repeat after so many people.
ROUND = 20
#: How many of them hang up before a word is said: with more of them a dialler rests the gateway, as it should.
MOST_GONE = 3
ZONE = ZoneInfo("Asia/Shanghai")


@dataclass(frozen=True)
class Kind:
    """``outcome``: of the attempt. ``came``: what the person wanted, in a word; "" where nobody asked them.

    ``party.talk_ms`` None: whoever answers follows ``does``.
    """

    outcome: str
    party: Party
    does: tuple[Action, ...] = ()
    came: str = ""


@dataclass(frozen=True)
class Crowd:
    """The people of one campaign. ``asked``: the question that tells what they wanted, and its values in words."""

    file: str  # of campaigns/
    campaign: str
    list_name: str
    prefix: str  # of their numbers, before n
    header: tuple[str, ...]
    cells: Callable[[int], tuple[str, ...]]  # of person n, without number and name
    kinds: tuple[Kind, ...]
    asked: str
    words: dict[str, str]
    per_second: float  # of the demo's own copy
    at_once: int
    unwanted: int = 0  # so many wrote a letter, and stand on the do-not-call list

    def number(self, n: int) -> str:
        return f"{self.prefix}{n:05}"

    def numbers(self, people: int) -> list[str]:
        return [self.number(n) for n in range(people)]

    def wrote(self, people: int) -> list[str]:
        """Those who asked by letter not to be called."""
        return self.numbers(people)[people - self.unwanted :] if self.unwanted else []

    def kind(self, digits: str) -> Kind:
        last = int(digits[-5:])
        kind = self.kinds[last % ROUND]
        return self.kinds[0] if kind is GONE and last >= ROUND * MOST_GONE else kind

    def expected(self, people: int) -> Counter[str]:
        called = self.numbers(people)[: people - self.unwanted]
        return Counter(self.kind(number).outcome for number in called)

    def wishes(self, people: int) -> Counter[str]:
        called = self.numbers(people)[: people - self.unwanted]
        return Counter(came for number in called if (came := self.kind(number).came))


def _answers(*does: Action, outcome: str = "answered", came: str = "") -> Kind:
    return Kind(outcome, Party("answers", 2000, None), does, came)


GONE = Kind("short", Party("answers", 2000, 1500))
BUSY, RINGS_OUT = Kind("busy", Party("busy", 1000)), Kind("no_answer", Party("no_answer"))
NO_NUMBER, REFUSES = Kind("invalid", Party("invalid", 500)), Kind("rejected", Party("rejected", 1500))
NO_WAY = Kind("congestion", Party("congestion", 200))


def callback_time(now: datetime | None = None) -> str:
    """Four digits for "when may we call you": within the hours that the flow takes, and not while the demo runs."""
    hour = (now or datetime.now(ZONE)).astimezone(ZONE).hour
    return "1700" if 10 <= hour < 14 else "1200"


def _chooses(*more: Action, came: str, outcome: str = "answered") -> Kind:
    begin = (Hears("appointment_hello"), Press("1"), Hears("appointment_choose"))
    return _answers(*begin, *more, outcome=outcome, came=came)


_CONFIRMS = _chooses(Press("1"), Hears("appointment_confirmed"), came="confirmed")
_CANCELS = _chooses(Press("3"), Hears("appointment_cancelled"), came="cancelled")
_STOPS = _chooses(Press("9"), Hears("appointment_no_more"), came="no more calls", outcome="opted_out")
#: As a machine does: by that it is known in this campaign.
_PRESSES_NOTHING = _answers(outcome="machine")
_MOVES = _chooses(
    Press("2"),
    Hears("appointment_ask_time"),
    Press(callback_time()),
    Hears("appointment_confirm_time"),
    Press("1"),
    Hears("appointment_will_call"),
    came="moved",
)


def _day(n: int) -> tuple[str, ...]:
    tomorrow = (date.today() + timedelta(days=1)).isoformat()
    return "zh" if n % 2 else "en", f"form-{n}", tomorrow, f"{9 + n % 9:02}:30"


APPOINTMENTS = Crowd(
    file="appointment-reminder.yaml",
    campaign="appointment_reminder",
    list_name="appointments",
    prefix="138001",
    header=("手机", "姓名", "language", "consent", "appointment_date", "appointment_time"),
    cells=_day,
    kinds=(
        *(*[_CONFIRMS] * 8, *[_MOVES] * 2, _CANCELS, _STOPS, _PRESSES_NOTHING),
        *(BUSY, BUSY, RINGS_OUT, NO_NUMBER, REFUSES, NO_WAY, GONE),
    ),
    asked="choose",
    words={"1": "confirmed", "2": "moved", "3": "cancelled", "9": "no more calls"},
    per_second=15,
    at_once=80,
)

_HELLO = Speak(600)


def _rates(overall: str, *rest: Action) -> Kind:
    return _answers(_HELLO, Hears("几个问题"), Hears("总体满意"), Press(overall), *rest, came=f"gave {overall}")


def _to_the_end(visits: str, recommend: str) -> tuple[Action, ...]:
    asked = (Hears("一共上门几次"), Press(f"{visits}#"), Hears("您输入的是"), Press("1"))
    return *asked, Hears("推荐我们"), Press(f"{recommend}#"), Hears("再见")


_HAPPY = _rates("5", *_to_the_end("1", "10"))
_CONTENT = _rates("4", *_to_the_end("2", "8"))
_CROSS = _rates("2", Hears("什么原因"), Press("2"), *_to_the_end("3", "1"))
_IN_A_HURRY = _rates("3", Hears("一共上门几次"), HangsUp())
_SAYS_NOTHING = _answers()
_MACHINE = _answers(Speak(9000), outcome="machine")


def _region(n: int) -> tuple[str, ...]:
    return "zh", f"form-{n}", ("north", "south", "east", "west")[n % 4]


REPAIRS = Crowd(
    file="aftercare-survey.yaml",
    campaign="aftercare_survey",
    list_name="repairs",
    prefix="139002",
    header=("联系电话", "客户姓名", "language", "consent", "customer.region"),
    cells=_region,
    kinds=(
        *(*[_HAPPY] * 4, *[_CONTENT] * 3, *[_CROSS] * 2, _IN_A_HURRY, _SAYS_NOTHING, _MACHINE),
        *(BUSY, BUSY, RINGS_OUT, RINGS_OUT, NO_NUMBER, REFUSES, NO_WAY, GONE),
    ),
    asked="overall",
    words={score: f"gave {score}" for score in "12345"},
    per_second=15,
    at_once=80,
    unwanted=4,
)
CROWDS = (APPOINTMENTS, REPAIRS)


def crowd_of(digits: str) -> Crowd:
    """Whose list the called number is on."""
    return next(crowd for crowd in CROWDS if crowd.prefix in digits)


def spreadsheet(crowd: Crowd, people: int) -> list[Sequence[str]]:
    """As people send it: three rows cannot be taken."""
    rows: list[Sequence[str]] = [crowd.header]
    for n, number in enumerate(crowd.numbers(people)):
        spelt = number if n % 3 else f"+86 {number[:3]} {number[3:7]} {number[7:]}"
        rows.append([spelt, f"张{n}", *crowd.cells(n)])
    for number, name in (("110", "急救"), ("12345", "短"), (crowd.number(0), "又一次")):
        rows.append([number, name, *crowd.cells(0)])
    return rows
