"""Tongues: names of languages, and the few words that a phone adds to a question on paper.

Law: plain tables. A language without a row gets the neutral form, "X: 1.", which is understood everywhere and
pretty nowhere.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from ivr.lang.parts import LANGUAGE

#: A language's name, as forms have it, -> its code.
CODES: Final[dict[str, str]] = {
    "afaan oromo": "om",
    "afrikaans": "af",
    "albanian": "sq",
    "amharic": "am",
    "arabic": "ar",
    "armenian": "hy",
    "assamese": "as",
    "azerbaijani": "az",
    "bahasa indonesia": "id",
    "bambara": "bm",
    "bangla": "bn",
    "belarusian": "be",
    "bengali": "bn",
    "bosnian": "bs",
    "bulgarian": "bg",
    "burmese": "my",
    "cantonese": "yue",
    "catalan": "ca",
    "cebuano": "ceb",
    "chichewa": "ny",
    "chinese": "zh",
    "creole": "ht",
    "croatian": "hr",
    "czech": "cs",
    "danish": "da",
    "dari": "prs",
    "deutsch": "de",
    "dutch": "nl",
    "english": "en",
    "espanol": "es",
    "español": "es",
    "estonian": "et",
    "farsi": "fa",
    "filipino": "fil",
    "finnish": "fi",
    "francais": "fr",
    "français": "fr",
    "french": "fr",
    "fula": "ff",
    "fulfulde": "ff",
    "georgian": "ka",
    "german": "de",
    "greek": "el",
    "gujarati": "gu",
    "haitian creole": "ht",
    "hausa": "ha",
    "hebrew": "he",
    "hiligaynon": "hil",
    "hindi": "hi",
    "hungarian": "hu",
    "icelandic": "is",
    "igbo": "ig",
    "ilocano": "ilo",
    "indonesian": "id",
    "irish": "ga",
    "italian": "it",
    "japanese": "ja",
    "javanese": "jv",
    "kannada": "kn",
    "kanuri": "kr",
    "kazakh": "kk",
    "khmer": "km",
    "kinyarwanda": "rw",
    "kirundi": "rn",
    "kiswahili": "sw",
    "korean": "ko",
    "kurdish": "ku",
    "kurmanji": "kmr",
    "kyrgyz": "ky",
    "lao": "lo",
    "latvian": "lv",
    "lingala": "ln",
    "lithuanian": "lt",
    "luganda": "lg",
    "macedonian": "mk",
    "malagasy": "mg",
    "malay": "ms",
    "malayalam": "ml",
    "maltese": "mt",
    "mandarin": "zh",
    "marathi": "mr",
    "mongolian": "mn",
    "nepali": "ne",
    "norwegian": "no",
    "odia": "or",
    "oromo": "om",
    "pashto": "ps",
    "persian": "fa",
    "polish": "pl",
    "portuguese": "pt",
    "português": "pt",
    "punjabi": "pa",
    "rohingya": "rhg",
    "romanian": "ro",
    "russian": "ru",
    "sango": "sg",
    "serbian": "sr",
    "sesotho": "st",
    "setswana": "tn",
    "shona": "sn",
    "sinhala": "si",
    "slovak": "sk",
    "slovenian": "sl",
    "somali": "so",
    "sorani": "ckb",
    "spanish": "es",
    "swahili": "sw",
    "swedish": "sv",
    "tagalog": "tl",
    "tajik": "tg",
    "tamazight": "zgh",
    "tamil": "ta",
    "telugu": "te",
    "tetum": "tet",
    "thai": "th",
    "tibetan": "bo",
    "tigrinya": "ti",
    "tok pisin": "tpi",
    "turkish": "tr",
    "turkmen": "tk",
    "twi": "tw",
    "ukrainian": "uk",
    "urdu": "ur",
    "uyghur": "ug",
    "uzbek": "uz",
    "vietnamese": "vi",
    "wolof": "wo",
    "xhosa": "xh",
    "yoruba": "yo",
    "zulu": "zu",
    "русский": "ru",
    "العربية": "ar",
    "हिन्दी": "hi",
    "中文": "zh",
    "日本語": "ja",
    "普通话": "zh",
    "汉语": "zh",
    "简体中文": "zh",
    "한국어": "ko",
}
_WITH_CODE = re.compile(r"(.*)\(\s*([A-Za-z]{2,3}(?:[-_][A-Za-z0-9]{2,8})?)\s*\)\s*")


def code(name: str) -> str:
    """`English (en)`, `English` and `en` are en; "" for a language that is not known."""
    given = _WITH_CODE.fullmatch(name)
    if given:
        return _tidy(given[2])
    plain = " ".join(name.lower().split())
    if plain in CODES:
        return CODES[plain]
    # `eng` and `ban` might be anything that somebody abbreviated; two letters are a code.
    return _tidy(name.strip()) if re.fullmatch(r"[A-Za-z]{2}([-_][A-Za-z0-9]{2,8})?", name.strip()) else ""


def _tidy(text: str) -> str:
    head, dash, rest = text.replace("_", "-").partition("-")
    made = head.lower() + dash + rest
    return made if LANGUAGE.fullmatch(made) else ""


@dataclass(frozen=True)
class Phrases:
    """What is said on a phone beside the question itself. ``{0}`` is the option's text, ``{1}`` its key."""

    option: str
    refused: str
    dont_know: str
    number: str
    amount: str
    date: str
    code: str
    multiple: str
    ranking: str
    voice: str
    scale: str
    acknowledge: str
    other: str
    other_text: str
    keys: tuple[tuple[str, str], ...] = ()  # how * and # are called
    end: str = "."  # of a sentence


