"""Which data is somebody's own: what is not published is trained and scored for whole images."""

import pytest

from cpm.data import datasets
from tests.helpers.small_runs import write_data


def test_published_sets_are_data_sets():
    assert set(datasets.PUBLISHED) < set(datasets.NAMES)


@pytest.mark.parametrize(
    "sources, own",
    [(["coco"], True), (["lsp"], False), (["lsp", "coco"], True), (["noise"], False)],
)
def test_is_own(tmp_path, sources, own):
    folders = [write_data(tmp_path / s, source=s, train=1, validation=1) for s in sources]
    assert datasets.is_own(folders) == own
