"""What forms write in `relevant` and `constraint`, and the conditions it becomes."""

from __future__ import annotations

from decimal import Decimal

import pytest

from ivr.authoring import constraints, xpath
from ivr.authoring.conditions import FUNCTIONS, REWRITTEN, Asked, Conditions, Unfit, parse
from ivr.core import expr as core
from ivr.lang import expr

KNOWN = {
    "age": Asked("age", "number"),
    "pay": Asked("pay", "amount"),
    "sex": Asked("sex", "choice", ("f", "m"), {"99": "refused", "dk": "dont_know"}),
    "band": Asked("band", "choice", ("1", "2", "3")),
    "ok": Asked("ok", "yes_no", ("yes", "no")),
    "used": Asked("used", "multiple", ("web", "app", "none"), {"dk": "dont_know"}),
    "best": Asked("best", "ranking", ("web", "app")),
    "day": Asked("day", "date"),
    "pin": Asked("pin", "code"),
    "said": Asked("said", "voice"),
    "place": Asked("place", ""),
    "member": Asked("member", "number", loop="household"),
    "adult": Asked("adult", "calculate", calculation=xpath.parse("if(${age} >= 18, 'yes', 'no')")),
    "round": Asked("round", "calculate", calculation=xpath.parse("${round} + 1")),
}

GOOD = [
    ("${sex} = 'f'", "sex == 'f'"),
    ("${sex}='f'", "sex == 'f'"),
    ("'f' = ${sex}", "sex == 'f'"),
    ("${sex} != 'f'", "sex != 'f'"),
    ("${sex} = '99'", "sex.missing == 'refused'"),
    ("${sex} = 99", "sex.missing == 'refused'"),
    ("${sex} != 'dk'", "sex.missing != 'dont_know'"),
    ("${band} = 1", "band == '1'"),
    ("${band} >= 2", "number(band) >= 2"),
    ("${band} > '1'", "number(band) > 1"),
    ("selected(${used}, 'web')", "'web' in used"),
    ("selected(${used}, 'dk')", "used.missing == 'dont_know'"),
    ("selected(${sex}, 'm')", "sex == 'm'"),
    ("selected(${ok}, 'yes')", "ok == 'yes'"),
    ("not(selected(${used}, 'web'))", "not 'web' in used"),
    ("selected(${best}, 'app')", "'app' in best"),
    ("${age} > 17 and ${age} < 65", "age > 17 and age < 65"),
    ("${age} > '17'", "age > 17"),
    ("17 < ${age}", "age > 17"),
    ("${age} = '18'", "age == 18"),
    ("${age} = ''", "not answered(age)"),
    ("${age} != ''", "answered(age)"),
    ("'' != ${age}", "answered(age)"),
    ("${age}", "answered(age)"),
    ("${age} = 1 or ${age} = 2 or (${age} = 3 or ${age} = 4)", "age == 1 or age == 2 or age == 3 or age == 4"),
    ("not(${age} >= 18 or ${ok} = 'no')", "not (age >= 18 or ok == 'no')"),
    ("(${age} > 1 or ${age} < 5) and ${ok} = 'yes'", "(age > 1 or age < 5) and ok == 'yes'"),
    ("count-selected(${used}) > 1", "length(used) > 1"),
    ("string-length(${pin}) = 4", "length(pin) == 4"),
    ("starts-with(${pin}, '86')", "starts_with(pin, '86')"),
    ("coalesce(${age}, ${pay}) > 3", "default(age, pay) > 3"),
    ("if(${ok} = 'yes', ${age}, ${pay}) > 3", "(age if ok == 'yes' else pay) > 3"),
    ("${age} + 1 > ${pay} - 2", "(age + 1) > (pay - 2)"),
    ("${age} > -1", "age > -1"),
    ("${day} >= date('2020-01-01')", "day >= '2020-01-01'"),
    ("${day} > '2020-01-01'", "day > '2020-01-01'"),
    ("${adult} = 'yes'", "('yes' if age >= 18 else 'no') == 'yes'"),
    ("true()", "true"),
    ("boolean(${age} = 1)", "age == 1"),
    ('${pin} = "it\'s"', 'pin == "it\'s"'),
    ("${ sex } = 'f'", "sex == 'f'"),
    ("${sex} = “f”", "sex == 'f'"),
]


@pytest.mark.parametrize(("form", "ours"), GOOD)
def test_condition(form, ours):
    assert Conditions(KNOWN).convert(parse(form)) == ours
    assert expr.parse(ours).fault is None


