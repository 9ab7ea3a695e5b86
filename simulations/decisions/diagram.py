"""A policy as a drawing: requests come from the left, the first rule that matches says who answers, then the fallback.

Inline SVG that follows the style sheet of the page it stands in; text that does not fit is cut with an ellipsis, the
tables beside it have all of it.
"""

from __future__ import annotations

from html import escape

from data import wording
from routing.policies.policy import Policy, Rule
from routing.policies.table import write_condition

WIDTH, ROW, GAP = 780, 46, 14
START, RULE, ANSWER = (0, 110), (150, 300), (490, 290)  # left edge and width of each column
FITS = 7.6  # pixels a letter takes at 13 px
EVERYTHING = "every request"


def diagram(policy: Policy) -> str:
    """The drawing as an SVG element, with its text for those who do not see it."""
    rows = [(write_condition(rule.when) or EVERYTHING, _answered(rule)) for rule in policy.rules]
    if policy.fallback:
        rows.append(("no rule matches, or nobody answers", f"in order: {', '.join(policy.fallback)}"))
    held = wording.count_of(len(policy.constraints), "constraint")
    rails = f"Before any of it: {held}" if policy.constraints else ""
    top = ROW + GAP if rails else 0
    height = top + len(rows) * (ROW + GAP)
    middle = top + (height - top - GAP) / 2
    parts = [_box(*START, middle - ROW / 2, "Requests")]
    if rails:
        parts.append(_box(RULE[0], ANSWER[0] + ANSWER[1] - RULE[0], 0, rails))
    for number, (when, answer) in enumerate(rows):
        y = top + number * (ROW + GAP)
        parts += [
            _arrow(START[0] + START[1], middle, RULE[0], y + ROW / 2),
            _box(*RULE, y, when),
            _arrow(RULE[0] + RULE[1], y + ROW / 2, ANSWER[0], y + ROW / 2),
            _box(*ANSWER, y, answer),
        ]
    told = escape(wording.visible("; ".join(f"{when}: {answer}" for when, answer in rows)))
    return f'<svg viewBox="0 0 {WIDTH} {height:g}" role="img" aria-label="{told}">{"".join(parts)}</svg>'


def _answered(rule: Rule) -> str:
    if rule.split:
        return ", ".join(f"{100 * share:g}% {target}" for target, share in rule.split.items())
    names = rule.targets
    if rule.cascade:
        return f"{' then '.join(names)}, below {100 * (rule.confidence_floor or 0):g}% sure"
    if rule.cross_check:
        return f"{' and '.join(names)}, compared"
    return f"{names[0]}, {rule.samples} votes" if rule.samples > 1 else names[0]


def _box(x: float, width: float, y: float, text: str) -> str:
    letters = int(width / FITS) - 2
    shown = text if len(text) <= letters else text[: letters - 1] + "…"
    return (
        f'<rect x="{x:g}" y="{y:g}" width="{width:g}" height="{ROW}" rx="6" fill="none" stroke="currentColor"'
        f' stroke-opacity=".35"/><text x="{x + 12:g}" y="{y + ROW / 2 + 5:g}">{escape(wording.visible(shown))}</text>'
    )


def _arrow(x: float, y: float, to_x: float, to_y: float) -> str:
    line = f'<line x1="{x:g}" y1="{y:g}" x2="{to_x - 7:g}" y2="{to_y:g}"/>'
    return f'{line}<path class="past" d="M{to_x - 8:g} {to_y - 4:g} L{to_x:g} {to_y:g} L{to_x - 8:g} {to_y + 4:g} Z"/>'
