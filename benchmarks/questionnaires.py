"""What is asked in the made-up year: five questionnaires, two of them in a second version.

Law: data only: Definitions, and how people answer each question of them. Nothing of calls, time or databases.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import accumulate

from ivr.survey.definition import Definition, QuestionDef, QuotaDef, Value

BOTH = {"refused": "*", "dont_know": "0"}


@dataclass(frozen=True)
class Habit:
    """How one question is answered."""

    question: QuestionDef
    weights: tuple[float, ...] = ()  # of its values, before any drift
    break_off: float = 0.008  # share of the callers who hang up in it
    missing: float = 0.02  # share of answers without a value, where the question allows it
    asked: float = 1.0  # share of the callers whom its condition meets
    cumulative: tuple[float, ...] = field(default=())

    def ready(self) -> Habit:
        total = sum(self.weights) or 1.0
        return replace(self, cumulative=tuple(accumulate(weight / total for weight in self.weights)))


@dataclass(frozen=True)
class Questionnaire:
    definition: Definition
    habits: tuple[Habit, ...]
    flow: str
    share: float  # of the launches


def _labels(zh: str, en: str) -> dict[str, str]:
    return {"zh": zh, "en": en}


def _options(**labels: str) -> tuple[Value, ...]:
    return tuple(
        Value(value, str(key), _labels(*text.split("|"))) for key, (value, text) in enumerate(labels.items(), 1)
    )


def _scale(ident: str, zh: str, en: str, low: int, high: int, measure: str = "", **more: object) -> QuestionDef:
    steps = tuple(Value(step, str(step)) for step in range(low, high + 1))
    question = QuestionDef(ident, "scale", _labels(zh, en), measure=measure, values=steps, low=low, high=high)
    return replace(question, **more)  # type: ignore[arg-type]


YES_NO = _options(yes="是|yes", no="否|no")
PRODUCTS = {"tv": ("电视机", "television"), "radio": ("收音机", "radio"), "fridge": ("冰箱", "refrigerator")}
REASONS = _options(
    price="价格|price",
    waiting="等待时间|waiting time",
    staff="工作人员|staff",
    quality="质量|quality",
    other="其他|something else",
)
CHANNELS = _options(phone="电话|phone", web="网站|website", shop="门店|shop", app="应用|app")

CSAT5 = (0.05, 0.07, 0.15, 0.33, 0.40)
NPS11 = (0.03, 0.01, 0.02, 0.02, 0.03, 0.07, 0.07, 0.13, 0.20, 0.17, 0.25)
CES7 = (0.04, 0.05, 0.08, 0.13, 0.22, 0.28, 0.20)


def _aftercare() -> tuple[Habit, ...]:
    return (
        Habit(_scale("overall", "您对本次维修满意吗？", "How satisfied are you?", 1, 5, "csat", missing=BOTH), CSAT5),
        Habit(QuestionDef("solved", "yes_no", _labels("问题解决了吗？", "Is it solved?"), values=YES_NO), (0.82, 0.18)),
        Habit(
            QuestionDef("reason", "choice", _labels("主要原因？", "The main reason?"), values=REASONS, missing=BOTH),
            (0.2, 0.3, 0.2, 0.25, 0.05),
            0.012,
            0.06,
            0.35,
        ),
        Habit(
            QuestionDef(
                "wishes",
                "multiple",
                _labels("您希望改进什么？", "What should be better?"),
                {"en": "Wishes", "zh": "愿望"},
                values=REASONS,
                choose=(1, 3),
                missing=BOTH,
            ),
            (0.3, 0.4, 0.2, 0.3, 0.1),
            0.03,
            0.05,
        ),
        Habit(
            QuestionDef(
                "channels", "ranking", _labels("按偏好排序", "Rank how to reach us"), values=CHANNELS, choose=(2, 2)
            ),
            (0.5, 0.2, 0.1, 0.2),
            0.035,
        ),
        *(
            Habit(
                _scale(
                    f"rating_{item}",
                    f"{zh}怎么样？",
                    f"How do you like your {en}?",
                    1,
                    5,
                    section="products",
                    item=item,
                    base="rating",
                ),
                CSAT5,
                asked=0.6,
            )
            for item, (zh, en) in PRODUCTS.items()
        ),
        Habit(
            _scale("recommend", "您会推荐我们吗？", "Would you recommend us?", 0, 10, "nps", missing=BOTH), NPS11, 0.015
        ),
        Habit(QuestionDef("visits", "number", _labels("来了几次？", "How many visits?"), low=0, high=30), (), 0.02),
    )


def _short() -> tuple[Habit, ...]:
    return (
        Habit(_scale("score", "请打分。", "Please give a score.", 1, 5, "csat", missing={"refused": "*"}), CSAT5, 0.02),
        Habit(_scale("effort", "容易吗？", "How easy was it?", 1, 7, "ces"), CES7, 0.02),
        Habit(QuestionDef("solved", "yes_no", _labels("解决了吗？", "Solved?"), values=YES_NO), (0.8, 0.2)),
        Habit(
            QuestionDef("again", "yes_no", _labels("还会来电吗？", "Will you call again?"), values=YES_NO), (0.4, 0.6)
        ),
    )


def _delivery() -> tuple[Habit, ...]:
    return (
        Habit(QuestionDef("order", "code", _labels("请输入订单号。", "Enter your order number.")), (), 0.03),
        Habit(QuestionDef("day", "date", _labels("哪一天送到？", "When did it arrive?"), low="2025-01-01"), (), 0.03),
        Habit(QuestionDef("on_time", "yes_no", _labels("准时吗？", "On time?"), values=YES_NO), (0.87, 0.13)),
        Habit(
            QuestionDef(
                "paid", "amount", _labels("付了多少？", "What did you pay?"), low=0, high=9999, decimals=2, missing=BOTH
            ),
            (),
            0.03,
            0.12,
        ),
        Habit(QuestionDef("damaged", "yes_no", _labels("有损坏吗？", "Anything broken?"), values=YES_NO), (0.04, 0.96)),
        Habit(_scale("driver", "快递员怎么样？", "How was the driver?", 1, 5, "csat", missing=BOTH), CSAT5),
        Habit(_scale("recommend", "您会推荐我们吗？", "Would you recommend us?", 0, 10, "nps"), NPS11),
        Habit(QuestionDef("words", "voice", _labels("请留言。", "Tell us in your own words.")), (), 0.05, asked=0.25),
    )


def _staff() -> tuple[Habit, ...]:
    subjects = ("friendly", "competent", "quick", "clear", "patient", "honest", "helpful", "reachable")
    return tuple(
        Habit(
            _scale(
                subject,
                f"第{n}项，请打分。",
                f"How {subject} were we?",
                1,
                5,
                direction="down" if n % 4 == 0 else "up",
                missing=BOTH,
            ),
            CSAT5[::-1] if n % 4 == 0 else CSAT5,
            0.006 + 0.002 * n,
        )
        for n, subject in enumerate(subjects, 1)
    )


def _annual() -> tuple[Habit, ...]:
    return (*_aftercare(), *_delivery()[2:6])


def _made(
    name: str, title: str, habits: tuple[Habit, ...], flow: str, share: float, version: str = "1"
) -> Questionnaire:
    questions = tuple(habit.question for habit in habits)
    quotas = (QuotaDef("all", "", 100_000),) if name == "annual" else ()
    definition = Definition(name, title, ("zh", "en"), questions, version, quotas, keep_days=730)
    return Questionnaire(definition, tuple(habit.ready() for habit in habits), flow, share)


def questionnaires() -> tuple[Questionnaire, ...]:
    """The same ones each time."""
    older = tuple(habit for habit in _aftercare() if habit.question.id != "visits")
    return (
        _made("aftercare", "Follow-up on a repair visit", older, "repairs", 0.15),
        _made("aftercare", "Follow-up on a repair visit", _aftercare(), "repairs", 0.25, "2"),
        _made("service", "After the hotline", _short(), "hotline", 0.2),
        _made("delivery", "How it was delivered", _delivery(), "delivery", 0.2),
        _made("staff", "Our people", _staff(), "hotline", 0.1),
        _made("annual", "The yearly questionnaire", _annual(), "yearly", 0.1),
    )
