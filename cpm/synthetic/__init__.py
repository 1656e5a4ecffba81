"""Procedural people: an endless data set that needs no download.

A body with joint angles inside anatomical limits (`body`, `pose`, `actions`), dressed (`outfit`,
`solids`), seen by a camera (`camera`), drawn with depth (`raster`, `shading`), so that the state
of each joint is known (`visibility`), in front of clutter (`scenery`), by number (`people`).
"""

from cpm.synthetic.people import SPLITS, make_person, read_people

__all__ = ["SPLITS", "make_person", "read_people"]
