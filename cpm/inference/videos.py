"""Videos in and out: what programs import.

    from cpm.inference.videos import VideoReader, VideoWriter

video_reader.py   frames with their times, of files and cameras
video_writer.py   an mp4 of images with their times
video_sound.py    the sound of the one in the other
video_files.py    opening files and cameras
"""

from cpm.inference.frame_reader import VideoFrame
from cpm.inference.video_reader import VideoReader
from cpm.inference.video_writer import VideoWriter

__all__ = ["VideoFrame", "VideoReader", "VideoWriter"]
