"""From images to people: the project as a library.

    predict = Predictor("pretrained")
    result = predict("photo.jpg")                         # the person near the middle
    result = predict(image, box=(40, 10, 80, 200))        # the person in this box
    result = predict(image, boxes=[box, another])         # several
    x, y, confidence = result.people[0]["left_wrist"]
    for result in predict.predict_many(paths):            # one after the other, in batches
        ...

`image` is whatever cpm/inference/any_image.py takes, the result an `ImagePose`
(cpm/inference/results.py). bin/predict.py is a thin shell over it.
"""

import collections
import dataclasses
import itertools
import os
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Literal, TypeAlias

import numpy as np

from cpm import geometry
from cpm.config import DataConfig, DecodingConfig, TargetConfig
from cpm.errors import UsageError
from cpm.execution import Execution
from cpm.execution.processor import usable_cores
from cpm.inference import crop_regions
from cpm.inference.any_image import AnyImage, any_image, name_of
from cpm.inference.batches import predict_with_beliefs
from cpm.inference.beliefs import Network, decoded_grid, has_mirror_image
from cpm.inference.joint_reader import SIZES, JointReader, quick_to_begin
from cpm.inference.loading import load_for_use
from cpm.inference.results import ImagePose, PersonPose, PoseMaps, joints_box
from cpm.inference.upright_crops import upright_crop

BATCH = SIZES[-1]
# Images that are computed together; the first ones are few, so that their results come soon.
CHUNKS = (1, 1, 2, 4, BATCH)
MOST_WORKERS = 4
# Rules that place a training crop around a person; `augment.room` adds views of whole images.
AROUND_PEOPLE = ("joints", "height", "person")


# (x, y, width, height) in image pixels; a fifth number is a detector's score.
Box: TypeAlias = Sequence[float] | np.ndarray


