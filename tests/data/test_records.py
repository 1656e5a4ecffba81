"""Shards and manifest: what goes in comes out, always the same, and nothing else is believed."""

import errno
import json
import os
import shutil

import numpy as np
import pytest
import tensorflow as tf

from cpm.data import lsp, records
from cpm.data.examples import parse_example
from cpm.data.manifest import MARKER, NAME, changed_since, fingerprints, read_manifest
from cpm.data.person import Origin, Pose
from cpm.data.records import Storage, read_shard, write_records
from cpm.data.report import table
from cpm.data.splits import RULES, SplitRule
from cpm.data.verification import find_damage
from cpm.errors import UsageError
from tests.helpers.permissions import forbid
from tests.helpers.small_data_sets import MPII16, lsp_joints, make_people, save_leeds

THIRDS = SplitRule(
    "thirds",
    "Every third is for validation.",
    lambda origin: "validation" if origin.number % 3 == 0 else "train",
)


def write(people, out_dir, **options):
    options = {"source": "made", "rule": THIRDS} | options
    return write_records(people, out_dir, **options)


def ids_of(folder, split):
    manifest = read_manifest(folder)
    return [
        parse_example(record, len(manifest.skeleton))["id"].numpy().decode()
        for shard in manifest.splits[split]
        for record in read_shard(os.path.join(folder, shard.file))
    ]


def contents(folder):
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


class TestRoundTrip:
    def test_everybody_is_there_once(self, tmp_path):
        manifest = write(make_people(20), tmp_path / "out", storage=Storage(2))
        train, validation = (ids_of(tmp_path / "out", s) for s in ("train", "validation"))
        assert (manifest.people("train"), manifest.people("validation")) == (13, 7)
        assert sorted(validation) == sorted(f"made/{n}" for n in range(0, 20, 3))
        assert sorted(train + validation) == sorted(f"made/{n}" for n in range(20))
        assert sorted(os.listdir(tmp_path / "out")) == [
            "manifest.json",
            "train-00000-of-00002.tfrecord",
            "train-00001-of-00002.tfrecord",
            "validation-00000-of-00002.tfrecord",
            "validation-00001-of-00002.tfrecord",
        ]

    def test_fields(self, tmp_path):
        people = {person.id: person for person in make_people(4, MPII16)}
        write(people.values(), tmp_path / "out")
        manifest = read_manifest(tmp_path / "out", verify=True)
        assert manifest.skeleton == MPII16 and manifest.source == "made"
        assert manifest.split_rule == {"name": "thirds", "text": THIRDS.text}
        (shard,) = manifest.splits["train"]
        for record in read_shard(tmp_path / "out" / shard.file):
            fields = parse_example(record, 16)
            person = people[fields["id"].numpy().decode()]
            np.testing.assert_array_equal(fields["joints_px"][0], person.pose.joints_px)
            np.testing.assert_array_equal(fields["state"][0], person.pose.state)

    def test_same_input_same_bytes(self, tmp_path):
        for name in ("a", "b"):
            write(make_people(9), tmp_path / name, seed=3, storage=Storage(2))
        write(reversed(list(make_people(9))), tmp_path / "c", seed=3, storage=Storage(2))
        # Not even the order in which people come changes a byte of the data.
        assert contents(tmp_path / "a") == contents(tmp_path / "b")
        assert contents(tmp_path / "a") == contents(tmp_path / "c")

    def test_seed_shuffles(self, tmp_path):
        for seed in (0, 1):
            write(make_people(20), tmp_path / str(seed), seed=seed)
        zero, one = (ids_of(tmp_path / str(seed), "train") for seed in (0, 1))
        assert zero != one and sorted(zero) == sorted(one) and zero != sorted(zero)

    def test_more_shards_than_people(self, tmp_path):
        manifest = write(make_people(2), tmp_path / "out", storage=Storage(50))
        assert [shard.people for shard in manifest.splits["train"]] == [1]

    def test_replaces_an_earlier_conversion(self, tmp_path):
        write(make_people(20), tmp_path / "out", storage=Storage(5))
        write(make_people(9), tmp_path / "out", storage=Storage(1))
        write(make_people(9), tmp_path / "new", storage=Storage(1))
        assert contents(tmp_path / "out") == contents(tmp_path / "new")