BAD = [
    ("${nobody} = 1", "not asked before"),
    ("${place} = 1", "not asked by phone"),
    ("${said} != ''", "recording"),
    ("${member} > 3", "several times"),
    ("${sex} = 'x'", "none of the choices"),
    ("selected(${used}, 'x')", "none of the choices"),
    ("selected(${age}, 'x')", "no choice"),
    ("${used} = 'web'", "selected()"),
    ("${sex} > 1", "no number"),
    ("${round} > 1", "calculated from itself"),
    ("${age} * 2 > 10", "cannot calculate with *"),
    ("${age} div 2 > 10", "cannot calculate with div"),
    ("${day} > today()", "does not know the day"),
    ("pulldata('f', 'a', 'b', ${pin}) = 1", "no data file"),
    ("regex(${pin}, '[0-9]+')", "own constraint"),
    ("unheard_of(${age})", "no condition has such a function"),
    (". > 1", "constraint only"),
    ("../age > 1", "path"),
    ("/data/age > 1", "path"),
    ("${age} >", "missing at its end"),
    ("", "missing at its end"),
    ("${age} > 1)", "cannot stand"),
    ("(${age} > 1", "')' is missing"),
    ("age > 1", "neither a question"),
    ("${age} ~ 1", "means nothing"),
    ("selected(${used})", "takes 2 values"),
    ("count-selected(${age}) > 1", "no list of choices"),
    ("string-length(${age}) > 1", "no text of keys"),
    ("${pin} = 'a\\b'", "backslash"),
    ("(" * 300 + "1" + ")" * 300, "too deeply"),
    ("-" * 300 + "1", "too deeply"),
    ("not(" * 300 + "1" + ")" * 300, "too deeply"),
    ("${age} = 1" + " or ${age} = 1" * 60, "too long"),
    ("${age} = 1" + " or ${age} = 1" * 900, "longer than"),
    ("${age} > 99999999999999999999", "cannot be written"),
]


@pytest.mark.parametrize(("form", "why"), BAD)
def test_what_has_no_counterpart_says_why(form, why):
    with pytest.raises(Unfit) as caught:
        Conditions(KNOWN).convert(parse(form))
    assert why in str(caught.value)


MEANING = [
    ("${age} >= 18 and not(selected(${used}, 'web'))", {"age": 20, "used": ["app"]}, True),
    ("${age} >= 18 and not(selected(${used}, 'web'))", {"age": 20, "used": ["web"]}, False),
    ("${age} >= 18", {}, False),
    ("${band} > 1", {"band": "2"}, True),
    ("${band} > 10", {"band": "2"}, False),
    ("count-selected(${used}) = 2", {"used": ["web", "app"]}, True),
    ("${sex} = '99'", {"sex": None, "sex.missing": "refused"}, True),
    ("not(${ok} = 'yes')", {}, True),
]


@pytest.mark.parametrize(("form", "answers", "holds"), MEANING)
def test_the_condition_means_what_the_form_means(form, answers, holds):
    tree = expr.parse(Conditions(KNOWN).convert(parse(form))).tree
    assert bool(core.evaluate(tree, answers)) is holds


SPANS = [
    (". >= 1 and . <= 5", 1, 5, True),
    (". > 0 and . < 6", 1, 5, True),
    ("0 < . and 6 > .", 1, 5, True),
    (". >= 1", 1, None, True),
    (". = 3", 3, 3, True),
    (". >= 1 and . <= 5 or . = 99", 1, 99, False),
    (". >= 1 and . != 3", 1, None, False),
    (". >= -5", -5, None, True),
    (". < ${age}", None, None, False),
    (". >= '2'", 2, None, True),
]


@pytest.mark.parametrize(("form", "low", "high", "exact"), SPANS)
def test_span(form, low, high, exact):
    found = constraints.span(xpath.parse(form), Decimal(1))
    assert found == constraints.Span(
        None if low is None else Decimal(low), None if high is None else Decimal(high), exact
    )


KEYS = [
    ("regex(., '^[0-9]{10}$')", (10, 10), "[0-9]{10}"),
    ("regex(., '^\\d{4,6}$')", (4, 6), "\\d{4,6}"),
    ("string-length(.) = 6", (6, 6), ""),
    ("string-length(.) >= 4 and string-length(.) <= 8", (4, 8), ""),
    ("regex(., '[A-Z]{2}')", None, None),
    ("regex(., '.{4}')", None, None),
    ("regex(., '(')", None, None),
    ("regex(., ${age})", None, None),
    (". > 4", None, None),
    ("string-length(.) > 5 and string-length(.) < 3", None, None),
]


@pytest.mark.parametrize(("form", "length", "pattern"), KEYS)
def test_keys_of_a_code(form, length, pattern):
    found = constraints.keys(xpath.parse(form))
    assert (found and (found.length, found.pattern)) == (None if pattern is None else (length, pattern))


CHOSEN = [
    ("count-selected(.) <= 3", (1, 3, (), 0)),
    ("count-selected(.) >= 2 and count-selected(.) < 4", (2, 3, (), 0)),
    ("not(selected(., 'none') and count-selected(.) > 1)", (1, 0, ("none",), 0)),
    ("not(count-selected(.) >= 2 and selected(., 'none'))", (1, 0, ("none",), 0)),
    ("not(selected(., 'a') and selected(., 'b'))", (1, 0, (), 1)),
]


@pytest.mark.parametrize(("form", "wanted"), CHOSEN)
def test_how_many_are_chosen(form, wanted):
    found = constraints.chosen(xpath.parse(form))
    assert (found.low, found.high, found.alone, len(found.rest)) == wanted


def test_every_function_of_ours_that_forms_can_reach_is_one():
    from ivr.core.expr import FUNCTIONS as OURS

    assert {name for name, _ in FUNCTIONS.values()} <= set(OURS)
    assert not set(FUNCTIONS) & set(REWRITTEN)
