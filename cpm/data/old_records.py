"""Who is who in folders that were converted before records held an `Origin`: read out of the ids.

    lsp/im0001  lspet/im00001  mpii/000004812-1  mpii/test-000000001-2  coco/cats/a.jpg#7
    flic/12-oclock-high-00004151-1  flic/test-a-00000001-2  synthetic/validation-0-000007

The only place where an id is taken apart; the ids of other data sets say nothing.
"""

import re

from cpm.data import flic
from cpm.data.person import Origin
from cpm.data.splits import TEST, TRAIN, VALIDATION, folder_split


def origin_of(person_id: str) -> Origin:
    """The `Origin` of a person of one of the data sets that there were then.

    >>> origin_of("lsp/im0123").number, origin_of("mpii/test-000000001-2").official_split
    (123, 'test')
    >>> origin_of("coco/cats/a.jpg#7").image_name, origin_of("coco/cats/a.jpg#7").number
    ('cats/a.jpg', 7)
    """
    source, _, name = person_id.partition("/")
    word = name.partition("-")[0]
    half = word if word in (VALIDATION, TEST) else TRAIN
    if source in ("lsp", "lspet") and (match := re.fullmatch(r"im(\d+)", name)):
        number = int(match[1])
        return Origin(source, name, number, name, TEST if _of_lsp_test(source, number) else TRAIN)
    if source == "coco" and (match := re.fullmatch(r"(.+)#(-?\d+)", name, re.DOTALL)):
        return Origin(source, match[1], int(match[2]), match[1], folder_split(match[1]))
    if match := re.fullmatch(r"(?:test-)?(.+)-(\d+)", name):
        image, number = f"{match[1]}.jpg", int(match[2])
        if source == "mpii":
            return Origin(source, image, number, image, half)
        if source == "flic":
            return Origin(source, image, number, flic.scene(image), half)
    if source == "synthetic" and (match := re.fullmatch(r"\w+-\d+-(\d+)", name)):
        return Origin(source, name, int(match[1]), name, half)
    return Origin(source, name, group=name, official_split=half)


def _of_lsp_test(source, number):
    return source == "lsp" and number > 1000