class TestReport:
    def test_left_out_are_counted_and_named(self, tmp_path):
        save_leeds(tmp_path / "lsp", lsp_joints(8), 4, missing=(3, 5, 6, 7, 8))
        half = tmp_path / "lsp" / "images" / "im0002.jpg"
        half.write_bytes(half.read_bytes()[:200])
        manifest = write_records(
            lsp.read_people(tmp_path / "lsp"),
            tmp_path / "out",
            source="lsp",
            rule=RULES["development"],
        )
        left_out = manifest.report["left_out"]
        assert left_out["images missing"] == [f"lsp/im{n:04d}" for n in (3, 5, 6, 7, 8)]
        (unreadable,) = left_out["images unreadable"]
        assert unreadable.startswith("lsp/im0002 (") and "im0002.jpg" in unreadable
        text = table(manifest.report)
        assert "5 images missing: lsp/im0003, lsp/im0005, lsp/im0006 and 2 more" in text
        assert ids_of(tmp_path / "out", "train") in (
            ["lsp/im0001", "lsp/im0004"],
            ["lsp/im0004", "lsp/im0001"],
        )

    def test_joints_are_counted(self, tmp_path):
        (person,) = make_people(1, size=(72, 64))
        joints_px = person.pose.joints_px.copy()
        joints_px[:4] = (-0.4, -0.4), (63.4, 71.4), (-0.6, 5), (5, 71.6)
        state = np.array([2, 2, 2, 1] + [2] * 8 + [1, 0])
        origin = Origin("made", "1", 1)
        pose = Pose(joints_px, state)
        person = type(person)("made/1", person.image, person.skeleton, pose, origin=origin)
        counts = write([person], tmp_path / "out").report["splits"]["train"]
        assert counts == {
            "people": 1,
            "visible": 11,
            "occluded": 2,
            "absent": 1,
            "outside": 2,  # the image's own border pixels reach half a pixel further
            "scaled": 0,
        }

    def test_nobody_without_joints(self, tmp_path):
        people = list(make_people(2))
        nobody = Pose(np.zeros((14, 2)), np.zeros(14))
        people.append(type(people[0])("made/2", people[0].image, people[0].skeleton, nobody))
        report = write(people, tmp_path / "out").report
        assert report["left_out"] == {"without any joint": ["made/2"]}

    def test_near_duplicates(self, tmp_path):
        save_leeds(tmp_path / "lsp", lsp_joints(176), 4, size=(20, 20))
        options = {"source": "lsp", "rule": RULES["development"]}
        people = list(lsp.read_people(tmp_path / "lsp"))
        manifest = write_records(people, tmp_path / "a", **options)
        assert manifest.people("train") == 175
        (names,) = manifest.report["left_out"].values()
        assert names == ["lsp/im0175"]
        kept = write_records(people, tmp_path / "b", leave_out=lambda _: None, **options)
        assert kept.people("train") == 176


