"""From a picture to joints: crops, belief maps (mirrored and scaled copies averaged), peaks.

beliefs.py       crops → belief maps of every stage, in the crop's own frame
loading.py       what --ckpt names → a network for use
batches.py       batches of crops → joints of every stage in crop pixels
crop_regions.py  where to look: at the whole picture, then at the joints found there
predictor.py     one picture → joints in its own pixels
belief_file.py   one picture's belief maps → a .npz file
"""

from cpm.inference.batches import predict_batch
from cpm.inference.predictor import Prediction, Predictor

__all__ = ["Prediction", "Predictor", "predict_batch"]
