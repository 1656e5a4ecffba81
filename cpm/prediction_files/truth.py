"""The truth that published predictions are scored against: the data sets' own files.

  lsp    joints.mat: `joints` [3, 14, 2000]; the third value 1 = occluded. 1-based.
  mpii   detections_our_format.mat of the validation people: `pos_gt_src` [16, 2, N], `jnt_missing`
         [16, N], `headboxes_src` [2, 2, N]; or valid.h5 of the same people: `part` [N, 16, 2],
         `visible` [N, 16], `normalize` [N] (the head size), whose necks and head tops are cut to
         whole pixels, so that published tables match the former only. Both 1-based.
  flic   examples.mat, read by cpm/data/flic.py; the test half is scored.

All are turned into 0-based pixels of the original image here, once. People have the ids that
bin/convert.py gives them, so that files with ids need not hold all of them.
"""

import dataclasses
from typing import Any

import numpy as np

from cpm.data.splits import mpii_people
from cpm.errors import UsageError
from cpm.prediction_files import containers
from cpm.skeleton import Skeleton

HEAD_FRACTION = 0.6  # MPII: head size = 0.6 × diagonal of the head rectangle
LSP_TEST = slice(1000, None)  # columns 1001 … 2000


@dataclasses.dataclass(frozen=True)
class Truth:
    """Annotated people. All arrays are NumPy.

    Attributes:
      name: of the file or folder, for messages.
      skeleton: names of the P joints.
      ids: N strings, unique.
      joints_px: `[N, P, 2]`, 0-based image pixels.
      state: `[N, P]` int, 0 absent, 1 occluded, 2 visible.
      head_size_px: `[N]`; 0 = unknown.
      test: rows that predictions without ids may be of, instead of everybody; None = no such part.
      to_stored: `[N, 2, 3]` from pixels of the original image, in which others predict, to those
        of `joints_px`; None = the same.
      image_names: N names of images; images: N ids of images, by which files of results name them;
        crop_side_px: `[N]`, side of each person's crop in pixels of `joints_px`; None = unknown.
    """

    name: str
    skeleton: Skeleton
    ids: tuple[str, ...]
    joints_px: np.ndarray
    state: np.ndarray
    head_size_px: np.ndarray
    test: slice | np.ndarray | None = None
    to_stored: np.ndarray | None = None
    image_names: tuple[str, ...] | None = None
    images: tuple[str, ...] | None = None
    crop_side_px: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def parts(self) -> dict[int, Any]:
        """{number of people: their rows}: everybody, and the test part."""
        rows = np.arange(len(self))
        parts = {} if self.test is None else {len(rows[self.test]): rows[self.test]}
        return parts | {len(rows): rows}


def lsp_truth(path: str, skeleton: Skeleton) -> Truth:
    """Every joint of LSP has a position; its third value says which are occluded."""
    joints = arrays_of(path, joints=(3, len(skeleton), None))["joints"]
    people = joints.shape[2]
    names = tuple(f"im{n:04d}" for n in range(1, people + 1))
    return Truth(
        name=str(path),
        skeleton=skeleton,
        ids=tuple(f"lsp/{name}" for name in names),
        joints_px=joints[:2].transpose(2, 1, 0) - 1,  # MATLAB's first pixel is 1
        state=np.where(joints[2].T == 1, 1, 2),
        head_size_px=np.zeros(people),
        test=LSP_TEST if people == 2000 else None,
        image_names=names,
    )


def mpii_truth(path: str, skeleton: Skeleton) -> Truth:
    """Joints, states, head sizes of the validation people, from either of the two files."""
    if containers.kind_of(path) == containers.HDF5:
        joints, state, head_size = _valid_h5(path, skeleton)
    else:
        joints, state, head_size = _our_format(path, skeleton)
    return Truth(
        name=str(path),
        skeleton=skeleton,
        ids=mpii_ids(len(joints)),
        joints_px=joints - 1,  # MATLAB's first pixel is 1
        state=state,
        head_size_px=head_size,
    )


def mpii_ids(count: int) -> tuple[str, ...]:
    """Ids of the validation people in the order of the published files; numbers for another set."""
    people = mpii_people()
    if count != len(people):
        return tuple(f"mpii/{n}" for n in range(count))
    return tuple(f"mpii/{image.removesuffix('.jpg')}-{k}" for image, k in people)


def _our_format(path, skeleton):
    """detections_our_format.mat: a joint is missing or not, occlusion is not in it."""
    arrays = arrays_of(
        path,
        pos_gt_src=(len(skeleton), 2, None),
        jnt_missing=(len(skeleton), None),
        headboxes_src=(2, 2, None),
    )
    corners = arrays["headboxes_src"]
    return (
        arrays["pos_gt_src"].transpose(2, 0, 1),
        np.where(arrays["jnt_missing"].T != 0, 0, 2),
        HEAD_FRACTION * np.linalg.norm(corners[1] - corners[0], axis=0),
    )


def _valid_h5(path, skeleton):
    """valid.h5: a missing joint is at (0, 0), outside MATLAB's image; `visible` 0 = hidden."""
    arrays = arrays_of(
        path,
        part=(None, len(skeleton), 2),
        visible=(None, len(skeleton)),
        normalize=(None,),
    )
    missing = (arrays["part"] == 0).all(-1)
    state = np.where(arrays["visible"] > 0, 2, 1)
    return arrays["part"], np.where(missing, 0, state), arrays["normalize"]


def arrays_of(path: str, **shapes: Any) -> dict[str, np.ndarray]:
    """Named float64 arrays of a file, with their shapes checked (None = any, but the same N).

    Raises:
      UsageError: if one is missing or has another shape; says what the file holds.
    """
    content = containers.load_arrays(path)
    for name, shape in shapes.items():
        found = content[name].shape if name in content else ()
        fits = len(found) == len(shape) and all(
            e is None or e == f for e, f in zip(shape, found, strict=True)
        )
        if not fits or np.asarray(content[name]).dtype.kind not in "fiub":
            raise UsageError(
                f"{path}: expected an array {name!r} of shape {shape} (None = any), "
                f"found {containers.contents(content)}; see --help for --ground_truth"
            )
    people = {np.shape(content[n])[s.index(None)] for n, s in shapes.items()}
    if len(people) > 1:
        raise UsageError(
            f"{path} holds {containers.contents(content)}; expected the same people in "
            f"{', '.join(shapes)}: download it again"
        )
    return {name: np.asarray(content[name], np.float64) for name in shapes}
