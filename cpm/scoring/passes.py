"""The people of one data folder, predicted pass by pass.

The first pass sees the crop that a rule places; each further one sees a crop around the joints that
were found by the one before. Regions are chosen as in prediction (cpm/inference/crop_regions.py).
"""

import dataclasses
import functools
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from tqdm import tqdm

from cpm.config import TrainConfig
from cpm.data import pipeline, verification
from cpm.evaluation.gathering import gather_predictions
from cpm.evaluation.predictions import Predictions
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
      (`Predictions`, {id: `CropRegion`} of the last pass, where it is not the first one's).
    """
    margin = crop_regions.box_margin(config.data)
    regions: dict[str, CropRegion] = {}
    passes = options.passes
    if options.crop == "middle":
        regions, passes = _from_the_middle(network, config, folder, options, margin)
    people = _one_pass(network, config, folder, options, regions)
    for _ in range(passes - 1):
        regions = regions | crop_regions.next_regions(people, margin)
        people = _one_pass(network, config, folder, options, regions)
    return people, regions


def _from_the_middle(network, config, folder, options, margin):
    """As `Predictor` begins in the middle: {id: `CropRegion`}, and the number of passes left."""
    windows = {
        id: crop_regions.first_regions(*size, "middle")
        for id, size in pipeline.image_sizes([folder], options.split).items()
    }
    plain = dataclasses.replace(options, flip=False)
    found = [
        _one_pass(network, config, folder, plain, {id: w[n] for id, w in windows.items()})
        for n in range(len(crop_regions.SHARES["middle"]))
    ]
    chosen = {
        id: crop_regions.choose_window(np.stack([people.confidence[-1, row] for people in found]))
        for row, id in enumerate(found[0].ids)
    }
    regions = {id: windows[id][n] for id, n in chosen.items()}
    if options.passes == 1:
        return regions, 1
    nearer = [crop_regions.next_regions(people, margin) for people in found]
    regions |= {id: nearer[n][id] for id, n in chosen.items() if id in nearer[n]}
    return regions, options.passes - 1


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
