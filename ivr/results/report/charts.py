"""Charts: small pictures as inline SVG, whose widths are shares of the page so that their words never shrink.

Law: pure functions that give markup; every text goes through markupsafe. Colours are classes of the page's style. A
picture repeats what a table beside it says, so it is hidden from screen readers, or named by its caption.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from markupsafe import Markup

from ivr.results.stats.intervals import Interval

_BAR_PX = 16


def percent(part: float) -> str:
    """As a coordinate."""
    return f"{100 * max(0.0, min(1.0, part)):.2f}%"


def _svg(height_px: int, body: Markup, kind: str) -> Markup:
    return Markup('<svg class="{}" width="100%" height="{}" aria-hidden="true" focusable="false">{}</svg>').format(
        kind, height_px, body
    )


def bar(share: float | None, interval: Interval | None = None, tone: str = "", most: float = 1.0) -> Markup:
    """A share, and a thin line where everybody's share may lie; the whole width is ``most``."""
    body = Markup('<line class="axis" x1="0" x2="0" y1="-3" y2="{}"/>').format(_BAR_PX + 3)
    if share:
        form = '<rect class="fill {}" width="{}" height="{}" rx="1.5"/>'
        body += Markup(form).format(tone, percent(share / most), _BAR_PX)
    if share is not None and interval is not None:
        form = '<line class="whisker" x1="{}" x2="{}" y1="{y}" y2="{y}"/>'
        body += Markup(form).format(percent(interval.low / most), percent(interval.high / most), y=_BAR_PX / 2)
    return _svg(_BAR_PX, body, "bar")


def gauge(value: float | None, interval: Interval | None, low: float, high: float) -> Markup:
    """Where a figure lies between the least and the greatest it can be, with its interval."""
    body = Markup('<rect class="track" y="7" width="100%" height="4" rx="2"/>')
    if low < 0 < high:
        body += Markup('<line class="zero" x1="{x}" x2="{x}" y1="3" y2="15"/>').format(x=percent(-low / (high - low)))
    if value is not None:
        if interval is not None:
            left, right = ((end - low) / (high - low) for end in (interval.low, interval.high))
            form = '<rect class="band" x="{}" y="5" width="{}" height="8" rx="4"/>'
            body += Markup(form).format(percent(left), percent(max(0.004, right - left)))
        body += Markup('<circle class="dot" cx="{}" cy="9" r="4.5"/>').format(percent((value - low) / (high - low)))
    return _svg(18, body, "gauge")


@dataclass(frozen=True)
class Part:
    label: str
    share: float
    tone: str = ""


def stacked(parts: Sequence[Part]) -> Markup:
    """Parts of one whole side by side, each with its percentage where there is room."""
    body, at = Markup(""), 0.0
    for part in parts:
        form = '<rect class="fill {}" x="{}" width="{}" height="30"/>'
        body += Markup(form).format(part.tone, percent(at), percent(part.share))
        if part.share >= 0.09:
            middle = percent(at + part.share / 2)
            form = '<text class="on {}" x="{}" y="20" text-anchor="middle">{:.0f}%</text>'
            body += Markup(form).format(part.tone, middle, 100 * part.share)
        at += part.share
    return _svg(30, body, "stacked")


def columns(parts: Sequence[Part], height_px: int = 132) -> Markup:
    """A column for each part, as high as its share of the greatest; its percentage above, its name below."""
    top, bottom = 18, height_px - 18
    most = max((part.share for part in parts), default=0) or 1
    width = 1 / max(1, len(parts))
    every = -(-len(parts) // 12)
    body = Markup('<line class="axis" x1="0" x2="100%" y1="{y}" y2="{y}"/>').format(y=bottom)
    for at, part in enumerate(parts):
        high = (bottom - top) * part.share / most
        middle = percent((at + 0.5) * width)
        form = '<rect class="fill {}" x="{}" y="{:.1f}" width="{}" height="{:.1f}" rx="2"/>'
        body += Markup(form).format(part.tone, percent((at + 0.12) * width), bottom - high, percent(0.76 * width), high)
        if part.share and len(parts) <= 12:
            form = '<text class="small" x="{}" y="{:.1f}" text-anchor="middle">{:.0f}</text>'
            body += Markup(form).format(middle, bottom - high - 5, 100 * part.share)
        if at % every == 0:
            form = '<text class="small" x="{}" y="{}" text-anchor="middle">{}</text>'
            body += Markup(form).format(middle, height_px - 3, part.label)
    return _svg(height_px, body, "columns")


@dataclass(frozen=True)
class Dot:
    label: str
    value: float | None
    interval: Interval | None
    text: str  # the value in words
    marked: bool = False  # differs from the one before by more than chance


def line(dots: Sequence[Dot], low: float, high: float, ticks: Sequence[tuple[float, str]]) -> Markup:
    """Values over time with their intervals; in words at the end, and where one changed by more than chance."""
    top, bottom, height_px = 22.0, 178.0, 206
    span = (high - low) or 1

    def y(value: float) -> float:
        return bottom - (bottom - top) * (min(high, max(low, value)) - low) / span

    def x(at: int) -> str:
        return percent(0.13 + 0.83 * (at / (len(dots) - 1) if len(dots) > 1 else 0.5))

    body = Markup("")
    for value, text in ticks:
        body += Markup('<line class="grid" x1="0" x2="100%" y1="{y:.1f}" y2="{y:.1f}"/>').format(y=y(value))
        body += Markup('<text class="small" x="0" y="{:.1f}">{}</text>').format(y(value) - 4, text)
    for at, dot in enumerate(dots):
        if dot.interval is not None and dot.value is not None:
            form = '<line class="reach" x1="{x}" x2="{x}" y1="{:.1f}" y2="{:.1f}"/>'
            body += Markup(form).format(y(dot.interval.low), y(dot.interval.high), x=x(at))
    for at, (one, two) in enumerate(pairwise(dots)):
        if one.value is not None and two.value is not None:
            form = '<line class="path" x1="{}" y1="{:.1f}" x2="{}" y2="{:.1f}"/>'
            body += Markup(form).format(x(at), y(one.value), x(at + 1), y(two.value))
    every = -(-len(dots) // 4)
    for at, dot in enumerate(dots):
        body += _dot(dot, x(at), y, last=at == len(dots) - 1)
        seldom = "" if at % every == 0 else " wide"
        if at % (-(-len(dots) // 14)) == 0:
            form = '<text class="small{}" x="{}" y="{}" text-anchor="middle">{}</text>'
            body += Markup(form).format(seldom, x(at), height_px - 6, dot.label)
    return _svg(height_px, body, "line")


def _dot(dot: Dot, x: str, y: object, last: bool) -> Markup:
    if dot.value is None or not callable(y):
        return Markup("")
    at = y(dot.value)
    body = Markup('<circle class="dot{}" cx="{}" cy="{:.1f}" r="{}"/>').format(
        " marked" if dot.marked else "", x, at, 5 if dot.marked else 3
    )
    if dot.marked or last:
        form = '<text class="value" x="{}" y="{:.1f}" text-anchor="middle">{}</text>'
        body += Markup(form).format(x, at - 11, dot.text)
    return body
