"""Many images on one page."""

from collections.abc import Sequence

import numpy as np

from cpm.plots.canvas import Canvas, drawable
from cpm.plots.image_files import fit

_CAPTION_PX = 24
_GAP_PX = 10


def contact_sheet(
    images: Sequence[np.ndarray],
    captions: Sequence[str] | None = None,
    *,
    columns: int = 4,
    tile_px: int = 280,
    title: str = "",
) -> np.ndarray:
    """A grid of images with captions; each keeps its proportions.

    Args:
      images: list of `[H, W, 3]` uint8, of any sizes.
      captions: list of strings, or None.
      columns: at most so many side by side.
      tile_px: longer side of an image on the page.
      title: line at the top.

    Returns:
      `[h, w, 3]` uint8.

    Raises:
      ValueError: if there are no images, or captions of another number.
    """
    if not images:
        raise ValueError("a contact sheet needs at least one image")
    if captions is not None and len(captions) != len(images):
        raise ValueError(f"{len(captions)} captions for {len(images)} images")
    columns = min(columns, len(images))
    rows = -(-len(images) // columns)
    tiles = [fit(image, tile_px) for image in images]
    cell_width = max(max(tile.shape[1] for tile in tiles), 120)
    caption_px = _CAPTION_PX if captions is not None else 0
    heights = [  # of each row
        max(tile.shape[0] for tile in tiles[r * columns : (r + 1) * columns]) for r in range(rows)
    ]
    top = _GAP_PX + (_CAPTION_PX if title else 0)
    canvas = Canvas(
        _GAP_PX + columns * (cell_width + _GAP_PX),
        top + sum(heights) + rows * (caption_px + _GAP_PX),
    )
    if title:
        canvas.text(_GAP_PX, top / 2 + 2, title, size=11, weight="bold")
    y = top
    for r, height in enumerate(heights):
        for k, tile in enumerate(tiles[r * columns : (r + 1) * columns]):
            x = _GAP_PX + k * (cell_width + _GAP_PX)
            left = x + (cell_width - tile.shape[1]) // 2
            canvas.paste(left, y, tile)
            if captions is not None:
                canvas.text(
                    x + cell_width / 2,
                    y + height + caption_px / 2,
                    _shorten(drawable(captions[r * columns + k]), cell_width),
                    ha="center",
                )
        y += height + caption_px + _GAP_PX
    return canvas.pixels()


def _shorten(text, width_px):
    """Cuts a caption to what fits at 9 points, about 7 pixels a letter."""
    letters = int(width_px / 7)
    return text if len(text) <= letters else text[: letters - 1] + "…"
