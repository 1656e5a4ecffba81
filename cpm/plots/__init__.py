"""Every figure the project makes. All functions return `[H, W, 3]` uint8 RGB pixels.

    pose_drawing.py everybody found in one image, by Pillow: quick, for predictions
    image_files.py  pixels → PNG and JPEG files
    canvas.py       figures → pixels
    skeletons.py    joints and limbs on the photograph, beside the truth
    belief_maps.py  belief maps of every stage; three of them in color on the photograph
    curves.py       losses and scores of a run or several, PCK curves, score by stage
    sheets.py       many images on one page
    architecture.py, data_road.py, targets.py, receptive_fields.py, schedules.py
                    the figures of docs/guide/

The only user of Matplotlib, without pyplot: no global state, no window, no display needed. What a
module here exports is imported when it is first asked for: drawings of predictions need no
Matplotlib, and Matplotlib takes half a second to import.
"""

import importlib
from typing import Any

_MODULES = {
    "check_image_name": "image_files",
    "contact_sheet": "sheets",
    "draw_colored_beliefs": "belief_maps",
    "draw_pose": "pose_drawing",
    "draw_skeleton": "skeletons",
    "draw_stages": "belief_maps",
    "write_image": "image_files",
}
__all__ = [
    "check_image_name",
    "contact_sheet",
    "draw_colored_beliefs",
    "draw_pose",
    "draw_skeleton",
    "draw_stages",
    "write_image",
]


def __getattr__(name: str) -> Any:
    """The function called `name`, from its module."""
    if name not in _MODULES:
        raise AttributeError(f"module 'cpm.plots' has no attribute {name!r}")
    return getattr(importlib.import_module(f"cpm.plots.{_MODULES[name]}"), name)
