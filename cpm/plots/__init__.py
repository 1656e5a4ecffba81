"""Every picture the project makes. All functions return `[H, W, 3]` uint8 RGB pixels.

    canvas.py       figures → pixels → PNG files
    skeletons.py    joints and limbs on the photograph, beside the truth
    belief_maps.py  belief maps of every stage; three of them in colour on the photograph
    curves.py       losses and scores of a run or several, PCK curves, score by stage
    sheets.py       many pictures on one page
    architecture.py, data_road.py, targets.py, receptive_fields.py, schedules.py
                    the figures of docs/guide/

The only user of matplotlib, without pyplot: no global state, no window, no display needed.
"""

from cpm.plots.belief_maps import draw_colored_beliefs, draw_stages
from cpm.plots.canvas import check_picture_name, write_picture
from cpm.plots.sheets import contact_sheet
from cpm.plots.skeletons import draw_skeleton

__all__ = [
    "check_picture_name",
    "contact_sheet",
    "draw_colored_beliefs",
    "draw_skeleton",
    "draw_stages",
    "write_picture",
]
