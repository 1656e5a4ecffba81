"""From images to people: crops, belief maps (mirrored and scaled copies averaged), peaks.

beliefs.py        crops → belief maps of every stage, in the crop's own frame
batches.py        batches of crops → joints of every stage in crop pixels
crop_regions.py   where to look: at the whole image, then at the joints found there
upright_crops.py  image and region → crop
joint_reader.py   batches of crops → joints of the last stage, soon or fast
any_image.py      paths, PIL images, arrays of any kind → RGB pixels
predictor.py      images → people in image pixels
results.py        what was found: `PersonPose`, `ImagePose`
writers.py        results → JSON, CSV, COCO, OpenPose
boxes.py          files of boxes, of a detector or of annotations
belief_file.py    one person's belief maps → a .npz file
"""

from cpm.inference.batches import predict_batch
from cpm.inference.predictor import Predictor
from cpm.inference.results import ImagePose, PersonPose

__all__ = ["ImagePose", "PersonPose", "Predictor", "predict_batch"]
