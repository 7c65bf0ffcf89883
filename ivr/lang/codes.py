"""Codes: every mistake that `ivr check` can name, with what it means and what to do.

Law: plain data. docs/errors.md is generated from it, and `ivr check --explain` prints it; a test holds that every
code that is reported stands here, and that every code here has a golden file that shows it.
"""

from __future__ import annotations

from typing import NamedTuple


class Code(NamedTuple):
    title: str
    text: str


CODES: dict[str, Code] = {
    "IVR001": Code("The file cannot be read", "It is not there, is a directory, or may not be opened by you."),
    "IVR002": Code(
        "The file is too large or too deep",
        "A file has at most 2 MB, 200,000 entries and 60 levels inside each other. Split a large flow.",
    ),
    "IVR003": Code(
        "The file is not UTF-8 text",
        "Save it as UTF-8 in your editor. Control characters, which often come with copied text, are refused.",
    ),
    "IVR004": Code("The file is empty", "Begin with `flow: name` or `survey: name`."),
    "IVR005": Code(
        "This is not YAML",
        "Most often the indentation is wrong, a quote or bracket is not closed, or a text with `: ` in it stands "
        "without quotes. Only the first such mistake of a file can be found; check again after mending it.",
    ),
    "IVR006": Code("A tab", "YAML indents with spaces only. Set your editor to write spaces."),
    "IVR007": Code(
        "A key * or # without quotes",
        'To YAML `*` begins an alias and `#` a comment, so the key would be lost. Write `"*": step` and `"#": step`.',
    ),
    "IVR008": Code(
        "Something stands here twice",
        "YAML itself would silently keep the last one. Both places are named: delete one, or rename it. "
        'Keys are text: `1` and `"1"` are the same, `1` and `01` are not.',
    ),
    "IVR009": Code(
        "Anchor, alias or tag",
        "`&name`, `*name` and `!tag` are not allowed: a flow says everything where it stands. Put a text that "
        "begins with one of these signs in quotes.",
    ),
    "IVR010": Code(
        "The wrong shape",
        "A list stands where a map should, a value is missing, and so on. The message says what belongs here.",
    ),
    "IVR011": Code("Unknown key", "The key does not exist here. The message names the nearest one that does."),
    "IVR012": Code(
        "No such prompt",
        "A prompt that is called by name stands in prompts/<language>.yaml. Correct the name, or add the prompt there.",
    ),
    "IVR013": Code("A key is missing", "The verb, or the file, cannot do without it."),
    "IVR014": Code("Not a time", "Times have a unit: `500ms`, `5s`, `2.5s`, `2m`, `1h`."),
    "IVR015": Code("Not one of the possible values", "The message lists them. Booleans are `true` and `false` only."),
    "IVR016": Code(
        "Not a name", "Names are letters, digits and `_`, a letter first. Facts may have dots: `caller.vip`."
    ),
    "IVR017": Code("A reserved name", "The word means something of its own in the language. Choose another."),
    "IVR018": Code(
        "Neither a flow nor a questionnaire",
        "A flow has `flow: name` at its top, a questionnaire `survey: name`, a campaign `campaign: name`. Prompt texts "
        "stand in prompts/.",
    ),
    "IVR020": Code("A step without a verb", "A step does exactly one thing: `say`, `menu`, `ask`, ..."),
    "IVR021": Code("A step with two verbs", "A step does exactly one thing. Make two steps, with `next` between them."),
    "IVR022": Code("No such step", "The target is not a step of this file. Correct the name, or add the step."),
    "IVR023": Code(
        "A step that cannot be reached",
        "No key, `next`, branch or exit leads to it, so no caller will ever hear it.",
    ),
    "IVR024": Code("No single way on", "`say` needs `next`, or `hang_up: true`; and not both."),
    "IVR025": Code(
        "A loop that asks nothing",
        "The call would go round and round in these steps without the caller being able to do anything. "
        "At least one step of a loop must wait for a key, a recording or another person.",
    ),
    "IVR026": Code("`repeat` outside a menu", "Only the keys of a menu can `repeat`. Elsewhere name the step."),
    "IVR027": Code(
        "A silent caller has no way on",
        "After so many failures the call must go somewhere. Add `give_up: step` to the step's `digits`, or once to "
        "the `digits` at the top of the file.",
    ),
    "IVR028": Code(
        "No such destination", "`transfer` reaches the file's `destinations` only, never a number that was keyed in."
    ),
    "IVR029": Code(
        "Not a plain dial string",
        "A dial string is a channel type and an address, as in `user/1000` or `sofia/gateway/main/95588`. Options in "
        "braces, several destinations and caller's text are refused: they would let a call reach anything.",
    ),
    "IVR030": Code("Not a key of a telephone", "Keys are 0-9, `*` and `#`, up to 8 in a row."),
    "IVR031": Code(
        "A key that begins another",
        "With `1` and `12` both on offer the caller who presses 1 has to wait until it is clear that no 2 follows. "
        "Give them different first keys.",
    ),
    "IVR032": Code("A way that is never taken", "The one before it has no `when`, so it is always taken."),
    "IVR033": Code(
        "A branch with an open end", "The last way of a branch has no `when`: it is taken when no other one is."
    ),
    "IVR034": Code("Yes and no are the same key", "Give them different keys."),
    "IVR035": Code(
        "A silent caller goes round",
        "The steps give up to each other: a line that nobody speaks on stays open until `max_call`.",
    ),
    "IVR036": Code(
        "A secret entry that keys cannot interrupt",
        "The switch collects the keys of a secret entry itself, and the first one stops the prompt: `barge_in: false` "
        "cannot be kept there. That of the file's `digits` may stay; it counts for the other steps.",
    ),
    "IVR037": Code("No such queue", "`queue` reaches the file's `queues` only."),
    "IVR038": Code(
        "Not a queue's name on the switch",
        "mod_callcenter knows its queues by one word, as in `support@default`: letters, digits, `_`, `.`, `-` and `@`.",
    ),
    "IVR040": Code(
        "A text where a prompt's name should be",
        'A prompt is a name from prompts/<language>.yaml, or a map of language to text: `{en: "Hello"}`.',
    ),
    "IVR041": Code("A language is missing", "Every prompt has a text in every language of the file."),
    "IVR042": Code("A language the file does not have", "Add it to `languages`, or correct it."),
    "IVR043": Code(
        "How to speak it?",
        "12 can be `twelve`, `one two` or `the twelfth`. Say which: `{{ number | digits }}`. There are digits, number, "
        "ordinal, date, time and money.",
    ),
    "IVR044": Code("No such format", "There are digits, number, ordinal, date, time and money."),
    "IVR045": Code(
        "Braces that do not fit",
        "A spoken value is `{{ expression | format }}`; a computed value in `set` is one `{{ expression }}` and "
        "nothing beside it. Other braces are refused, or a caller might hear them.",
    ),
    "IVR046": Code("Nothing to say", "The prompt is empty, or far too long."),
    "IVR047": Code(
        "A secret would be spoken or copied",
        "The name that an `ask` with `secret: true` fills may be read in conditions only: `when`, and `valid`. A "
        "prompt (also that of `confirm`) would speak it, a `set` would copy it to where it is stored or logged. The "
        "name belongs to the secret alone: no `set`, ordinary `ask`, `record` or questionnaire gives it a value. "
        "To confirm a secret ask twice, into two names, with `valid: again == pin` at the second one.",
    ),
    "IVR050": Code(
        "Not an expression",
        "Expressions are written as in `caller.vip and attempts < 3`: `and or not == != < <= > >= in + -`, "
        "`a if c else b`, texts in quotes, numbers, true, false, none.",
    ),
    "IVR051": Code("Not allowed in an expression", "Expressions compare and add; they cannot do anything."),
    "IVR052": Code(
        "No such name",
        "It is neither a fact, nor set anywhere in the file. Facts that the host brings are declared in `facts`.",
    ),
    "IVR053": Code("The expression is too long", "At most 500 characters and 40 levels. Split it over `set` steps."),
    "IVR054": Code(
        "No such function",
        "There are length, lower, upper, starts_with, ends_with, contains, default, number and answered, each with "
        "its own number of values.",
    ),
    "IVR060": Code("Not a pattern", "It is not a regular expression, or asks for what no key gives."),
    "IVR061": Code(
        "A pattern that could be slow",
        "Some patterns take minutes on a few keys. Quantifiers inside repeated groups, repeated alternatives, "
        "references back, looking ahead or behind, and more than three open-ended repeats are refused.",
    ),
    "IVR062": Code("No entry can be right", "The pattern and the length contradict each other."),
    "IVR070": Code("No such questionnaire", "`survey: csat` asks surveys/csat.yaml."),
    "IVR071": Code(
        "What kind of question?",
        "A question has exactly one kind: `choice`, `yes_no`, `scale`, `csat`, `number` ... or `voice`.",
    ),
    "IVR072": Code("Not a range", "A range is written `1..5`, from low to high."),
    "IVR073": Code(
        "Options that do not fit", "Each key stands for a value of its own, and what is chosen of them must be there."
    ),
    "IVR074": Code("An answer before its question", "Conditions see the answers of the questions above them."),
    "IVR075": Code("An answer overwrites a name", "A questionnaire's answer and a name of the flow are the same."),
    "IVR076": Code(
        "A label is missing",
        "A scale with labels has one for each of its steps, and options either all have words or none: a table, a "
        "report and `{{ name | label }}` would have a hole otherwise.",
    ),
    "IVR077": Code(
        "A key with two meanings",
        "The key for refusing, or for not knowing, is an answer of this question already. Give it another key, or none "
        "here.",
    ),
    "IVR078": Code(
        "A question that nobody is asked",
        "No answers and no data meet all the conditions on the way to it. Only what is certain is reported: conditions "
        "with very many names are not followed.",
    ),
    "IVR079": Code(
        "A quota or an alert that nobody counts for",
        "Its condition can never hold: a value that is no option, a number outside of the range, or a question that is "
        "not asked of those callers.",
    ),
    "IVR080": Code(
        "A question of the bank",
        "`use: csat5` takes surveys/bank/csat5.yaml in its newest version, `use: csat5@2` in that one. The wording is "
        "the bank's; id, conditions and what silence plays are the questionnaire's own.",
    ),
    "IVR082": Code("No such list", "A loop goes over one of the file's `lists`, and the list has something in it."),
    "IVR084": Code(
        "A file of the bank",
        "surveys/bank/csat5.yaml begins with `bank: csat5` and has `versions`, each with its number and one question "
        "that needs nothing else.",
    ),
    "IVR085": Code(
        "No words to speak",
        "`{{ name | label }}` speaks what an answer means: its options have `say`, or its scale has `labels`.",
    ),
    "IVR090": Code(
        "What does the campaign call with?",
        "A campaign has `survey: name` or `flow: name`, exactly one of the two, and that file has no mistakes.",
    ),
    "IVR091": Code(
        "Not a number, or the beginning of numbers",
        "A number to call from is written as the gateway wants it, `+862112345678` or `95588`, never an emergency "
        "number. Prefixes begin with `+` and the country's code.",
    ),
    "IVR092": Code("Gateways", "A campaign has at least one, each with a name of its own."),
    "IVR093": Code(
        "Not a window, zone, holiday or day",
        "Windows are `Mon-Fri 09:00-12:00`, `Sat,Sun 10:00-18:00` or `daily 09:00-20:00`; zones are those of the IANA, "
        "`Asia/Shanghai`; holidays those of a country, `CN`, or of a part of one, `DE-BY`; days are `2026-12-01`.",
    ),
    "IVR094": Code(
        "Nobody is ever called",
        "No window opens from the first day to the last: there is none, it begins after its end, the last day comes "
        "before the first, or all the days between are weekdays without a window, or holidays.",
    ),
    "IVR095": Code(
        "It never happens",
        "One number leaves no room for another: a retry that is due after the campaign's last day, more retries than "
        "attempts, more attempts a day than the gap between them lets, a message for machines that are not detected.",
    ),
    "IVR096": Code(
        "Room that cannot be used",
        "What the gateways take together is less than what the campaign may, or one may more than the campaign: the "
        "smaller number always wins. `target` is at most `at_once`.",
    ),
    "IVR097": Code(
        "Complete interviews without a questionnaire",
        "`stop_at: {completes: 400}` counts complete interviews: the campaign's flow asks no questionnaire.",
    ),
    "IVR098": Code(
        "Recorded without a word",
        "The flow records what people say. Where recording has to be announced, doing it without is against the law: "
        "`recording_notice` names the prompt that is heard before anything else.",
    ),
    "IVR099": Code(
        "Without consent",
        "With `consent: not_required` people are called who never agreed to it. In many countries that is against the "
        "law for surveys and advertising. This is a warning: that you may is yours to know.",
    ),
    "IVR100": Code(
        "It rings too shortly",
        "A telephone that rings for less than 15 seconds is given up on before people reach it: they find a missed "
        "call, and in several countries such a call counts as abandoned. This is a warning.",
    ),
}


def explain(code: str) -> str:
    """What `ivr check --explain` prints; "" for an unknown code."""
    known = CODES.get(code.upper())
    return f"{code.upper()}: {known.title}\n\n{known.text}\n" if known else ""
