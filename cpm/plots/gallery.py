"""The figures of an evaluation: who was found best and worst, what the stages saw, the curves."""

import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from cpm.plots import curves
from cpm.plots.belief_maps import (
    COLOR_NAMES,
    draw_colored_beliefs,
    draw_stages,
    overlay_colors,
)
from cpm.plots.image_files import write_image
from cpm.plots.sheets import contact_sheet
from cpm.plots.skeletons import draw_skeleton
from cpm.skeleton import Skeleton


def write_gallery(
    folder: str,
    groups: Mapping[str, Sequence[Any]],
    errors: Mapping[str, float],
    skeleton: Skeleton,
    *,
    annotated: np.ndarray,
    metrics: Mapping[str, Any],
    curve_points: Mapping[str, Any],
) -> list[str]:
    """Draws and writes everything.

    Args:
      folder: where to; made.
      groups: {name, e.g. "best": list of examples (`cpm.evaluation.gathering.Example`)}; the group
        "typical" is also shown as belief maps.
      errors: {id: mean error in pixels of the 368-pixel crop}, for the captions.
      skeleton: names of the joints.
      annotated: `[P]` bool, joints that anybody in the data has. The others were most likely
        never trained (LSP knows no pelvis and no thorax) and would only draw nonsense.
      metrics: what `cpm.evaluation.report.score` returned.
      curve_points: what `cpm.evaluation.report.curves` returned.

    Returns:
      The files' names.
    """
    figures = {}
    for name, examples in groups.items():
        figures[f"{name}.png"] = contact_sheet(
            [_pose_and_truth(example, skeleton, annotated) for example in examples],
            [f"{e.id}: {errors[e.id]:.0f} px" for e in examples],
            title=f"{name}: mean error in pixels of the 368 px crop; green = truth",
        )
    typical = groups.get("typical", [])
    for example in typical[len(typical) // 2 :][:1]:
        shown = list(overlay_colors(skeleton))
        figures["stages.png"] = draw_stages(example.crop, example.beliefs, skeleton, shown)
        figures["all_joints.png"] = draw_stages(
            example.crop, example.beliefs, skeleton, tile_px=110
        )
    if typical:
        figures["colored_beliefs.png"] = contact_sheet(
            [draw_colored_beliefs(e.crop, e.beliefs[-1], skeleton, legend=False) for e in typical],
            [e.id for e in typical],
            title="last stage: " + _legend(overlay_colors(skeleton)),
        )
    if curve_points:
        figures["pck_curves.png"] = curves.pck_curves({"last stage": curve_points})
    figures["score_by_stage.png"] = curves.stage_curve(
        {n: values["per_stage"] for n, values in curves.headlines(metrics).items()}
    )
    for name, pixels in figures.items():
        write_image(os.path.join(folder, name), pixels)
    return list(figures)


def poses_sheet(examples: Sequence[Any], skeleton: Skeleton, columns: int = 4) -> np.ndarray:
    """Predicted poses beside the truth, to be viewed while a network trains.

    Args:
      examples: list of `cpm.evaluation.gathering.Example`.
      skeleton: names of the joints.
      columns: at most so many side by side.

    Returns:
      `[h, w, 3]` uint8.
    """
    annotated = np.any([example.state > 0 for example in examples], axis=0)
    return contact_sheet(
        [_pose_and_truth(example, skeleton, annotated) for example in examples],
        [example.id for example in examples],
        columns=columns,
        tile_px=220,
    )


def _pose_and_truth(example, skeleton, annotated):
    """One tile of a contact sheet."""
    return draw_skeleton(
        example.crop,
        np.where(annotated[:, np.newaxis], example.joints_px, np.nan),
        skeleton,
        truth_px=example.truth_px,
        truth_state=example.state,
    )


def _legend(colors):
    """`head top yellow, left knee red`, of {joint: color}."""
    return ", ".join(
        f"{joint.replace('_', ' ')} {COLOR_NAMES[color]}" for joint, color in colors.items()
    )