class TestRefusals:
    def test_somebody_elses_folder(self, tmp_path):
        for name in ("notes.txt", "train-00000-of-00001.tfrecord", "manifest.json"):
            folder = tmp_path / name
            folder.mkdir()
            (folder / name).write_text("{}")
            with pytest.raises(UsageError, match="nothing was changed"):
                write(make_people(2), folder)
            assert contents(folder) == {name: b"{}"}

    def test_a_name_that_tensorflow_cannot_open(self, tmp_path):
        """`Müller` in Latin-1, which reading would end on: refused before anything is made."""
        folder = tmp_path / "M\udcfcller"
        with pytest.raises(UsageError, match="is no UTF-8"):
            write([], folder)
        assert not list(tmp_path.iterdir())
        with pytest.raises(UsageError, match="is no UTF-8"):
            read_manifest(folder)

    def test_a_file_is_no_folder(self, tmp_path):
        (tmp_path / "out").write_text("hello")
        with pytest.raises(UsageError, match="nothing was changed"):
            write(make_people(2), tmp_path / "out")

    def test_other_files_beside_ours_survive(self, tmp_path):
        write(make_people(3), tmp_path / "out")
        (tmp_path / "out" / "notes.txt").write_text("mine")
        write(make_people(4), tmp_path / "out")
        assert (tmp_path / "out" / "notes.txt").read_text() == "mine"

    def test_nobody(self, tmp_path):
        with pytest.raises(UsageError, match=r"nothing of made .* the source is empty"):
            write([], tmp_path / "out")
        assert not os.listdir(tmp_path / "out")

    def test_two_skeletons(self, tmp_path):
        people = [*make_people(1), *make_people(1, MPII16)]
        with pytest.raises(ValueError, match=r"has skeleton 'mpii16'.*'lsp14'"):
            write(people, tmp_path / "out")

    def test_same_id_twice(self, tmp_path):
        with pytest.raises(ValueError, match="'made/0' comes twice"):
            write([*make_people(1), *make_people(1)], tmp_path / "out")

    def test_two_at_once(self, tmp_path):
        """Two runs that both draw their people first: the second must not spoil the first."""

        def interrupted():
            yield from make_people(2)
            with pytest.raises(UsageError, match="written by another process"):
                write(make_people(3), tmp_path / "out")
            yield list(make_people(3))[2]

        write(interrupted(), tmp_path / "out")
        write(make_people(3), tmp_path / "alone")
        assert contents(tmp_path / "out") == contents(tmp_path / "alone")

    def test_failure_leaves_the_earlier_conversion(self, tmp_path):
        def broken():
            yield from make_people(2)
            raise UsageError("the source broke")

        write(make_people(5), tmp_path / "out")
        before = contents(tmp_path / "out")
        with pytest.raises(UsageError, match="the source broke"):
            write(broken(), tmp_path / "out")
        assert contents(tmp_path / "out") == before

    def test_a_full_disk_keeps_nothing_of_it(self, tmp_path, monkeypatch):
        """What was to be sorted would keep the disk full."""

        class Full:
            def close(self):
                raise OSError(errno.ENOSPC, "No space left on device")

        with pytest.raises(OSError, match="No space"), records._Spool(tmp_path, "train") as spool:
            spool.file.close()
            spool.file = Full()
        assert not list(tmp_path.iterdir())

    @pytest.mark.parametrize("limit", [10, 2500])
    def test_a_limit_of_file_sizes_is_an_error_that_can_be_mended(self, tmp_path, limit):
        """Of the marker's neighbors or of the manifest; the same command goes on without it."""
        resource = pytest.importorskip("resource")
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
        try:
            with pytest.raises((OSError, tf.errors.OpError), match="File too large"):
                write(make_people(5), tmp_path / "out")
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        write(make_people(5), tmp_path / "out")
        write(make_people(5), tmp_path / "alone")
        assert contents(tmp_path / "out") == contents(tmp_path / "alone")

    def test_what_a_kill_leaves_is_refused_and_replaced(self, tmp_path):
        write(make_people(5), tmp_path / "out")
        complete = contents(tmp_path / "out")
        (tmp_path / "out" / NAME).unlink()
        (tmp_path / "out" / MARKER).write_text("")
        (tmp_path / "out" / ".partial-xtrain-00000-of-00002.tfrecord").write_text("half")
        with pytest.raises(UsageError, match=f"not a complete data folder \\(no {NAME}\\)"):
            read_manifest(tmp_path / "out")
        write(make_people(5), tmp_path / "out")
        assert contents(tmp_path / "out") == complete


