"""The people of one data folder, predicted pass by pass.

The first pass sees the crop that a rule places; each further one sees a crop around the joints that
were found by the one before. Regions are chosen, and poses of a pass kept, as in prediction
(cpm/inference/crop_regions.py).
"""

import dataclasses
import functools
import itertools
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from tqdm import tqdm

from cpm.config import TrainConfig
from cpm.data import pipeline, verification
from cpm.evaluation.gathering import gather_predictions
from cpm.evaluation.predictions import Predictions, choose
from cpm.geometry import CropRegion
from cpm.inference import crop_regions
from cpm.inference.batches import predict_batch
from cpm.inference.beliefs import Network
from cpm.scoring.options import Options


def predict_folder(
    network: Network, config: TrainConfig, folder: str, options: Options
) -> tuple[Predictions, dict[str, CropRegion]]:
    """`Predictions` of one folder's people after all passes, and the regions of the last.

    Args:
      network, config, options: as of `evaluate.evaluate_folders`.
      folder: a converted data folder.

    Returns:
      (`Predictions`, {id: `CropRegion`} of the pass that counts, where it is not the first one's).
    """
    margin = crop_regions.box_margin(config.data)
    one_pass = functools.partial(_one_pass, network, config, folder)
    if options.crop == "middle":
        people, regions = _windows(one_pass, folder, options)
        if options.passes == 1:
            return one_pass(options, regions), regions
    else:
        people, regions = one_pass(options, {}), {}
    for _ in range(options.passes - 1):
        again = regions | crop_regions.next_regions(people, margin)
        after = one_pass(options, again)
        # Windows are not mirrored: where they led to no crop, the same one is seen again, mirrored.
        same = [regions.get(id) == again.get(id) for id in people.ids]
        replaces = crop_regions.replaces(after.confidence[-1], people.confidence[-1]) | same
        people = choose(replaces, after, people)
        regions |= {id: again[id] for id in itertools.compress(people.ids, replaces) if id in again}
    return people, regions


def _windows(one_pass, folder, options):
    """As `Predictor` begins in the middle: the people of the windows followed, and the windows.

    Returns:
      (`Predictions`, not mirrored; {id: `CropRegion`}).
    """
    windows = {
        id: crop_regions.first_regions(*size, "middle")
        for id, size in pipeline.image_sizes([folder], options.split).items()
    }
    plain = dataclasses.replace(options, flip=False, scales=(1.0,))
    found = [
        one_pass(plain, {id: w[n] for id, w in windows.items()})
        for n in range(len(crop_regions.SHARES["middle"]))
    ]
    best = np.array(
        [
            crop_regions.choose_window(confidence)
            for confidence in np.stack([people.confidence[-1] for people in found], axis=1)
        ]
    )  # [N]
    people = found[0]
    for n, other in enumerate(found):
        people = choose(best == n, other, people)
    return people, {id: windows[id][n] for id, n in zip(people.ids, best, strict=True)}


def _one_pass(network, config, folder, options, regions):
    """`Predictions` of one pass over one folder's people."""
    # disable=None: no bar where the output is not a terminal.
    with tqdm(unit=" people", desc=str(folder), leave=False, disable=None) as bar:
        return gather_predictions(
            batches_of(config, folder, options, regions),
            functools.partial(predict_batch, network, decoding=options.decoding(config)),
            progress=bar.update,
        )


def batches_of(
    config: TrainConfig, folder: str, options: Options, regions: Mapping[str, CropRegion]
) -> Iterator[Any]:
    """The batches of one data folder, crops at these regions where there are any."""
    batches = pipeline.evaluation_batches(
        [folder],
        config,
        split=options.split,
        crop="whole" if options.crop == "middle" else options.crop,
        scales=options.scales,
        regions=regions,
    )
    return verification.whole_batches(batches, [folder], options.split)
