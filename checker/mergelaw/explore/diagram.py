"""Counterexamples as space-time diagrams: a line for each instance, time from left to right, messages as arrows.

Source: Lamport, "Time, clocks, and the ordering of events in a distributed system" (1978), figures 1 to 3.
"""

from __future__ import annotations

from xml.sax.saxutils import escape

from mergelaw.explore.model import Story

_LEFT, _TOP, _ROW, _STEP, _LETTER = 110, 40, 130, 60, 6.6


def svg(story: Story, title: str) -> str:
    """The story as an SVG image."""
    instances = sorted({r.instance for r in story.rows} | {s.source for s in story.steps if s.source is not None})
    lines = {instance: _TOP + 60 + i * _ROW for i, instance in enumerate(instances)}
    places = _places(story)
    width = max([*places, 300.0]) + 260
    height = _TOP + len(instances) * _ROW + 40
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height}" '
        f'viewBox="0 0 {width:.0f} {height}" font-family="sans-serif" font-size="12">',
        '<defs><marker id="tip" markerWidth="8" markerHeight="8" refX="7" refY="3" orient="auto">'
        '<path d="M0,0 L7,3 L0,6 z" fill="#2563eb"/></marker></defs>',
        f'<rect width="{width:.0f}" height="{height}" fill="white"/>',
        f'<text x="16" y="24" font-size="14" font-weight="bold">{escape(title)}</text>',
    ]
    for instance, y in lines.items():
        parts.append(f'<text x="16" y="{y + 4}">Instance {instance}</text>')
        parts.append(f'<line x1="{_LEFT - 10}" y1="{y}" x2="{width - 20:.0f}" y2="{y}" stroke="#9ca3af"/>')
    parts += _arrows(story, places, lines)
    for row, x in zip(story.rows, places, strict=True):
        y = lines[row.instance]
        update = not row.action.startswith(("receive", "merge", "crash"))
        fill = "#111827" if update else "#2563eb"
        parts.append(f'<circle cx="{x:.1f}" cy="{y}" r="5" fill="{fill}"/>')
        parts.append(f'<text x="{x:.1f}" y="{y - 12}">{escape(row.action)}</text>')
        parts.append(f'<text x="{x:.1f}" y="{y + 22}" fill="#6b7280">{escape(row.change or "no change")}</text>')
    parts.append(f'<text x="16" y="{height - 14}" fill="#b91c1c">{escape(story.violation.because)}</text>')
    return "\n".join([*parts, "</svg>"]) + "\n"


def _places(story: Story) -> list[float]:
    """Where each row stands: after the one before it, and clear of the text of the last one on its own line."""
    free: dict[int, float] = {}
    x = float(_LEFT)
    places = []
    for row in story.rows:
        x = max(x, free.get(row.instance, 0.0))
        places.append(x)
        free[row.instance] = x + max(len(row.action), len(row.change)) * _LETTER + 20
        x += _STEP
    return places


def _arrows(story: Story, places: list[float], lines: dict[int, int]) -> list[str]:
    """The messages; none where the rows are not those of the steps, as with a theorem's."""
    if len(story.steps) != len(story.rows):
        return []
    found = []
    made: list[int] = []
    for n, step in enumerate(story.steps):
        source = None
        if step.do == "update":
            made.append(n)
        elif step.do == "deliver" and step.delta is not None and step.delta <= len(made):
            source = made[step.delta - 1]
        elif step.do == "sync":
            source = next((m for m in reversed(range(n)) if story.steps[m].at == step.source), None)
        if source is not None and story.steps[source].at != step.at:
            x1, y1 = places[source], lines[story.steps[source].at]
            x2, y2 = places[n], lines[step.at]
            found.append(
                f'<line x1="{x1:.1f}" y1="{y1}" x2="{x2:.1f}" y2="{y2}" stroke="#2563eb" stroke-dasharray="4 3" '
                'marker-end="url(#tip)"/>'
            )
    return found
