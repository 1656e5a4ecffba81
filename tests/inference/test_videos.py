"""The names that documents tell programs to import."""

from cpm.inference import video_reader, video_writer, videos


def test_names_of_the_documents():
    assert videos.VideoReader is video_reader.VideoReader
    assert videos.VideoWriter is video_writer.VideoWriter
    assert {*videos.__all__} == {"VideoFrame", "VideoReader", "VideoWriter"}
