"""Figures measured in pixels."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, findfont, get_font

DPI = 100  # 1 point of text = 100 / 72 pixels
TEXT_COLOR = "#222222"
GRID_COLOR = "#dddddd"


class Canvas:
    """A white page of `width` × `height` pixels, (0, 0) at its top left."""

    def __init__(self, width: float, height: float) -> None:
        self.width, self.height = int(width), int(height)
        # Matplotlib cuts inches × dpi to whole pixels; 460 / 100 × 100 is a little under 460.
        size = ((self.width + 1e-3) / DPI, (self.height + 1e-3) / DPI)
        self.figure = Figure(figsize=size, dpi=DPI)
        self._agg = FigureCanvasAgg(self.figure)

    def axes(self, x: float, y: float, width: float, height: float) -> Axes:
        """Matplotlib axes over this rectangle of the page, pixels."""
        return self.figure.add_axes(
            (
                x / self.width,
                1 - (y + height) / self.height,
                width / self.width,
                height / self.height,
            )
        )

    def image_axes(self, x: float, y: float, width: float, height: float) -> Axes:
        """Axes without frame or ticks, for an image that fills them."""
        axes = self.axes(x, y, width, height)
        axes.set_axis_off()
        return axes

    def paste(self, x: float, y: float, image: np.ndarray) -> None:
        """Puts `[h, w, 3]` uint8 pixels with its top left corner at (x, y), unchanged."""
        below = self.height - int(y) - image.shape[0]
        self.figure.figimage(image, xo=int(x), yo=below, origin="upper")

    def text(
        self,
        x: float,
        y: float,
        text: str,
        *,
        size: float = 9,
        math: bool = False,
        **options: Any,
    ) -> None:
        """Writes a text at this pixel of the page.

        Args:
          x, y: of the page, pixels.
          text: as it is, `$` included, since names of files are shown; see `drawable`.
          size: of the letters, points.
          math: whether `$…$` in it is mathematics.
          **options: as in matplotlib's `Figure.text`.
        """
        usual: dict[str, Any] = {"color": TEXT_COLOR, "va": "center", "parse_math": math}
        at = x / self.width, 1 - y / self.height
        self.figure.text(*at, drawable(text), fontsize=size, **(usual | options))

    def pixels(self) -> np.ndarray:
        """`[height, width, 3]` uint8."""
        self._agg.draw()
        return np.asarray(self._agg.buffer_rgba())[..., :3].copy()


def drawable(text: str) -> str:
    """The text with an escape for every character that the font of the figures does not have.

    It would be drawn as a square, and one joint could not be told from another. Such are half
    characters too, by which Python stands for the bytes of a name in no Unicode.

    >>> drawable("$5_ü\\n"), drawable("猫\\udcfc")
    ('$5_ü\\n', '\\\\u732b\\\\udcfc')
    """
    font = get_font(font_file())
    known = (c == "\n" or (c.isprintable() and font.get_char_index(ord(c))) for c in text)
    escapes = (c.encode("unicode_escape").decode() for c in text)
    return "".join(c if k else e for c, k, e in zip(text, known, escapes, strict=True))


def font_file() -> str:
    """Path of the font of the figures: DejaVu Sans, which has no Chinese letters."""
    return findfont(FontProperties())


def show_image(axes: Axes, image: np.ndarray) -> None:
    """Fills `axes` with `[H, W, 3]` pixels; data coordinates are the image's own pixels."""
    height, width = image.shape[:2]
    axes.imshow(
        image,
        extent=(-0.5, width - 0.5, height - 0.5, -0.5),
        interpolation="bilinear",
        aspect="auto",
    )
    axes.set_xlim(-0.5, width - 0.5)
    axes.set_ylim(height - 0.5, -0.5)


def plain_axes(axes: Axes, title: str = "", x_label: str = "", y_label: str = "") -> None:
    """The look of every diagram: light grid, no box, one size of text."""
    axes.grid(color=GRID_COLOR, linewidth=0.8)
    axes.set_axisbelow(True)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    axes.tick_params(labelsize=9, colors=TEXT_COLOR)
    axes.set_title(title, fontsize=11, color=TEXT_COLOR, loc="left")
    axes.set_xlabel(x_label, fontsize=9, color=TEXT_COLOR)
    axes.set_ylabel(y_label, fontsize=9, color=TEXT_COLOR)