class TestManifest:
    def folder(self, tmp_path):
        write(make_people(5), tmp_path / "out", remake="python bin/convert.py --again")
        return tmp_path / "out"

    def shard(self, folder):
        return folder / read_manifest(folder).splits["train"][0].file

    def test_no_folder(self, tmp_path):
        with pytest.raises(UsageError, match=r"is missing .*make it with: python bin/conv"):
            read_manifest(tmp_path / "none")

    def test_a_command_of_a_stranger_is_not_shown(self, tmp_path):
        folder = self.folder(tmp_path)
        text = (folder / NAME).read_text().replace("--again", "; rm -r data")
        (folder / NAME).write_text(text)
        self.shard(folder).unlink()
        with pytest.raises(UsageError, match=r"make the folder again with: bin/convert\.py$"):
            read_manifest(folder)

    def test_changed_since(self, tmp_path):
        folder = self.folder(tmp_path)
        then = fingerprints([folder], ["train", "validation"])
        assert changed_since(then) is None
        write(make_people(6), folder)
        assert changed_since(then) == str(folder)
        (folder / NAME).unlink()
        (folder / MARKER).touch()
        assert changed_since(then) == str(folder)  # a conversion is under way
        shutil.rmtree(folder)
        assert changed_since(then) is None  # gone: nobody wrote others there

    def test_missing_shard(self, tmp_path):
        folder = self.folder(tmp_path)
        self.shard(folder).unlink()
        with pytest.raises(UsageError, match=r"is missing; make .*convert.py --again"):
            read_manifest(folder)

    def test_truncated_shard(self, tmp_path):
        folder = self.folder(tmp_path)
        shard = self.shard(folder)
        shard.write_bytes(shard.read_bytes()[:-10])
        with pytest.raises(UsageError, match=r"bytes, expected .*convert.py --again"):
            read_manifest(folder)

    def test_changed_shard(self, tmp_path):
        folder = self.folder(tmp_path)
        shard = self.shard(folder)
        content = bytearray(shard.read_bytes())
        content[len(content) // 2] ^= 1
        shard.write_bytes(content)
        read_manifest(folder)  # sizes alone say nothing
        with pytest.raises(UsageError, match="another SHA-256"):
            read_manifest(folder, verify=True)

    @pytest.mark.parametrize(
        ("key", "value", "message"),
        [
            ("version", 99, "version 99, expected 'cpm-records' version 1"),
            ("format", "other", "format 'other'"),
            ("skeleton", {"name": "lsp15", "joints": []}, "unknown skeleton 'lsp15'"),
            ("skeleton", {"name": "lsp14", "joints": ["nose"]}, "other joints"),
            ("splits", 7, "'splits' is 7.*make the folder again"),
            ("split_rule", {"name": 5, "text": ""}, "'split_rule.name' is 5; expected a text"),
            ("report", {"splits": {"train": 7}}, "report of 'train': it is 7; expected an object"),
            ("report", {"splits": {"train": {"scaled": "7"}}}, "'scaled' is '7'; expected a whole"),
        ],
    )
    def test_changed_manifest(self, key, value, message, tmp_path):
        folder = self.folder(tmp_path)
        record = json.loads((folder / NAME).read_text()) | {key: value}
        (folder / NAME).write_text(json.dumps(record))
        with pytest.raises(UsageError, match=message):
            read_manifest(folder)

    @pytest.mark.parametrize("splits", [("train", "train"), ("train", "validation")])
    def test_a_shard_that_is_listed_twice(self, splits, tmp_path):
        folder = self.folder(tmp_path)
        record = json.loads((folder / NAME).read_text())
        shard = record["splits"]["train"]["shards"][0]
        record["splits"] = {split: {"shards": []} for split in splits}
        for split in splits:
            record["splits"][split]["shards"].append(shard)
        (folder / NAME).write_text(json.dumps(record))
        with pytest.raises(UsageError, match=r"the shard 'train-.*' is listed 2 times"):
            read_manifest(folder)

    def test_a_shard_that_is_a_link_out_of_the_folder(self, tmp_path):
        folder = self.folder(tmp_path)
        (tmp_path / "link").symlink_to(folder)
        read_manifest(tmp_path / "link")  # the folder itself may be one
        shard = self.shard(folder)
        (folder / "elsewhere").mkdir()
        shard.rename(folder / "elsewhere" / "shard")
        shard.symlink_to("elsewhere/shard")
        read_manifest(folder)
        (folder / "elsewhere" / "shard").rename(tmp_path / "shard")
        shard.unlink()
        shard.symlink_to(tmp_path / "shard")
        with pytest.raises(UsageError, match=r"is a link that leads out of the folder; make the"):
            read_manifest(folder)

    def test_not_json(self, tmp_path):
        folder = self.folder(tmp_path)
        (folder / NAME).write_text("{")
        with pytest.raises(UsageError, match=r"cannot be read .*make the folder again"):
            read_manifest(folder)

    @pytest.mark.parametrize("part", ["", NAME, "shard"])
    def test_without_permission_nothing_is_to_be_made_again(self, part, tmp_path, monkeypatch):
        """Tests may run as root, who may read everything."""
        folder = self.folder(tmp_path)
        path = self.shard(folder) if part == "shard" else folder / part
        forbid(monkeypatch, path)
        for read in (read_manifest, lambda folder: find_damage([folder], ["train"])):
            with pytest.raises(UsageError, match="may not be read") as caught:
                read(folder)
            assert str(caught.value).startswith(str(path)) and "again" not in str(caught.value)