NEUTRAL: Final = Phrases(
    option="{0}: {1}.",
    refused="{0}: {1}.",
    dont_know="{0}: {1}.",
    number="(0-9, #)",
    amount="(0-9, *, #)",
    date="(YYYY MM DD)",
    code="(0-9, #)",
    multiple="(1, 2, 3 ... #)",
    ranking="(1, 2, 3 ... #)",
    voice="(#)",
    scale="({0}-{1})",
    acknowledge="OK: 1.",
    other="Other",
    other_text="Other?",
)
PHRASES: Final[dict[str, Phrases]] = {
    "en": Phrases(
        option="For {0}, press {1}.",
        refused="If you would rather not say, press {1}.",
        dont_know="If you do not know, press {1}.",
        number="Enter the number, then press hash.",
        amount="Enter the number, with star for the decimal point, then press hash.",
        date="Enter the year, the month and the day as eight digits.",
        code="Enter the digits, then press hash.",
        multiple="Press one key after another for all that apply, then press hash.",
        ranking="Press the keys in your order, the first choice first, then press hash.",
        voice="Please speak after the tone, then press hash. Your answer is recorded.",
        scale="Enter a number from {0} to {1}.",
        acknowledge="To confirm, press 1.",
        other="something else",
        other_text="What else is it?",
        keys=(("*", "star"), ("#", "hash")),
    ),
    "zh": Phrases(
        option="{0}请按{1}。",
        refused="不愿回答请按{1}。",
        dont_know="不清楚请按{1}。",
        number="请输入数字，按井号键结束。",
        amount="请输入数字，小数点请按星号键，按井号键结束。",
        date="请输入八位数字：年、月、日。",
        code="请输入数字，按井号键结束。",
        multiple="可以选择多项，请逐个按键，按井号键结束。",
        ranking="请按您的顺序逐个按键，第一选择在前，按井号键结束。",
        voice="请在提示音后回答，按井号键结束。您的回答将被录音。",
        scale="请输入{0}到{1}。",
        acknowledge="确认请按1。",
        other="其他",
        other_text="请具体说明。",
        keys=(("*", "星号键"), ("#", "井号键")),
        end="。",
    ),
}


def phrases(language: str) -> Phrases:
    return PHRASES.get(language) or PHRASES.get(language.partition("-")[0]) or NEUTRAL


def spoken_key(language: str, key: str) -> str:
    """`*` is star; a key of two digits is said digit by digit."""
    return dict(phrases(language).keys).get(key) or " ".join(key)


#: How "I do not know" and "I would rather not say" are labelled; the whole label, lower case, without punctuation.
MISSING_LABELS: Final = {
    "dont_know": re.compile(
        r"(i )?(don'?t|do not|doesn'?t) know( / .*)?|dk|unsure|not sure|no idea|不知道|不清楚|不确定|说不清|不了解"
        r"|ne sait pas|no sabe|no sé|não sabe|weiß nicht|don'?t know[ /]+not sure"
    ),
    "refused": re.compile(
        r"refused?( to (answer|say|respond))?|(i )?(would )?(prefer|rather) not( to)? (say|answer|respond|tell)"
        r"|no answer"
        r"|declined?( to (answer|say|respond))?|拒绝(回答)?|不愿(意)?(回答|透露|说)|不想(回答|说)|不便(回答|透露)"
        r"|refus( de répondre)?|se niega|keine angabe"
    ),
}
#: Names that mean the same without a label.
MISSING_NAMES: Final = {
    "dont_know": frozenset({"dk", "dont_know", "dontknow", "do_not_know", "donotknow", "don_t_know", "idk"}),
    "refused": frozenset({"refused", "refuse", "refusal", "rf", "pnts", "prefer_not", "prefer_not_to_say", "no_say"}),
}


def missing(name: str, labels: list[str]) -> str:
    """`refused` or `dont_know` when the choice obviously means that, else ""."""
    said = [" ".join(re.sub(r"[.!?。！？()（）]", " ", label.lower().replace("’", "'")).split()) for label in labels]
    for kind, names in MISSING_NAMES.items():
        if name.lower() in names or any(MISSING_LABELS[kind].fullmatch(label) for label in said):
            return kind
    return ""
