"""Columns: which column of a file is the number, which the name, and what the others are called in conditions.

Law: pure. Names are guessed from the header in English and Chinese, and said; what was typed wins.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from ivr.lang.expr import usable_name

NUMBER: Final = "number"
#: Columns of `contact` of their own; everything else is a fact.
OWN: Final = (NUMBER, "name", "language", "zone", "consent")

#: What people write above them, as ``_plain`` makes it.
_GUESSES: Final[Mapping[str, tuple[str, ...]]] = {
    NUMBER: (
        *("number", "phone", "phonenumber", "mobile", "mobilenumber", "mobilephone", "cell", "cellphone", "tel"),
        *("telephone", "telephonenumber", "msisdn", "e164", "telefon", "handy", "telefono", "phoneno", "mobileno"),
        *("手机", "手机号", "手机号码", "电话", "电话号码", "联系电话", "移动电话", "号码", "联系方式", "被叫号码"),
        *("手機", "手機號碼", "手機號", "電話", "電話號碼", "聯絡電話", "行動電話", "號碼"),
    ),
    "name": (
        *("name", "fullname", "contact", "contactname", "customer", "customername", "person"),
        *("姓名", "名字", "名称", "联系人", "客户", "客户姓名", "客户名称", "聯絡人", "客戶姓名", "名稱"),
    ),
    "language": ("language", "lang", "locale", "语言", "语种", "語言"),
    "zone": ("zone", "timezone", "tz", "时区", "時區"),
    "consent": (
        *("consent", "consentreference", "consentref", "consentid", "optin"),
        *("同意", "同意书", "授权", "授权编号", "同意编号", "授權"),
    ),
}
#: Common headers of facts in Chinese, and the names that conditions can use.
_FACTS: Final[Mapping[str, str]] = {
    **{"城市": "city", "省": "province", "省份": "province", "地区": "region", "区域": "region", "區域": "region"},
    **{"地區": "region", "区": "district", "县": "county", "国家": "country", "國家": "country", "性别": "gender"},
    **{"性別": "gender", "年龄": "age", "年齡": "age", "生日": "birthday", "出生日期": "birthday", "地址": "address"},
    **{"公司": "company", "单位": "company", "部门": "department", "部門": "department", "职位": "position"},
    **{"备注": "note", "備註": "note", "邮箱": "email", "电子邮件": "email", "邮编": "postcode", "日期": "date"},
    **{"时间": "time", "金额": "amount", "金額": "amount", "订单": "order", "订单号": "order_number", "编号": "code"},
    **{"客户编号": "customer_number", "会员": "member", "会员等级": "member_level", "等级": "level", "类型": "type"},
    **{"类别": "category", "产品": "product", "產品": "product", "型号": "model", "服务": "service", "状态": "status"},
    **{"渠道": "channel", "来源": "source", "分组": "group", "组": "group", "套餐": "plan", "学校": "school"},
    **{
        "门店": "store",
        "店铺": "store",
        "医院": "hospital",
        "科室": "ward",
        "医生": "doctor",
        "预约时间": "appointment",
    },
    **{"工号": "staff_number", "姓": "surname", "职业": "occupation", "学历": "education", "收入": "income"},
}
_LENGTH: Final = 60


class MapError(ValueError):
    """The columns cannot be told apart; the words are for the person who chose the file."""


@dataclass(frozen=True)
class Columns:
    """Positions from 0. ``facts``: name in conditions -> position."""

    header: tuple[str, ...]
    own: Mapping[str, int]
    facts: Mapping[str, int]
    guessed: bool

    def told(self) -> list[tuple[str, str]]:
        """(the file's header, what it is called here), in the order of the file."""
        named = {at: name for name, at in {**self.own, **self.facts}.items()}
        return [(self.header[at] or f"column {at + 1}", named.get(at, "")) for at in range(len(self.header))]


def known_header(line: str) -> bool:
    """Whether a first line has a word that people write above a number or a name."""
    words = {_plain(word) for word in re.split(r"[,;\t|]", line)}
    return any(word in guesses for guesses in _GUESSES.values() for word in words) or bool(words & set(_FACTS))


def _plain(header: str) -> str:
    folded = unicodedata.normalize("NFKC", header).casefold()
    return re.sub(r"[\s_\-.:()\"'#*\ufeff\u200b\0]+", "", folded)


def parse_map(text: str) -> dict[str, str]:
    """``number=手机号,name=姓名`` as a dictionary. Raises MapError."""
    found: dict[str, str] = {}
    for part in text.split(","):
        name, equals, header = (piece.strip() for piece in part.partition("="))
        if not equals or not name or not header:
            raise MapError(f"{part.strip()!r}: write number=HEADER,name=HEADER")
        if name not in OWN and not _is_fact(name):
            raise MapError(f"{name!r} is no name: letters, digits and _, a letter first")
        if name in found:
            raise MapError(f"{name!r} is there twice")
        found[name] = header
    return found


def find(header: Sequence[str], typed: Mapping[str, str]) -> Columns:
    """The columns of a file with this header; raises MapError."""
    heads = tuple(" ".join(cell.replace("\0", "").split()) for cell in header)
    own: dict[str, int] = {}
    facts: dict[str, int] = {}
    for name, told in typed.items():
        at = _position(heads, told)
        (own if name in OWN else facts)[name] = at
    guessed = not typed
    taken = {*own.values(), *facts.values()}
    for name, guesses in _GUESSES.items():
        if name in own or (typed and name == NUMBER):
            continue
        rank = {guess: n for n, guess in enumerate(guesses)}
        at = min(
            (n for n, head in enumerate(heads) if n not in taken and _plain(head) in rank),
            key=lambda n: rank[_plain(heads[n])],
            default=-1,
        )
        if at >= 0:
            own[name] = at
            taken.add(at)
    if NUMBER not in own:
        shown = ", ".join(head or "(none)" for head in heads[:12])
        raise MapError(f"no column of numbers is known among {shown}; write --map number=HEADER")
    used = set(facts)
    for at, head in enumerate(heads):
        if at not in taken and head:
            facts[_fact_name(head, at, used)] = at
    return Columns(heads, own, facts, guessed)


def without_header(width: int, typed: Mapping[str, str]) -> Columns:
    """Positions only: ``number=1,name=2``."""
    return find(("",) * width, typed)


def _position(heads: Sequence[str], told: str) -> int:
    plain = _plain(told)
    same = [n for n, head in enumerate(heads) if head == told] or [
        n for n, head in enumerate(heads) if head and _plain(head) == plain
    ]
    if len(same) > 1:
        raise MapError(f"{told!r} stands above {len(same)} columns; write its position: {same[0] + 1}")
    if same:
        return same[0]
    if told.isascii() and told.isdigit() and 1 <= int(told) <= len(heads):
        return int(told) - 1
    shown = ", ".join(head for head in heads[:20] if head)
    raise MapError(f"there is no column {told!r}; there are {shown}" if shown else f"there is no column {told!r}")


def _is_fact(name: str) -> bool:
    """Flows have facts with a dot: customer.region."""
    return len(name) <= _LENGTH and all(usable_name(part) for part in name.split("."))


def _fact_name(head: str, at: int, used: set[str]) -> str:
    """A name for conditions: the header's own letters, or its English, or the column's position."""
    if "." in head and head == head.lower() and _is_fact(head) and head not in used:
        used.add(head)
        return head  # as an export writes it
    plain = unicodedata.normalize("NFKD", head).casefold()
    letters = re.sub(r"[^a-z0-9]+", "_", "".join(c for c in plain if not unicodedata.combining(c))).strip("_")
    other = any(ord(c) > 0x24F and c.isalpha() for c in head)
    name = _FACTS.get(_plain(head), "") or ("" if other else letters)
    if name and not usable_name(name):
        name = f"{name}_" if usable_name(f"{name}_") else f"c_{name}"
    name = (name or f"column_{at + 1}")[:_LENGTH]
    unique, n = name, 2
    while unique in used or unique in OWN:
        unique, n = f"{name}_{n}", n + 1
    used.add(unique)
    return unique


def looks_like_no_header(header: Sequence[str]) -> bool:
    """Whether one of its cells is a number that people have: then the file has no header."""
    return any(len(re.sub(r"\D", "", cell)) >= 7 and not re.search(r"[^\W\d_]", cell) for cell in header)
