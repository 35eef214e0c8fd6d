"""What a hand draws on a canvas: not quite what was meant."""

from __future__ import annotations

import math

from playwright.sync_api import Locator

TURNS = [2 * math.pi * k / 24 for k in range(24)]
WOBBLE = [(0, 0), (2, -1), (-1, 2), (1, 1)] * 6

# By what is meant; on a canvas of 600 by 300.
STROKES: dict[str, list[tuple[float, float]]] = {
    "circle": [
        (100 + 70 * math.cos(turn) + dx, 110 + 70 * math.sin(turn) + dy)
        for turn, (dx, dy) in zip(TURNS, WOBBLE, strict=True)
    ],
    "triangle": [(250, 180), (331, 40), (400, 178), (254, 184)],
    "box": [(450, 52), (588, 55), (585, 160), (452, 163), (447, 57)],
    "line": [(40, 240), (300, 254), (580, 260)],
    "zigzag": [(60, 312), (150, 270), (240, 312), (330, 272)],
}


def draw(canvas: Locator, points: list[tuple[float, float]]) -> None:
    """Draw a stroke with the mouse."""
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    assert box is not None
    mouse = canvas.page.mouse
    for number, (x, y) in enumerate(points):
        mouse.move(box["x"] + x, box["y"] + y, steps=8)
        if number == 0:
            mouse.down()
    mouse.up()
