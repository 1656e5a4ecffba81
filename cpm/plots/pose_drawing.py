"""Everybody found in one image, drawn by Pillow: some milliseconds an image.

    sticks, discs     joints by side of the body: right orange, left blue, middle yellow; of a
                      skeleton without sides a color a joint
    dark outline      around all of them, so that they are seen on any background
    small gray discs  joints below the threshold, but not below half of it
    numbers           several people: each has a number, and a colored rim around its sticks

Left and right are the person's own. Lines are drawn `_FINE` times as large and averaged down:
Pillow alone draws stairs.
"""

import functools
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from cpm.humans import noun
from cpm.plots.image_files import display_zoom
from cpm.skeleton import Skeleton

RIGHT, LEFT, MIDDLE = (255, 127, 14), (42, 140, 255), (255, 225, 77)
OUTLINE, UNSURE = (16, 16, 16), (176, 176, 176)
# People's rims and joints without sides; far from the colors of the sides, in any order.
PEOPLE = (
    *((44, 200, 90), (230, 60, 200), (0, 210, 210), (255, 80, 70), (150, 110, 255)),
    *((190, 220, 40), (255, 160, 200), (120, 75, 30)),
)
_FINE = 2
_PANEL_PX, _ROW_PX = 214, 19
_INK, _PALE, _BAR = (34, 34, 34), (150, 150, 150), (236, 236, 236)


def draw_pose(
    image: np.ndarray,
    result: Any,
    *,
    threshold: float | None = None,
    boxes: bool = False,
    panel: bool = False,
    zoom: float | None = None,
    numbers: bool | None = None,
    title: str | None = None,
) -> np.ndarray:
    """Everybody's joints and limbs on the image.

    Args:
      image: `[H, W, 3]` uint8.
      result: `ImagePose` of it, or anything with `people`, `skeleton` and `threshold`.
      threshold: joints below are gray, below half of it they are not drawn; None = the result's.
      boxes: whether to draw each person's box.
      panel: whether to list each person's joints and confidences beside the image.
      zoom: screen pixels per image pixel; None = a factor that suits a screen.
      numbers: whether people are numbered; None = if there are several, or a video gave them ids.
      title: first line of the panel.

    Returns:
      `[h, w, 3]` uint8; without a panel h = round(zoom · H), w = round(zoom · W).
    """
    height, width = image.shape[:2]
    zoom = zoom or display_zoom(height, width)
    threshold = result.threshold if threshold is None else threshold
    page = Image.fromarray(image)
    size = max(1, round(width * zoom)), max(1, round(height * zoom))
    if size != page.size:
        page = page.resize(size, Image.Resampling.BICUBIC, reducing_gap=2.0)
    if numbers is None:
        numbers = len(result.people) > 1 or any(p.id is not None for p in result.people)
    for n, person in enumerate(result.people):
        _draw_person(page, person, n, zoom, threshold, boxes, numbers)
    if panel:
        page = _with_panel(page, result, threshold, numbers, title)
    return np.asarray(page)


def joint_colors(skeleton: Skeleton) -> list[tuple[int, int, int]]:
    """A color for each joint: by side, or one each where no joint has a side.

    >>> from cpm.skeleton import own_skeleton
    >>> joint_colors(own_skeleton(["left_ear", "right_ear", "nose"])) == [LEFT, RIGHT, MIDDLE]
    True
    """
    sides = {"left": LEFT, "right": RIGHT}
    colors = [sides.get(joint.split("_")[0], MIDDLE) for joint in skeleton.joints]
    if MIDDLE in colors and len({*colors}) == 1:
        return [PEOPLE[p % len(PEOPLE)] for p in range(len(skeleton))]
    return colors


def person_color(number: int) -> tuple[int, int, int]:
    """The rim's color of the person of this number."""
    return PEOPLE[number % len(PEOPLE)]


