"""From a picture to joints: crops, belief maps (mirrored and scaled copies averaged), peaks.

beliefs.py      crops → belief maps of every stage, in the crop's own frame
predictor.py    one picture → joints in its own pixels
batches.py      the input pipeline's batches → `cpm.evaluation.Predictions`
belief_file.py  one picture's belief maps → a .npz file
"""

from cpm.inference.batches import evaluate_batches, predict_batch
from cpm.inference.predictor import Prediction, Predictor

__all__ = ["Prediction", "Predictor", "evaluate_batches", "predict_batch"]
