"""Animated images as frames with times: cut short, and of absurd size."""

import io

import numpy as np
import pytest
from PIL import Image

from cpm.data.images import ImageError
from cpm.inference import animations
from cpm.inference.animations import AnimationReader
from cpm.inference.sources import images_from
from tests.helpers.plain_images import COLORS, colors, plain


@pytest.mark.parametrize("suffix", ["gif", "webp", "png"])
def test_animation_is_frames_with_times(tmp_path, suffix):
    path = tmp_path / f"a.{suffix}"
    first, *others = (Image.fromarray(plain(color)) for color in COLORS)
    first.save(path, save_all=True, append_images=others, duration=[100, 300, 100], loop=0)
    items = list(images_from(path))
    assert colors(items) == [0, 1, 2]
    assert [item.frame for item in items] == [0, 1, 2]
    np.testing.assert_allclose([item.time for item in items], [0.0, 0.1, 0.4])
    (source,) = images_from(path).sources()
    assert source.moves and source.reader().frames_expected == 3


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG"])
def test_animations_of_absurd_size_are_refused(tmp_path, monkeypatch, kind):
    """Before a frame is decoded: 27 million pixels a frame took seconds and gigabytes each."""
    monkeypatch.setattr(animations, "MOST_PIXELS", 20 * 30 - 1)
    first, second = (Image.fromarray(plain(color)) for color in COLORS[:2])
    first.save(tmp_path / "a", kind, save_all=True, append_images=[second])
    with pytest.raises(ImageError, match="30 x 20 pixels; at most 599 are read"):
        AnimationReader(tmp_path / "a")


def test_cut_animation_keeps_its_first_frames(tmp_path, seeded):
    noise = seeded(1).integers(0, 255, [8, 64, 64, 3]).astype(np.uint8)
    first, *others = (Image.fromarray(frame) for frame in noise)
    buffer = io.BytesIO()
    first.save(buffer, "GIF", save_all=True, append_images=others, duration=40)
    (tmp_path / "a.gif").write_bytes(buffer.getvalue())
    (tmp_path / "b.gif").write_bytes(buffer.getvalue()[: len(buffer.getvalue()) // 2])
    with AnimationReader(tmp_path / "a.gif") as whole:
        assert len(list(whole)) == 8 and not whole.broken and not whole.ended_early
    assert 2 <= len(list(images_from(tmp_path / "b.gif"))) <= 4
