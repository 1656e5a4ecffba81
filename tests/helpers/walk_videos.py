"""Video files of the synthetic walk, with the traits that real ones have: rotated, uneven, cut.

The number of a frame is painted into its lower left corner as bits, so that a network that reads
the truth (`TruthReader`) recognizes the frame after it was compressed.
"""

from fractions import Fraction

import av
import numpy as np

from cpm.inference.video_reader import VideoReader
from cpm.inference.video_writer import VideoWriter

BITS, CELL = 10, 8  # up to 1,024 frames; a bit is a square of 8 pixels, as large as a block of JPEG


def stamp(image, number):
    """A copy of an image with a number in its lower left corner."""
    image = image.copy()
    for bit in range(BITS):
        value = 235 if number >> bit & 1 else 20
        image[-CELL:, bit * CELL : (bit + 1) * CELL] = value
    return image


def read_stamp(image):
    """The number that `stamp` painted."""
    middle = image[-CELL // 2 - 1, CELL // 2 : BITS * CELL : CELL].mean(-1)
    return int(sum((value > 128) << bit for bit, value in enumerate(middle)))


def stamped_images(count, size=(96, 112)):
    """Frames with their number in a corner, in front of a slope of grays."""
    gray = np.linspace(30, 220, size[1]).astype(np.uint8)
    plain = np.broadcast_to(gray[None, :, None], (*size, 3))
    return [stamp(plain, number) for number in range(count)]


def even_times(count, rate=25):
    """Seconds at which frames of an even rate are shown."""
    return [n / rate for n in range(count)]


def write_video(path, images, times, *, rotation=0, sound=None, codec="libx264", rate=25):
    """Writes images as a video.

    Args:
      path: its suffix says the container.
      images: list of `[H, W, 3]` uint8, upright.
      times: seconds at which they are shown.
      rotation: degrees that a player has to turn the stored frames counter-clockwise: 0, 90, 180,
        270.
      sound: codec of a tone of the same length, or None.
      codec: of the images.
      rate: frames a second that the header states.
    """
    base = Fraction(1, 12800)
    with av.open(str(path), "w") as output:
        stream = output.add_stream(codec, rate)
        height, width = np.rot90(images[0], -rotation // 90).shape[:2]
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.codec_context.time_base = base
        if rotation:
            stream.set_display_rotation(rotation)
        tone = output.add_stream(sound, 44100, layout="mono") if sound else None
        for image, time in zip(images, times, strict=True):
            turned = np.ascontiguousarray(np.rot90(image, -rotation // 90))
            frame = av.VideoFrame.from_ndarray(turned, format="rgb24")
            frame.pts, frame.time_base = round(time / base), base
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
        if tone:
            _write_tone(output, tone, times[-1])


def _write_tone(output, stream, seconds):
    """A tone of 440 Hz."""
    resampler = av.AudioResampler(stream.codec_context.format, "mono", 44100)
    wave = np.sin(2 * np.pi * 440 * np.arange(round(seconds * 44100)) / 44100)
    samples = (8000 * wave).astype(np.int16)[np.newaxis]
    for start in range(0, samples.shape[1], 1024):
        frame = av.AudioFrame.from_ndarray(samples[:, start : start + 1024], "s16", "mono")
        frame.sample_rate, frame.pts, frame.time_base = 44100, start, Fraction(1, 44100)
        for resampled in resampler.resample(frame):
            output.mux(stream.encode(resampled))
    output.mux(stream.encode(None))


def read_video(path):
    """A video's frames, and its reader."""
    with VideoReader(path) as reader:
        return list(reader), reader


def copy_video(source, target):
    """Reads and writes without drawing anything."""
    with VideoReader(source) as reader:
        writer = None
        for frame in reader:
            writer = writer or VideoWriter.like(reader, target, frame.image.shape[:2])
            writer.write(frame.image, frame.time)
        writer.close()
