"""Names of images as annotation files have them, beside what lies on the disk."""

import unicodedata

import pytest

from cpm.data.image_files import ImageFiles, copies, file_identity

NFC, NFD = (unicodedata.normalize(form, "Müller 1.jpg") for form in ("NFC", "NFD"))


def found(tmp_path, on_disk, name):
    """Where a name is found among some files; relative to the data set, None if it is not there."""
    for file in on_disk:
        path = tmp_path / "data" / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
    root = tmp_path / "data"
    path = ImageFiles(root).find(name, [str(root / "images"), str(root)])
    exists = any(str(root / file) == path for file in on_disk)
    return str(path)[len(str(root)) + 1 :] if exists else None


@pytest.mark.parametrize(
    "on_disk, name",
    [
        ("images/a.jpg", "a.jpg"),
        ("images/a.jpg", "images/a.jpg"),
        ("images/a.jpg", "./a.jpg"),
        ("images/cam1/a.jpg", "cam1\\a.jpg"),
        ("images/a.jpg", "images\\a.jpg"),
        ("images/a.jpg", "..\\..\\media\\upload\\4\\a.jpg"),
        ("images/a.jpg", "C:\\data\\a.jpg"),
        ("images/a.jpg", "/home/somebody/a.jpg"),
        ("images/a.jpg", "https://host/upload/a.jpg"),
        ("images/a.jpg", "/data/local-files/?d=photos/a.jpg"),
        ("images/my photo.jpg", "my%20photo.jpg"),
        ("images/100%.jpg", "100%.jpg"),
        ("images/a%20b.jpg", "a%20b.jpg"),
        ("images/IMG_1.JPG", "IMG_1.jpg"),
        ("Images/A.jpg", "images/a.jpg"),
        (f"images/{NFD}", NFC),
        (f"images/{NFC}", NFD),
        ("images/Müller ß 猫.JPG", "Müller ß 猫.JPG"),
        ("frames/day 1/a.jpg", "day 1/a.jpg"),
        ("frames/a.jpg", "a.jpg"),
        ("images/frame_000001.PNG", "frame_000001"),  # as CVAT's frames of a video
    ],
)
def test_found(on_disk, name, tmp_path):
    assert found(tmp_path, [on_disk, "images/other.jpg"], name) == on_disk


def test_as_it_is_comes_first(tmp_path):
    assert found(tmp_path, ["images/a.jpg", "images/A.JPG"], "a.jpg") == "images/a.jpg"


def test_more_of_the_path_decides(tmp_path):
    files = ["x/cam1/a.jpg", "x/cam2/a.jpg"]
    assert found(tmp_path, files, "/foreign/cam2/a.jpg") == "x/cam2/a.jpg"


@pytest.mark.parametrize("name", ["/foreign/a.jpg", "b.jpg", "../secret.jpg"])
def test_two_that_fit_or_none_is_missing(name, tmp_path):
    (tmp_path / "secret.jpg").write_bytes(b"")
    assert found(tmp_path, ["cam1/a.jpg", "cam2/a.jpg"], name) is None


@pytest.mark.parametrize("name", [None, 7, "", ".", "a\0.jpg", "\ud800.jpg"])
def test_no_name(name, tmp_path):
    with pytest.raises(ValueError, match="expected a file's name"):
        ImageFiles(tmp_path).find(name, [str(tmp_path)])


def test_where_a_missing_one_is_looked_for_first(tmp_path):
    path = ImageFiles(tmp_path).find("x\\a.jpg", [str(tmp_path / "images"), str(tmp_path)])
    assert path == str(tmp_path / "images" / "x" / "a.jpg")


def test_names_are_the_same_on_every_machine(tmp_path):
    images = ImageFiles(tmp_path)
    assert images.name_of(str(tmp_path / "images" / "x" / NFD)) == f"x/{NFC}"
    assert images.name_of(str(tmp_path / "val" / "a.jpg")) == "val/a.jpg"


@pytest.mark.parametrize(
    "name, on_disk, elsewhere",
    [
        ("cam2/a.jpg", "images/cam1/a.jpg", True),
        ("cam1\\a.jpg", "images/cam1/A.jpg", False),
        ("images/a.jpg", "images/default/a.jpg", False),
        ("C:\\data\\a.jpg", "images/a.jpg", False),
        ("/home/me/a.jpg", "frames/a.jpg", True),
        ("a.jpg", "frames/a.jpg", False),
    ],
)
def test_images_in_another_folder_than_named(name, on_disk, elsewhere, tmp_path):
    images = ImageFiles(tmp_path)
    assert images.is_elsewhere(name, str(tmp_path / on_disk)) == elsewhere


def test_a_name_without_an_extension_fits_one_image_only(tmp_path):
    assert found(tmp_path, ["images/a.txt", "images/a.jpg"], "a") == "images/a.jpg"
    assert found(tmp_path, ["images/a.png"], "a") is None  # a.jpg, too


def test_copies_and_links(tmp_path):
    names = ["a", "b", "c", "d", "hard", "soft"]
    a, b, c, d, hard, soft = (str(tmp_path / name) for name in names)
    for path, content in ((a, b"x" * 9000), (b, b"x" * 9000), (c, b"y" + b"x" * 8999), (d, b"x")):
        (tmp_path / path).write_bytes(content)
    (tmp_path / "hard").hardlink_to(a)
    (tmp_path / "soft").symlink_to(a)
    assert file_identity(a) == file_identity(hard) == file_identity(soft) != file_identity(b)
    assert copies([a, b, c, d, str(tmp_path / "none")]) == [[a, b]]


def test_links_in_a_circle_end(tmp_path):
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "again").symlink_to(tmp_path)
    (tmp_path / "images" / "A.jpg").write_bytes(b"")
    assert ImageFiles(tmp_path).find("a.JPG", [str(tmp_path)]).endswith("A.jpg")
