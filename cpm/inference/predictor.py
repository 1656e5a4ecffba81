"""From images to people: the project as a library.

    predict = Predictor("pretrained")
    result = predict("photo.jpg")                         # the person near the middle
    result = predict(image, box=(40, 10, 80, 200))        # the person in this box
    result = predict(image, boxes=[box, another])         # several
    x, y, confidence = result.people[0]["left_wrist"]
    for result in predict.predict_many("photos"):         # one after the other, in batches
        ...

`image` is whatever cpm/inference/any_image.py takes, the result an `ImagePose`
(cpm/inference/results.py). bin/predict.py is a thin shell over it.
"""

import dataclasses
import functools
import itertools
import numbers
import os
import threading
import warnings
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Literal, NoReturn

import numpy as np

from cpm import geometry, untrusted
from cpm.config import DataConfig, DecodingConfig, TargetConfig, TrainConfig
from cpm.errors import UsageError
from cpm.execution import Execution
from cpm.execution.processor import usable_cores
from cpm.inference import crop_regions
from cpm.inference.any_image import AnyImage, is_pixels, name_of
from cpm.inference.beliefs import Network, has_mirror_image
from cpm.inference.chunks import in_threads
from cpm.inference.image_query import Box, ImageQuery, check_people, image_query, one_image
from cpm.inference.joint_reader import SIZES, JointReader, quick_to_begin
from cpm.inference.loading import load_for_use
from cpm.inference.one_pass import OnePass
from cpm.inference.passes import all_passes, person_query, with_one_region
from cpm.inference.person_pose import PersonPose, joints_box, somebody
from cpm.inference.results import ImagePose
from cpm.inference.sources import images_from
from ops import REFINEMENTS

# Images that are computed together; the first ones are few, so that their results come soon.
CHUNKS = (1, 1, 2, 4, SIZES[-1])
MOST_THREADS = 4
MARGINS = 0.1, 100.0  # that make sense of a crop