def _draw_person(page, person, n, zoom, threshold, boxes, numbers):
    """One person onto the page."""
    number = n if person.id is None else person.id
    color = person_color(number)
    points = (np.asarray(person.joints_px, np.float64) + 0.5) * zoom  # pixel corners at integers
    points[~(np.abs(points) < 1e5).all(-1)] = np.nan  # nothing so far outside is seen
    found = np.isfinite(points).all(-1)
    sure = found & (np.asarray(person.confidence) >= threshold)
    unsure = found & ~sure & (np.asarray(person.confidence) >= threshold / 2)
    width = _thickness(page.size, points[sure | unsure])
    if boxes:
        _draw_box(page, person.box, zoom, color)
    seen = points[sure | unsure]
    if len(seen):
        layer = _Layer(page, seen, 3 * width + 2)
        _draw_sticks(layer, points, sure, person.skeleton, width, color if numbers else None)
        _draw_discs(layer, points, sure, unsure, person.skeleton, width)
        layer.onto(page)
    if numbers:
        _draw_number(page, points[sure], person.box, zoom, number + (person.id is None), color)


def _thickness(page_size, points):
    """Width of a stick, screen pixels: thinner in small images and on small people."""
    width = 4.0 * np.clip(min(page_size) / 400, 0.6, 2.5)
    if len(points):
        extent = float(np.ptp(points, axis=0).max())
        width *= np.clip(extent / 200, 0.5, 1.0)
    return width


class _Layer:
    """A part of the page, `_FINE` times as large, on which is drawn before it is laid over it."""

    def __init__(self, page, points, margin):
        low = np.floor(points.min(0) - margin).astype(int)
        high = np.ceil(points.max(0) + margin).astype(int) + 1
        low, high = np.clip(low, 0, page.size), np.clip(high, 0, page.size)
        self._corner = low
        width, height = map(int, np.maximum(high - low, 1) * _FINE)
        self._image = Image.new("RGBA", (width, height), (*OUTLINE, 0))
        self._draw = ImageDraw.Draw(self._image)

    def line(self, ends, width, color):
        """A stick with round ends."""
        (a, b), width = (ends - self._corner) * _FINE, width * _FINE
        across = np.array([a[1] - b[1], b[0] - a[0]])
        across = across / max(float(np.hypot(*across)), 1e-9) * width / 2
        corners = [a + across, b + across, b - across, a - across]
        self._draw.polygon([tuple(map(float, corner)) for corner in corners], color)
        for end in ends:
            self.disc(end, width / 2 / _FINE, color)

    def disc(self, middle, radius, color):
        x, y = map(float, (middle - self._corner) * _FINE - 0.5)
        r = radius * _FINE
        self._draw.ellipse((x - r, y - r, x + r, y + r), color)

    def onto(self, page):
        """Lays it over the page."""
        fine = self._image.reduce(_FINE)
        page.paste(fine, tuple(map(int, self._corner)), fine)


def _draw_sticks(layer, points, sure, skeleton, width, rim):
    """The limbs between sure joints: the rims of all, the outlines of all, then the colors."""
    colors = joint_colors(skeleton)
    limbs = [(a, b) for a, b in skeleton.limb_indices if sure[a] and sure[b]]
    rims = [] if rim is None else [(2.6 * width, rim)]
    for thick, color in (*rims, (1.8 * width, OUTLINE)):
        for a, b in limbs:
            layer.line(points[[a, b]], thick, color)
    for a, b in limbs:
        # A limb takes the color of its outer end; only midline ones are yellow.
        sided = [p for p in (a, b) if colors[p] != MIDDLE]
        layer.line(points[[a, b]], width, colors[sided[-1] if sided else a])


def _draw_discs(layer, points, sure, unsure, skeleton, width):
    """The joints, sure ones last."""
    colors = joint_colors(skeleton)
    for p in np.flatnonzero(unsure):
        layer.disc(points[p], 0.8 * width + 1, OUTLINE)
        layer.disc(points[p], 0.8 * width, UNSURE)
    for p in np.flatnonzero(sure):
        layer.disc(points[p], 1.1 * width + 1, OUTLINE)
        layer.disc(points[p], 1.1 * width, colors[p])