class Predictor:
    """A trained network, ready for images of any size.

    Attributes:
      network: it.
      skeleton: names of its joints.
      threshold: the confidence below which a joint is more likely wrong than right, where the
        weights say so (cpm/checkpoints/weights_file.py), else 0; nothing is left out here.
      decoding: the `DecodingConfig`.
      margin: side of a crop relative to the longer side of a person's box.
      wants_boxes: whether the network was trained on crops around people alone, so that the first
        pass over a whole image asks for what it never saw.
    """

    def __init__(
        self,
        ckpt_or_network: str | os.PathLike | Network,
        *,
        flip: bool | None = None,
        scales: Sequence[float] = (1.0,),
        refinement: str = "taylor",
        margin: float | None = None,
        passes: int | None = None,
        crop: str | None = None,
        execution: Execution | None = None,
    ) -> None:
        """Loads the network if need be.

        Args:
          ckpt_or_network: run folder, checkpoint or exported file (`load_for_use`), or a network.
          flip: average over the mirrored crop as well, a little better in twice the time; None = if
            the network's maps have a mirror image (those of the blog's grid do not).
          scales, refinement: see `DecodingConfig`.
          margin: side of the crop relative to the longer side of the box; None = as the network
            was trained (see `crop_regions.box_margin`).
          passes: number of passes a person, each around the joints found by the one before (see
            `crop_regions.next_region`); None = 2 without a box, 1 with one.
          crop: where the first pass is without a box: `middle`, three windows around the image's
            middle (`crop_regions.choose_window` says which is followed); `whole`, all of the image;
            `image`, LSP's test; None = `image` if the network was trained so, else `middle`.
          execution: `Execution`, how a network that is loaded is computed; None = the usual way.
            One that is given brings its own way (`cpm.execution.use.Executed`).
        Raises:
          UsageError: if there is no such checkpoint, or a scale is not positive.
        """
        # What a network that comes without its configuration is taken to be trained on.
        data, target = DataConfig(margin=crop_regions.USUAL_MARGIN), TargetConfig(sigma_px=7.0)
        self.threshold, self.wants_boxes = 0.0, False
        network: Network
        if callable(ckpt_or_network):
            network = few = ckpt_or_network
        else:
            network, config, description = load_for_use(ckpt_or_network, execution)
            few = quick_to_begin(network, execution or Execution())
            data, target = config.data, config.target
            self.threshold = description.get("threshold", 0.0)
            self.wants_boxes = data.crop in AROUND_PEOPLE and not data.augment.room
        self._reader = JointReader(network, few)
        if flip is None:
            flip = has_mirror_image(network)
        try:
            self.decoding = DecodingConfig(flip, tuple(scales), refinement, target.sigma_px)
        except ValueError as error:
            raise UsageError(str(error)) from None
        self.network, self.skeleton = network, network.skeleton
        self.margin = crop_regions.box_margin(data) if margin is None else margin
        self._passes = passes
        self._first_pass = crop
        self._crop_rule, self._border = crop or crop_regions.usual_rule(data), data.border

    def __call__(
        self,
        image: AnyImage,
        box: Box | None = None,
        *,
        boxes: Sequence[Box] | np.ndarray | None = None,
        people: int | Literal["all"] = 1,
        maps: bool = False,
    ) -> ImagePose:
        """Finds the joints of one person, of those in `boxes`, or of everybody.

        Args:
          image: path, PIL image or array (cpm/inference/any_image.py).
          box: (x, y, width, height) of one person in image pixels. Without any box the first pass
            sees windows around the image's middle (see `crop_regions.first_regions`); of several
            people the one near the middle is found.
          boxes: a list of such boxes, perhaps empty; a fifth number is the detector's score.
          people: how many people to search for where there is no box: 1, another number, or `all`
            (cpm/inference/search.py).
          maps: whether the people keep the belief maps (`PoseMaps`); only with boxes or 1 person.

        Returns:
          `ImagePose`; it keeps the image.

        Raises:
          ImageError: if the image is none.
          UsageError: if a box has no area or lies outside the image.
        """
        if box is not None:
            if boxes is not None:
                raise UsageError("a person was given as box and others as boxes; use boxes alone")
            boxes = [box]
        item = _Item(any_image(image), boxes, name_of(image))
        (result,) = self._results([item], _people(people, maps), maps, keep_images=True)
        return result

    def predict_many(
        self,
        images: Iterable[Any],
        *,
        boxes: Iterable[Sequence[Box] | None] | None = None,
        people: int | Literal["all"] = 1,
        maps: bool = False,
        keep_images: bool = False,
    ) -> Iterator[ImagePose]:
        """Finds people in image after image, in batches, whatever the sizes of the images.

        Later images are read and computed while a result is used; no more than some batches are
        in memory at any time, so `images` may be endless.

        Args:
          images: iterable of whatever a single call takes, or of objects with the attribute
            `image` and perhaps `file`, `frame`, `time`, `boxes` (cpm/inference/sources.py).
          boxes: iterable of a list of boxes, or None, for each image; None = no boxes.
          people, maps: as of a single call.
          keep_images: whether the results keep their images; else `draw` reads their files again.

        Yields:
          `ImagePose` of each image, in order.

        Raises:
          ImageError: in place of the result of what is no image.
          ValueError: if there are not as many lists of boxes as images.
        """
        people = _people(people, maps)
        pairs: Iterator[tuple[Any, Any]]
        if boxes is None:
            pairs = zip(images, itertools.repeat(None), strict=False)
        else:
            pairs = zip(images, boxes, strict=True)

        def results(chunk):
            """The chunk's results, and the error that cut it short."""
            items, error = [], None
            for value, own in chunk:
                try:
                    items.append(_item(value, own))
                except UsageError as caught:
                    error = caught
                    break
            return self._results(items, people, maps, keep_images), error

        workers = min(MOST_WORKERS, usable_cores())
        sizes = itertools.chain(CHUNKS, itertools.repeat(BATCH))
        pool = ThreadPoolExecutor(workers, thread_name_prefix="predict")
        try:
            waiting: collections.deque[Any] = collections.deque()
            for size in sizes:
                chunk = list(itertools.islice(pairs, size))
                if chunk:
                    waiting.append(pool.submit(results, chunk))
                while waiting and (not chunk or len(waiting) > workers):
                    found, error = waiting.popleft().result()
                    yield from found
                    if error is not None:
                        raise error
                if not chunk:
                    return
        finally:
            # Not waited for: after an error a worker's own thread may be the one to collect this.
            pool.shutdown(wait=False, cancel_futures=True)

    def expect(self, images: int) -> None:
        """Says that about so many images will come, one person in each.

        What pays for many is then prepared with the first of them, not after some hundred.
        """
        windows = len(crop_regions.first_regions(1, 1, self._crop_rule))
        passes = self._passes or 2
        if windows > 1:  # a pass that is not mirrored, see `_with_one_region`
            self._reader.expect(images * windows, dataclasses.replace(self.decoding, flip=False))
            passes = max(1, passes - 1)
        self._reader.expect(images * passes, self.decoding)

    def poses(
        self,
        images: Sequence[np.ndarray],
        regions: Sequence[geometry.CropRegion],
        *,
        flip: bool | None = None,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Joints in given squares of given images: one pass.

        Args:
          images: list of N arrays `[H, W, 3]` uint8; the same one may be in it many times.
          regions: list of N `geometry.CropRegion`.
          flip: as of the constructor; None = as there.

        Returns:
          joints `[N, P, 2]` float64 in image pixels, confidence `[N, P]` float32.
        """
        decoding = self.decoding
        if flip is not None:
            decoding = dataclasses.replace(decoding, flip=flip)
        joints_px = np.empty([len(regions), len(self.skeleton), 2])
        confidence = np.empty([len(regions), len(self.skeleton)], np.float32)
        for start in range(0, len(regions), BATCH):
            rows = slice(start, start + BATCH)
            batch, matrices = self._batch(images[rows], regions[rows])
            joints_crop, confidence[rows] = self._reader(batch, decoding)
            joints_px[rows] = geometry.transform_points(matrices, joints_crop)
        return joints_px, confidence

    def settings(self) -> dict[str, Any]:
        """How it predicts, as plain values: `passes` and `crop` are None where the box decides."""
        decoding = {"flip": self.decoding.flip, "scales": list(self.decoding.scales)}
        decoding["refinement"] = self.decoding.refinement
        decoding["precision"] = getattr(self.network, "precision", None)
        return decoding | {"passes": self._passes, "crop": self._first_pass}

    def _results(self, items, people, maps, keep_images):
        """The `ImagePose` of each `_Item`."""
        searched = [people != 1 and item.boxes is None for item in items]
        seen = [item for item, search in zip(items, searched, strict=True) if not search]
        found = iter(self._at_boxes(seen, maps))
        results = []
        for item, search in zip(items, searched, strict=True):
            persons = self._searched(item.image, people) if search else next(found)
            results.append(
                ImagePose(
                    people=tuple(persons),
                    image_size=item.image.shape[:2],
                    skeleton=self.skeleton,
                    threshold=self.threshold,
                    file=item.file,
                    frame=item.frame,
                    time=item.time,
                    image=item.image if keep_images else None,
                )
            )
        return results

    def _searched(self, image, people):
        """The people that a search finds in one image."""
        from cpm.inference.search import find_people

        return find_people(self, image, limit=None if people == "all" else people)

    def _at_boxes(self, items, maps):
        """A list of `PersonPose` for each item: at its boxes, or near the middle without any."""
        targets = [
            (n, self._target(item, box))
            for n, item in enumerate(items)
            for box in ([None] if item.boxes is None else item.boxes)
        ]
        found = self._all_passes(self._with_one_region([t for _, t in targets]), maps)
        people: list[list[PersonPose]] = [[] for _ in items]
        for (n, target), joints_px, confidence, pose_maps in zip(targets, *found, strict=True):
            box = target.box or joints_box(joints_px, confidence, self.threshold)
            about = {"score": target.score, "maps": pose_maps}
            people[n].append(PersonPose(self.skeleton, joints_px, confidence, box, **about))
        return people

    def _target(self, item, box):
        """The `_Target` of a box, perhaps with a score, or of None: the middle."""
        height, width = item.image.shape[:2]
        if box is None:
            regions = crop_regions.first_regions(height, width, self._crop_rule)
            return _Target(item.image, regions, self._passes or 2)
        score = float(box[4]) if len(box) == 5 else None
        box = check_box(box[:4] if len(box) == 5 else box, height, width, item.file)
        regions = [geometry.region_from_box(box, self.margin)]
        return _Target(item.image, regions, self._passes or 1, box, score)

    def _with_one_region(self, targets):
        """The targets; where there were several regions, the one that a first pass leads to.

        That pass is not mirrored, since it only says where the next one is.
        """
        rows = [n for n, target in enumerate(targets) if len(target.regions) > 1]
        if not rows:
            return targets
        pairs = [(targets[n].image, region) for n in rows for region in targets[n].regions]
        joints_px, confidence = self.poses(*zip(*pairs, strict=True), flip=False)
        first, resolved = 0, list(targets)
        for n in rows:
            target = targets[n]
            windows = slice(first, first + len(target.regions))
            first = windows.stop
            best = crop_regions.choose_window(confidence[windows])
            region, passes = target.regions[best], target.passes
            if passes > 1:
                pose = joints_px[windows][best], confidence[windows][best]
                nearer = crop_regions.next_region(*pose, region.side_px, self.margin)
                region, passes = nearer or region, passes - 1
            resolved[n] = dataclasses.replace(target, regions=[region], passes=passes)
        return resolved

    def _all_passes(self, targets, maps):
        """Passes over N people, each around the joints found by the one before.

        Args:
          targets: list of N `_Target`, each of one region.
          maps: whether belief maps are kept.

        Returns:
          joints `[N, P, 2]`, confidence `[N, P]`, list of N `PoseMaps` or None.
        """
        images = [target.image for target in targets]
        regions = [target.regions[0] for target in targets]
        joints_px, confidence, kept = self._one_pass(images, regions, maps)
        rows = list(range(len(regions)))
        for done in itertools.count(1):
            nearer = {
                n: crop_regions.next_region(
                    joints_px[n], confidence[n], regions[n].side_px, self.margin
                )
                for n in rows
                if targets[n].passes > done
            }
            rows = [n for n, region in nearer.items() if region is not None]
            if not rows:
                return joints_px, confidence, kept
            for n in rows:
                regions[n] = nearer[n]
            again = self._one_pass([images[n] for n in rows], [regions[n] for n in rows], maps)
            joints_px[rows], confidence[rows] = again[:2]
            for n, pose_maps in zip(rows, again[2], strict=True):
                kept[n] = pose_maps

    def _one_pass(self, images, regions, maps):
        """As `poses`, with a list of N `PoseMaps`, or of None without `maps`."""
        if not maps:
            return *self.poses(images, regions), [None] * len(regions)
        kept = [self._pass_with_maps(*pair) for pair in zip(images, regions, strict=True)]
        joints_px = np.empty([len(kept), len(self.skeleton), 2])
        confidence = np.empty([len(kept), len(self.skeleton)], np.float32)
        for n, (pose_maps, own) in enumerate(kept):
            joints_px[n], confidence[n] = pose_maps.stage_joints_px[-1], own
        return joints_px, confidence, [pose_maps for pose_maps, _ in kept]

    def _pass_with_maps(self, image, region):
        """The `PoseMaps` of one pass over this `CropRegion`, and the confidence `[P]`."""
        batch, matrices = self._batch([image], [region])
        beliefs, joints_crop, confidence = predict_with_beliefs(self.network, batch, self.decoding)
        pose_maps = PoseMaps(
            stage_joints_px=geometry.transform_points(matrices[0], joints_crop[:, 0].numpy()),
            beliefs=tuple(np.asarray(b_t[0]) for b_t in beliefs),
            stride=decoded_grid(self.network, self.decoding)[0],
            crop=np.clip(np.rint(batch["image"][0]), 0, 255).astype(np.uint8),
            crop_to_image=matrices[0],
        )
        return pose_maps, confidence[-1, 0].numpy()

    def _batch(self, images, regions):
        """N crops, with their scaled copies if asked for, and their maps into images `[N, 2, 3]`.

        All are NumPy arrays, float32.
        """
        height, width = size = self.network.config.image_size
        pairs = list(zip(images, regions, strict=True))
        matrices = [geometry.crop_to_image(region, size) for region in regions]
        crops = [
            upright_crop(image, matrix, size, self._border)
            for (image, _), matrix in zip(pairs, matrices, strict=True)
        ]
        middle = np.array([(width - 1) / 2, (height - 1) / 2], np.float32)
        batch = {"image": np.stack(crops), "center_px": np.tile(middle, [len(crops), 1])}
        if self.decoding.scales != (1.0,):
            batch["pyramid"] = np.stack(
                [
                    [
                        upright_crop(
                            image, geometry.crop_to_image(region, size, s), size, self._border
                        )
                        for s in self.decoding.scales
                    ]
                    for image, region in pairs
                ]
            )  # [N, S, H, W, 3]
        return batch, np.stack(matrices)


@dataclasses.dataclass(frozen=True, eq=False)
class _Item:
    """One image on its way: pixels, boxes (None = the middle), and what its result is called."""

    image: np.ndarray
    boxes: Sequence[Box] | np.ndarray | None
    file: str | None
    frame: int | None = None
    time: float | None = None


@dataclasses.dataclass(frozen=True, eq=False)
class _Target:
    """One person to find in an image: where the first pass is, number of passes, what is known."""

    image: np.ndarray
    regions: list[geometry.CropRegion]
    passes: int
    box: tuple[float, float, float, float] | None = None
    score: float | None = None


def _item(value, boxes):
    """The `_Item` of an element of `Predictor.predict_many`."""
    if not hasattr(value, "image"):
        return _Item(any_image(value), boxes, name_of(value))
    names = ("file", "frame", "time")
    file, frame, time = (getattr(value, name, None) for name in names)
    if boxes is None:
        boxes = getattr(value, "boxes", None)
    return _Item(any_image(value.image), boxes, file, frame, time)


def _people(people, maps):
    """The checked argument: `all` or a positive int."""
    if people != "all" and not (isinstance(people, int) and people >= 1):
        raise UsageError(f"people is {people!r}; expected a number from 1 on, or 'all'")
    if maps and people != 1:
        raise UsageError(
            f"belief maps are not kept in a search for people={people}; ask for them at boxes, or "
            "of one person"
        )
    return people


def check_box(
    box: Box, height: int, width: int, file: str | None = None
) -> tuple[float, float, float, float]:
    """The box as four floats; an error names the `file` if there is one.

    Raises:
      UsageError: if it is not (x, y, width, height) of something inside a height × width image.
    """
    numbers, of = tuple(map(float, box)), f"{file}: " if file else ""
    if len(numbers) != 4 or not np.isfinite(numbers).all() or min(numbers[2:]) <= 0:
        raise UsageError(
            f"{of}box is {numbers}; expected x, y, width, height in pixels with a positive size"
        )
    x, y, box_width, box_height = numbers
    if x >= width or y >= height or x + box_width <= 0 or y + box_height <= 0:
        raise UsageError(
            f"{of}box {numbers} lies outside the image, which is {width} x {height} pixels"
        )
    return x, y, box_width, box_height