class Predictor:
    """A trained network, ready for images of any size. Threads may share it, processes may not.

    Attributes:
      network: it.
      skeleton: names of its joints.
      threshold: the confidence below which a joint is more likely wrong than right, where the
        weights say so (cpm/checkpoints/weights_file.py), else 0; no joint is left out here.
      least: without a box, nobody is found where too few joints' confidences reach it (`somebody`);
        `threshold` unless it is changed.
      decoding: the `DecodingConfig`.
      margin: side of a crop relative to the longer side of a person's box.
      wants_boxes: whether the network was trained on crops around people alone, so that the first
        pass over a whole image asks for what it never saw.
      tells_people_apart: whether the network was trained with other people pasted into its crops,
        so that a search for everybody (cpm/inference/search.py) is worth its time.
      config: the `TrainConfig` of the network; None if a network was given.
      description: what the checkpoint says (`load_for_use`); empty if a network was given.
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
          passes: most passes a person, each around the joints found by the one before (see
            `crop_regions.next_region`); one that is clearly less sure is the last and does not
            count (`crop_regions.replaces`). None = 2 without a box, 1 with one.
          crop: where the first pass is without a box: `middle`, three windows around the image's
            middle (`crop_regions.choose_window` says which is followed); `whole`, all of the image;
            `image`, LSP's test; None = `image` if the network was trained so, else `middle`.
          execution: `Execution`, how a network that is loaded is computed; None = the usual way.
            One that is given brings its own way (`cpm.execution.use.Executed`).
        Raises:
          UsageError: if there is no such checkpoint, or a value is none of those above.
        """
        _check_network(ckpt_or_network, execution)
        factors = _check_options(flip, scales, refinement, margin, passes, crop)
        # What a network that comes without its configuration is taken to be trained on.
        data, target = DataConfig(margin=crop_regions.USUAL_MARGIN), TargetConfig(sigma_px=7.0)
        self.threshold, self.wants_boxes, self.tells_people_apart = 0.0, False, False
        self.config: TrainConfig | None = None
        self.description: dict[str, Any] = {}
        network: Network
        if callable(ckpt_or_network):
            network = few = ckpt_or_network
            self._name = type(network).__name__
        else:
            self._name = os.fspath(ckpt_or_network)
            network, config, description = load_for_use(ckpt_or_network, execution)
            few = quick_to_begin(network, execution or Execution())
            self.config, self.description = config, description
            data, target = config.data, config.target
            self.threshold = description.get("threshold", 0.0)
            self.wants_boxes = crop_regions.around_people(data)
            self.tells_people_apart = data.augment.company > 0
        self.least = self.threshold
        self._reader = JointReader(network, few)
        if flip is None:
            flip = has_mirror_image(network)
        try:
            self.decoding = DecodingConfig(bool(flip), factors, refinement, target.sigma_px)
        except ValueError as error:
            raise UsageError(str(error)) from None
        self.network, self.skeleton = network, network.skeleton
        self.margin = crop_regions.box_margin(data) if margin is None else margin
        self._passes = passes
        self._first_pass = crop
        self._crop_rule = crop or crop_regions.usual_rule(data)
        self._threads = min(MOST_THREADS, usable_cores())
        self._pass = OnePass(network, self._reader, data.border, self._threads)

    def __repr__(self) -> str:
        return f"Predictor({self._name}, {len(self.skeleton)} joints)"

    def __copy__(self) -> "Predictor":
        """Another one with the same network, whose attributes can be changed apart."""
        other = object.__new__(type(self))
        other.__dict__.update(self.__dict__)
        return other

    def __reduce__(self) -> NoReturn:
        raise TypeError(
            "a Predictor cannot be pickled, nor copied deeply; load it in each process, threads "
            "may share one, and copy.copy gives another one with the same network"
        )

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

        Without a box, nobody is found where fewer than three joints' confidences reach `least`
        (`somebody`). With `maps` the person is kept, however unsure: the maps show why.

        Returns:
          `ImagePose`; it keeps the image.

        Raises:
          ImageError: if the image is none, or a folder or video, which other calls take.
          UsageError: if a box has no area or lies outside the image.
        """
        if box is not None:
            if boxes is not None:
                raise UsageError("a person was given as box and others as boxes; use boxes alone")
            boxes = [box]
        query = ImageQuery(one_image(image), boxes, name_of(image))
        people = check_people(people, maps)
        (result,) = self._results([query], people, maps, keep_images=True)
        return result

    def predict_many(
        self,
        images: str | os.PathLike | Iterable[Any],
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
            `image` and perhaps `file`, `frame`, `time`, `boxes` (cpm/inference/one_source.py). Or
            one path: a folder, a pattern, a TIFF of several pages, as bin/predict.py takes them
            (cpm/inference/sources.py); drawings of earlier runs are passed over. Or one image.
            What is passed over is named by a warning after the last result.
          boxes: iterable of a list of boxes, or None, for each image; None = no boxes.
          people, maps: as of a single call.
          keep_images: whether the results keep their images; else `draw` reads their files again.

        Yields:
          `ImagePose` of each image, in order.

        Raises:
          ImageError: in place of the result of what is no image.
          ValueError: if there are not as many lists of boxes as images; after the results.
          And what `images` itself raises, after the results of what came before.
        """
        people = check_people(people, maps)
        walked = None
        if isinstance(images, str | os.PathLike):
            from cpm.plots.drawing_files import why_unwanted

            images = walked = images_from(images, unwanted=why_unwanted)
        elif is_pixels(images):
            images = [images]
        each = _iterator(images)
        pairs: Iterator[tuple[Any, Any]]
        if boxes is None:
            pairs = zip(each, itertools.repeat(None), strict=False)
        else:
            pairs = _paired(each, boxes)

        def results(chunk):
            """The chunk's results, and the error that cut it short."""
            queries, error = [], None
            for value, own in chunk:
                try:
                    queries.append(image_query(value, own))
                except UsageError as caught:
                    error = caught
                    break
            return self._results(queries, people, maps, keep_images, stopped), error

        stopped = threading.Event()
        try:
            yield from in_threads(results, pairs, sizes=CHUNKS, threads=self._threads)
        finally:  # after Ctrl-C a program waits for its threads, and a search takes seconds
            stopped.set()
        if walked is not None and walked.skipped:
            warnings.warn(str(walked.skipped), stacklevel=2)

    def expect(self, images: int, people: int | Literal["all"] = 1) -> None:
        """Says that about so many images will come, to be asked for so many people.

        What pays for many is then prepared with the first of them, not after some hundred.
        """
        if people != 1:
            from cpm.inference.search import windows as search_windows

            crops = len(search_windows(480, 640))  # more by a few in images of other shapes
            self._reader.expect(images * crops, self.decoding.plain())
            return
        windows = len(crop_regions.first_regions(1, 1, self._crop_rule))
        passes = self._passes or 2
        if windows > 1:  # a plain pass, see `with_one_region`
            self._reader.expect(images * windows, self.decoding.plain())
            passes = max(1, passes - 1)
        self._reader.expect(images * passes, self.decoding)

    def poses(
        self,
        images: Sequence[np.ndarray],
        regions: Sequence[geometry.CropRegion],
        *,
        plain: bool = False,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Joints in given squares of given images: one pass.

        Args:
          images: list of N arrays `[H, W, 3]` uint8; the same one may be in it many times.
          regions: list of N `geometry.CropRegion`.
          plain: without the mirror image and at one scale, to say where the next pass is.

        Returns:
          joints `[N, P, 2]` float64 in image pixels, confidence `[N, P]` float32.
        """
        return self._pass(images, regions, self.decoding.plain() if plain else self.decoding)

    def settings(self) -> dict[str, Any]:
        """How it predicts, as plain values: `passes` and `crop` are None where the box decides."""
        decoding = {"flip": self.decoding.flip, "scales": list(self.decoding.scales)}
        decoding["refinement"] = self.decoding.refinement
        decoding["precision"] = getattr(self.network, "precision", None)
        return decoding | {"passes": self._passes, "crop": self._first_pass}

    def _results(self, queries, people, maps, keep_images, stopped=None):
        """The `ImagePose` of each `ImageQuery`; of fewer once the event `stopped` is set."""
        searched = [people != 1 and query.boxes is None for query in queries]
        seen = [query for query, search in zip(queries, searched, strict=True) if not search]
        found = iter(self._at_boxes(seen, maps))
        results = []
        for query, search in zip(queries, searched, strict=True):
            if stopped is not None and stopped.is_set():
                break
            persons = self._searched(query.image, people) if search else next(found)
            results.append(
                ImagePose(
                    people=tuple(persons),
                    image_size=query.image.shape[:2],
                    skeleton=self.skeleton,
                    threshold=self.threshold,
                    file=query.file,
                    frame=query.frame,
                    time=query.time,
                    image=query.image if keep_images else None,
                )
            )
        return results

    def _searched(self, image, people):
        """The people that a search finds in one image."""
        from cpm.inference.search import find_people

        return find_people(self, image, limit=None if people == "all" else people)

    def _at_boxes(self, queries, maps):
        """A list of `PersonPose` for each image: at its boxes, or near the middle without any."""
        person_of = functools.partial(
            person_query, rule=self._crop_rule, margin=self.margin, passes=self._passes
        )
        persons = [
            (n, person_of(query, box))
            for n, query in enumerate(queries)
            for box in ([None] if query.boxes is None else query.boxes)
        ]
        found = self._passes_over([person for _, person in persons], maps)
        people: list[list[PersonPose]] = [[] for _ in queries]
        for (n, person), pose in zip(persons, found, strict=True):
            joints_px, confidence = pose.joints_px, pose.confidence
            if person.box is None and not maps and not somebody(confidence, self.least):
                continue
            box = person.box or joints_box(joints_px, confidence, self.threshold)
            about = {"score": person.score, "maps": pose.maps}
            people[n].append(PersonPose(self.skeleton, joints_px, confidence, box, **about))
        return people

    def _passes_over(self, persons, maps):
        """The `RegionPose` of each `PersonQuery`, see `all_passes`."""
        quick = functools.partial(self.poses, plain=True)
        persons = with_one_region(persons, quick, self.margin)
        one_pass = functools.partial(self._one_pass, maps=maps)
        found = all_passes(persons, one_pass, self.margin)
        if maps:  # the windows were passed over without
            found = [
                pose if pose.maps else self._with_maps(person.image, pose)
                for person, pose in zip(persons, found, strict=True)
            ]
        return found

    def _with_maps(self, image, pose):
        """The same `RegionPose` of a window, with the maps of its plain pass."""
        *_, (pose_maps,) = self._pass.with_maps([image], [pose.region], self.decoding.plain())
        return dataclasses.replace(pose, maps=pose_maps)

    def _one_pass(self, images, regions, maps):
        """As `poses`, with a list of N `PoseMaps`, or of None without `maps`."""
        if maps:
            return self._pass.with_maps(images, regions, self.decoding)
        return *self.poses(images, regions), [None] * len(regions)


def _iterator(images):
    try:
        return iter(images)
    except TypeError:
        raise UsageError(
            f"images is {untrusted.shown(images)}; expected a path, or a list of images"
        ) from None


def _paired(images, boxes):
    """Yields (image, its boxes); ValueError if there are not as many of one as of the other."""
    end, others = object(), iter(boxes)
    for number, image in enumerate(images):
        if (own := next(others, end)) is end:
            raise ValueError(
                f"there are boxes for {number} images, but more images; give each a list, or None"
            )
        yield image, own
    if next(others, end) is not end:
        raise ValueError("there are boxes for more images than there are; give each image one list")


def _check_network(ckpt_or_network, execution):
    """UsageError for what is no network, or no `Execution`."""
    if not callable(ckpt_or_network) and not isinstance(ckpt_or_network, str | os.PathLike):
        raise UsageError(
            f"the network is {untrusted.shown(ckpt_or_network)}; expected 'pretrained', the "
            "path of a checkpoint or an exported file, or a network"
        )
    if execution is not None and not isinstance(execution, Execution):
        raise UsageError(f"execution is {untrusted.shown(execution)}; expected Execution(…)")


def _check_options(flip, scales, refinement, margin, passes, crop):
    """The scales as floats; UsageError for any option of a `Predictor` that is none."""
    if passes is not None and not (_is_number(passes, numbers.Integral) and passes >= 1):
        raise UsageError(f"passes is {passes!r}; expected a number from 1 on")
    least, most = MARGINS
    if margin is not None and not (_is_number(margin) and least <= margin <= most):
        raise UsageError(f"margin is {margin!r}; expected a number from {least} to {most}")
    try:
        scales = tuple(map(float, scales))
    except (TypeError, ValueError):
        raise UsageError(
            f"scales is {untrusted.shown(scales)}; expected several numbers, e.g. (0.9, 1, 1.1)"
        ) from None
    _require_one_of("flip", flip, (None, True, False))
    _require_one_of("crop", crop, (None, *crop_regions.RULES))
    _require_one_of("refinement", refinement, REFINEMENTS)
    return scales


def _is_number(value, kind=numbers.Real):
    """Whether this is a number of that kind, and no truth value."""
    return isinstance(value, kind) and not isinstance(value, bool)


def _require_one_of(name, value, allowed):
    if value not in allowed:
        raise UsageError(f"{name} is {value!r}; expected one of {', '.join(map(str, allowed))}")
