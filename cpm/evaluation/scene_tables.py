"""Scores of groups, of cut-off people and of images without a person as text, see tables.py."""

from collections.abc import Mapping
from typing import Any

from cpm.evaluation.tables import between
from cpm.text_table import format_table, number

SOURCES = {"truth": "true boxes", "image": "image alone", "search": "search"}


def groups_table(scores: Mapping[str, Mapping[str, Any]], kind: str = "groups") -> str:
    """A row for each way to find the people.

    Args:
      scores: {way: what `groups.score_groups` returned, and `seconds` for an image}.
      kind: of scenes, for the heading.
    """
    some = next(iter(scores.values()))
    header = [f"{some['images']} {kind}, {some['people']} people", "AP50", "AP", "AR", "PCK@0.2"]
    header += ["95 % interval", "recall", "found", "too many", "seconds"]
    rows = [
        [
            SOURCES.get(source, source),
            *(number(score[name]) for name in ("ap50", "ap", "ar", "pck@0.2")),
            between(score["interval"]),
            number(score["recall"]),
            str(score["found"]),
            str(score["too_many"]),
            f"{score['seconds']:.2f}",
        ]
        for source, score in scores.items()
    ]
    return format_table(header, rows)


def nobody_table(score: Mapping[str, Any]) -> str:
    """A row for each kind of image, the threshold above them.

    Args:
      score: what `nobody.score_nobody` returned.
    """
    low, high = score["threshold_interval"]
    threshold = (
        f"threshold {score['threshold']:.3f} ({low:.3f} … {high:.3f}): loses {score['lost']:.1f} % "
        f"of {score['people']} true people"
    )
    rows = [
        [name, str(part["images"]), number(part["share"]), between(interval), number(part["drawn"])]
        for name, part, interval in (
            ("all", score, score["interval"]),
            *((kind, part, None) for kind, part in score["kinds"].items()),
        )
    ]
    header = ["nobody", "images", "give a person, %", "95 % interval", "joints drawn, %"]
    searched = (
        f"search: somebody in {score['searched']:.1f} % of {score['images']} images, "
        f"{score['found']} people"
    )
    drawn = (
        f"joints drawn: from {score['drawn_from']:.3f} on; of true people "
        f"{score['drawn_of_people']:.1f} %"
    )
    return f"{threshold}\n{drawn}\n{searched}\n\n{format_table(header, rows)}"


def truncated_table(score: Mapping[str, Any]) -> str:
    """A row for each kind of image.

    Args:
      score: what `truncated.score_truncated` returned.
    """
    header = [
        "cut off",
        "images",
        "PCK@0.2",
        "95 % interval",
        "drawn, %",
        "imagined, %",
        "found, %",
    ]
    rows = [
        [
            kind,
            str(part["images"]),
            number(part["pck@0.2"]),
            between(part["interval"]),
            *(number(part[name]) for name in ("drawn", "imagined", "found")),
        ]
        for kind, part in score["kinds"].items()
    ]
    return f"joints drawn: from {score['drawn_from']:.3f} on\n\n{format_table(header, rows)}"
