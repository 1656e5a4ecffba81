"""Links in the folder of a data set that lead out of it: every reader refuses them, or is told."""

import os

import pytest

from cpm.data import coco, datasets, flic, lsp, lspet, mpii
from cpm.data.report import Report
from cpm.data.scenes.folder import read_scenes
from cpm.errors import UsageError
from tests.helpers.fuzzing.readers import READERS

# Where the first image of a data set lies, and who reads it.
IMAGES = {
    "coco": ("images/a.jpg", coco.read_people),
    "labelme": ("a.jpg", coco.read_people),
    "deeplabcut": ("labeled-data/v/a.jpg", coco.read_people),
    "lsp": ("images/im0001.jpg", lsp.read_people),
    "lspet": ("images/im00001.jpg", lspet.read_people),
    "mpii": ("images/a.jpg", mpii.read_people),
    "flic": ("images/film-00000010.jpg", flic.read_people),
    "scenes": ("images/a.jpg", lambda folder: read_scenes(folder).images),
}
OUT = r"a link that leads out of '.*'; copy the file itself .*--follow_links"


def save(folder, name):
    """Writes the annotations of a data set and one image outside of it; returns both paths."""
    reader = READERS["lsp" if name == "lspet" else name]
    path = folder / "set" / reader.file
    path.parent.mkdir(parents=True)
    path.write_bytes(reader.seeds()[-1])  # of one image
    image = folder / "elsewhere" / os.path.basename(IMAGES[name][0])
    image.parent.mkdir()
    image.write_bytes(b"not read by a reader of annotations")
    return folder / "set", image


def read(name, folder, **options):
    return list(IMAGES[name][1](str(folder), **options))


def link(path, target):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.symlink_to(target)


def test_every_reader_is_tried():
    lost = set(datasets.SOURCES) - set(IMAGES)
    assert not lost, f"IMAGES of this file lacks {lost}"


@pytest.mark.parametrize("name", IMAGES)
def test_an_image_that_is_a_link_out_of_the_folder_is_refused(name, tmp_path):
    folder, image = save(tmp_path, name)
    link(folder / IMAGES[name][0], image)
    with pytest.raises(UsageError, match=OUT):
        read(name, folder)
    if name != "scenes":  # which this project writes, and without links
        assert os.path.isfile(read(name, folder, follow_links=True)[0].image)


@pytest.mark.parametrize("name", [name for name in IMAGES if "images/" in IMAGES[name][0]])
def test_a_folder_of_images_that_is_a_link_out_of_the_data_set_is_refused(name, tmp_path):
    folder, image = save(tmp_path, name)
    link(folder / "images", image.parent)
    with pytest.raises(UsageError, match=OUT):
        read(name, folder)


@pytest.mark.parametrize("name", IMAGES)
def test_links_inside_of_the_folder_and_the_folder_itself_are_read(name, tmp_path):
    folder, image = save(tmp_path, name)
    (folder / "kept").mkdir()
    link(folder / IMAGES[name][0], image.rename(folder / "kept" / image.name))
    (tmp_path / "set again").symlink_to(folder)
    assert read(name, tmp_path / "set again")


def test_a_folder_that_is_a_link_out_of_the_data_set_is_not_searched(tmp_path):
    folder, image = save(tmp_path, "coco")
    link(folder / "photos" / "of 2020", image.parent)  # not where an image is looked for first
    report = Report()
    (person,) = [p for p in coco.read_people(folder, report=report) if p.pose.present.any()]
    assert not os.path.exists(person.image)
    (note,) = [note for note in report.notes if "not searched" in note]
    assert "of 2020" in note and "--follow_links" in note
    found = [p.image for p in coco.read_people(folder, follow_links=True)]
    assert os.path.realpath(found[0]) == str(image)


def test_the_command_that_converts_again_says_it(tmp_path):
    told = datasets._command("lsp", tmp_path, datasets.Conversion(follow_links=True))
    assert "--follow_links" in told