def _draw_box(page, box, zoom, color):
    x, y, width, height = (float(number) * zoom for number in box)
    draw = ImageDraw.Draw(page)
    corners = np.clip([x, y, x + width - 1, y + height - 1], -1e5, 1e5)
    draw.rectangle([*(corners + np.array([-1, -1, 1, 1]))], outline=OUTLINE, width=4)
    draw.rectangle([*corners], outline=color, width=2)


def _draw_number(page, points, box, zoom, number, color):
    """A small label above the person's highest joint."""
    draw, font = ImageDraw.Draw(page), _font(13)
    if len(points):
        x, y = points[points[:, 1].argmin()]
        y -= 26
    else:
        x, y = (box[0] + box[2] / 2) * zoom, box[1] * zoom
    text = str(number)
    width = draw.textlength(text, font) + 8
    x = float(np.clip(x - width / 2, 0, max(page.width - width - 1, 0)))
    y = float(np.clip(y, 0, max(page.height - 18, 0)))
    draw.rounded_rectangle((x, y, x + width, y + 17), 5, fill=color, outline=OUTLINE)
    draw.text((x + 4, y + 1), text, OUTLINE, font)


def _with_panel(page, result, threshold, numbers, title):
    """The page with a column of joints for each person at its right."""
    people = result.people[: max(1, 1 + page.width // (2 * _PANEL_PX))]
    rows = len(result.skeleton) + 2 + (title is not None)
    columns = max(1, len(people))
    size = page.width + columns * _PANEL_PX, max(page.height, (rows + 1) * _ROW_PX)
    wide = Image.new("RGB", size, "white")
    wide.paste(page)
    draw = ImageDraw.Draw(wide)
    x, y = page.width + 12, 8
    if title is not None:
        name, font = _legible(str(title), 13)
        draw.text((x, y), name, _INK, font)
        y += _ROW_PX
    if not people:
        draw.text((x, y), result.summary(), _INK, _font(13))
    for n, person in enumerate(people):
        _draw_column(draw, x + n * _PANEL_PX, y, person, n, threshold, numbers)
    if len(result.people) > len(people):
        count = len(result.people) - len(people)
        more = f"and {count} more {noun(result.skeleton.joints, count)}"
        draw.text((x, (rows) * _ROW_PX), more, _PALE, _font(11))
    return wide


def _draw_column(draw, x, y, person, n, threshold, numbers):
    """A row per joint: color, name, bar and number."""
    small, tiny = _font(12), _font(10)
    if numbers:
        number = n if person.id is None else person.id
        text = str(number + (person.id is None))
        wide = draw.textlength(text, small) + 8
        box = (x, y, x + wide, y + 15)
        draw.rounded_rectangle(box, 5, fill=person_color(number), outline=OUTLINE)
        draw.text((x + 4, y), text, OUTLINE, small)
    draw.text((x + 100, y + 2), "confidence", _PALE, tiny)
    colors, shown = joint_colors(person.skeleton), person.shown(threshold)
    for p, joint in enumerate(person.skeleton.joints):
        y += _ROW_PX
        confidence = float(np.nan_to_num(person.confidence[p]))
        color = colors[p] if shown[p] else UNSURE
        draw.ellipse((x, y + 3, x + 9, y + 12), fill=color, outline=OUTLINE)
        name, font = _legible(joint.replace("_", " "), 12)
        draw.text((x + 16, y), name, _INK if shown[p] else _PALE, font)
        draw.rectangle((x + 106, y + 3, x + 160, y + 12), fill=_BAR)
        if confidence > 0:
            draw.rectangle((x + 106, y + 3, x + 106 + 54 * min(confidence, 1), y + 12), fill=color)
        draw.text((x + 166, y), f"{confidence:.2f}", _INK if shown[p] else _PALE, small)


@functools.cache
def _font(size):
    return ImageFont.load_default(size)


def _legible(text, size):
    """(a name as it can be drawn, the font for it): Pillow's own has only Latin letters."""
    if text.isascii() and text.isprintable():
        return text, _font(size)
    from cpm.plots import canvas  # Matplotlib: half a second, for few names

    return canvas.drawable(text.replace("\n", "\\n")), ImageFont.truetype(canvas.font_file(), size)
