"""PNG and TIFF of 16 bits a color, read in full by FFmpeg (PyAV): Pillow keeps only 8 of them.

Pillow reads the header: pages, size, rotation, transparency. Of the pixels the range that is used
is stretched to 0 … 255 (stretching.py). Transparent pixels do not count for it and become gray,
like everywhere. What FFmpeg cannot decode is refused: the upper 8 bits alone may be a black image.

Gray of 16 bits without transparency is no matter of this file: Pillow reads all of it.

References: the PNG specification, 11.2.2 (color types); TIFF 6.0, tags 258, 274 and 338.
"""

from typing import Any, Literal

import numpy as np

from cpm.data.stretching import BACKDROP, stretch

BITS, ORIENTATION, EXTRA_SAMPLES = 258, 0x0112, 338  # TIFF's tags; EXIF has the second, too
FULL = np.float32(65535)
ROWS = 256  # that are mixed with the backdrop at once: copies of all of them take memory
# What turns an image upright, by the orientation that its file names.
_TURNS = {
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.swapaxes(0, 1),
    6: lambda a: a.swapaxes(0, 1)[:, ::-1],
    7: lambda a: a.swapaxes(0, 1)[::-1, ::-1],
    8: lambda a: a.swapaxes(0, 1)[::-1],
}


def is_deep(image: Any) -> bool:
    """Whether a page of a file has more than 8 bits a color, of which Pillow would keep 8.

    Args:
      image: Pillow's, of a file, at the page in question, not decoded yet.
    """
    if image.format == "TIFF":
        return image.mode[0] not in "IF" and max(image.tag_v2.get(BITS, (1,))) > 8
    if image.format != "PNG" or not image.tile:
        return False
    return ";16" in str(image.tile[0][3]) and (image.mode[0] != "I" or "transparency" in image.info)


def read_deep(content: bytes, image: Any) -> np.ndarray:
    """The page of a file of which `is_deep` is true.

    Args:
      content: bytes of the file.
      image: Pillow's image of them, at the page.

    Returns:
      `[H, W, 3]` uint8, RGB, upright, stretched.

    Raises:
      ValueError: if FFmpeg cannot decode it.
      Pillow's errors: if it is damaged; `cpm.data.images.opened` makes an `ImageError` of all.
    """
    premultiplied = False
    if image.format == "TIFF":  # decoded, Pillow's image has lost its orientation
        orientation = image.tag_v2.get(ORIENTATION, 1)
        premultiplied = image.tag_v2.get(EXTRA_SAMPLES, (0,))[0] == 1
        image.load()
    else:
        image.load()  # FFmpeg may give a part of a damaged file without a word
        orientation = image.getexif().get(ORIENTATION, 1)
    transparent = image.mode in ("RGBA", "LA") or "transparency" in image.info
    pixels = _decoded(content, image, "rgba64le" if transparent else "rgb48le")
    rgb = _opaque(pixels, premultiplied) if transparent else stretch(pixels)
    return np.ascontiguousarray(_TURNS.get(orientation, lambda a: a)(rgb))


def _decoded(content, image, layout):
    """All bits of a page, `[H, W, 3 or 4]` uint16."""
    import av  # a sixth of a second, for few files

    try:
        context: Any = av.CodecContext.create(image.format.lower(), "r")
        context.thread_count = 1  # else the image comes only when it is asked for again
        if image.format == "TIFF":
            content = _from_page(content, image.tell())
        (frame,) = context.decode(av.Packet(content))
        if {frame.width, frame.height} != {*image.size}:
            raise ValueError(f"it finds {frame.width} x {frame.height} pixels")
        pixels = frame.to_ndarray(format=layout)
    except (av.FFmpegError, ValueError, MemoryError) as error:
        raise ValueError(
            f"it has more than 8 bits a color, and FFmpeg cannot read them ({error}); save it "
            "with 8 bits a color, or as PNG"
        ) from error
    return pixels


def _from_page(content, page):
    """A TIFF that begins with one of its pages: FFmpeg's own option for pages finds none but one.

    Each directory of a page ends in the place of the next one, as the header does.
    """
    order: Literal["little", "big"] = "little" if content[:2] == b"II" else "big"
    link = 4
    for _ in range(page):
        start = int.from_bytes(content[link : link + 4], order)
        link = start + 2 + 12 * int.from_bytes(content[start : start + 2], order)
    return content[:4] + content[link : link + 4] + content[8:]


def _opaque(pixels, premultiplied):
    """RGB and opacity, `[H, W, 4]` uint16 → RGB on the backdrop, stretched by what is seen."""
    colors, seen = pixels[..., :3], pixels[..., 3] > 0
    mixed = np.full(colors.shape, BACKDROP, np.uint8)
    if not seen.any():
        return mixed
    bands = [slice(row, row + ROWS) for row in range(0, len(pixels), ROWS)]
    if premultiplied:
        for rows in bands:
            opacity = np.maximum(pixels[rows, :, 3:], 1) / FULL
            colors[rows] = np.minimum(colors[rows] / opacity, FULL)
    colors[~seen] = colors.min(where=seen[..., np.newaxis], axis=(0, 1), initial=65535).min()
    colors = stretch(colors)
    for rows in bands:
        opacity = pixels[rows, :, 3:] / FULL
        mixed[rows] = np.rint(opacity * colors[rows] + (1 - opacity) * BACKDROP)
    return mixed
