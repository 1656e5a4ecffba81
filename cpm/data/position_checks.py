"""What looks wrong in annotations that can be read: warnings for whoever converts them."""

from cpm.data.report import count, some


def note_sides(report, file, options):
    """Says which joints a mirror exchanges, and which look like a side without a partner.

    Args:
      report: `Report`.
      file: `coco_file.File`.
      options: `coco.Options`.
    """
    skeleton = file.skeleton
    names = [file.sources[joint] for joint in skeleton.joints]
    pairs = [f"{names[a]}:{names[b]}" for a, b in enumerate(skeleton.mirror) if a < b]
    if pairs:
        report.note("left and right: " + ", ".join(pairs))
    else:
        report.note("left and right: no two joints; --pairs=A:B,C:D names pairs of them")
    if not options.mirrored:
        report.note("mirror image: none (--flip_pairs=none); images are not mirrored")
    elif options.pairs is not None:
        if left_out := [name for name in file.sided if name not in file.paired]:
            first = left_out[0]
            report.warn(
                f"{', '.join(left_out)}: named after a side, but not in --pairs, so that a mirrored "
                f"image keeps the side; --pairs names all pairs, and {first}:{first} what is no side"
            )
    elif file.alone:
        first = file.alone[0]
        report.warn(
            f"{', '.join(file.alone)}: named after a side, but without a partner, or with several, "
            "so that images are not mirrored; if there is one, name all pairs with "
            f"--pairs=A:B,C:D; if it is no side, --pairs={first}:{first} says so"
        )


def note_tool(report, record):
    """Says what a labelling tool's export leaves open.

    Args:
      report: `Report`.
      record: JSON value of a COCO keypoint file.
    """
    info = record.get("info")
    if isinstance(info, dict) and info.get("contributor") == "Label Studio":
        # label_studio_sdk/converter/keypoints.py: names as they are listed, points by model_index;
        # of two points of one label in an image the last is kept.
        report.warn(
            "Label Studio writes one object for each image, with its points in the order of their "
            "model_index but the names as they are listed: number the labels as they are listed, "
            "use CVAT for images of several objects, and look at bin/inspect_batch.py"
        )


def note_positions(report, people):
    """Warns of positions that are parts of a picture, and of joints that stand at (0, 0).

    Args:
      report: `Report`.
      people: list of (id, `Pose`).
    """
    parts, corners = [], []
    for name, pose in people:
        points = pose.joints_px[pose.present]
        if len(points) and points.min() >= 0 and 0 < points.max() <= 1:
            parts.append(name)
        if (points == 0).all(1).any():
            corners.append(name)
    if parts:
        report.warn(
            f"{count(len(parts), 'person', 'people')} with all joints between 0 and 1; expected "
            f"pixels, not parts of the picture: {some(parts)}"
        )
    if corners:
        report.warn(
            f"{count(len(corners), 'person', 'people')} with a joint at (0, 0); one that is not "
            f"annotated has v = 0: {some(corners)}"
        )
