"""From images to people: crops, belief maps (mirrored and scaled copies averaged), peaks.

beliefs.py        crops → belief maps of every stage, in the crop's own frame
loading.py        what --ckpt names → a network for use
batches.py        batches of crops → joints of every stage in crop pixels
crop_regions.py   regions of the passes: windows of the image, then around the joints found there
upright_crops.py  image and region → crop
joint_reader.py   batches of crops → joints of the last stage, soon or fast
any_image.py      one path, PIL image, array of any kind → RGB pixels
image_frames.py   image files of all kinds → their frames or pages
animations.py     animated images, used like videos
videos.py         videos in and out, for programs: the next four
video_reader.py   videos and cameras → frames
video_writer.py   frames → an mp4
video_sound.py    the sound of a video in another
video_files.py    opening videos and cameras
frame_reader.py   what videos and animations have in common, and their frames
one_source.py     one file, camera or array → its images
sources.py        files, folders, patterns, and several of them → images, lazily
predictor.py      images → people in image pixels
image_query.py    what is asked of one image, checked
passes.py         the passes over people, each around the joints of the one before
one_pass.py       squares of images → joints in image pixels, with or without belief maps
chunks.py         work on chunks of an iterable, in threads
tracking.py       people from frame to frame: one pass each, numbers that stay
track.py          one person who is followed, or lost
matching.py       which poses, tracks and finds are of one person
lookahead.py      passes over the next frames of a video, in one batch
smoothing.py      joints of a video, less trembling
video_poses.py    a video → people in every frame
overlap.py        making the next items while one is used
results.py        what was found in an image: `ImagePose`
person_pose.py    one person who was found: `PersonPose`
writers.py        results → JSON, CSV, COCO, OpenPose
boxes.py          files of boxes, of a detector or of annotations
belief_file.py    one person's belief maps → a .npz file
"""

from cpm.inference.batches import predict_batch
from cpm.inference.person_pose import PersonPose
from cpm.inference.predictor import Predictor
from cpm.inference.results import ImagePose
from cpm.inference.smoothing import OneEuro
from cpm.inference.sources import images_from
from cpm.inference.video_poses import video_poses

__all__ = [
    "ImagePose",
    "OneEuro",
    "PersonPose",
    "Predictor",
    "images_from",
    "predict_batch",
    "video_poses",
]
