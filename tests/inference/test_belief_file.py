"""The belief maps' file: everything is there, and reads back without pickles."""

import numpy as np
import pytest

from cpm.config import NetworkConfig
from cpm.errors import UsageError
from cpm.inference import Predictor
from cpm.inference.belief_file import check_name, write_beliefs
from cpm.inference.person_pose import PersonPose
from cpm.network import ConvolutionalPoseMachine
from cpm.skeleton import get_skeleton


def test_a_person_without_maps_is_told_how_to_keep_them(tmp_path):
    person = PersonPose(get_skeleton("lsp14"), np.zeros([14, 2]), np.ones(14), (0.0, 0.0, 1.0, 1.0))
    with pytest.raises(UsageError, match="predict with maps=True"):
        write_beliefs(str(tmp_path / "maps.npz"), person)
    assert not (tmp_path / "maps.npz").exists()


@pytest.mark.parametrize("background", [True, False])
def test_write_beliefs_round_trip(tmp_path, seeded, background):
    config = NetworkConfig(
        stages=2,
        width=0.1,
        skeleton="lsp14",
        background=background,
        image_size=(48, 64),
    )
    network = ConvolutionalPoseMachine(config, seed=2)
    image = seeded(1).integers(0, 256, [50, 90, 3], np.uint8)
    (person,) = Predictor(network)(image, box=(10, 5, 40, 40), maps=True)
    path = str(tmp_path / "new" / "maps.npz")
    write_beliefs(path, person)
    with np.load(path, allow_pickle=False) as stored:
        assert len(stored.files) == 2 + 5
        for t in (1, 2):
            maps = stored[f"stage_{t}"]
            np.testing.assert_array_equal(maps, person.maps.beliefs[t - 1])
            assert maps.dtype == np.float32 and maps.shape == (6, 8, 14 + background)
        names = [*network.skeleton.joints] + ["background"] * background
        assert stored["maps"].tolist() == names
        assert stored["stride"] == 8 and stored["box"].tolist() == [10, 5, 40, 40]
        np.testing.assert_array_equal(stored["crop"], person.maps.crop)
        # The network, shown the crop again, draws these maps (the crop was rounded: 1/512 of its
        # input's range).
        again = network(stored["crop"][None], np.array([[31.5, 23.5]], np.float32))
        np.testing.assert_allclose(again[1][0], stored["stage_2"], atol=0.02)
        np.testing.assert_array_equal(stored["crop_to_image"], person.maps.crop_to_image)


def test_check_name_raises():
    check_name("maps.npz")
    with pytest.raises(UsageError, match=r"should end in .npz"):
        check_name("maps.npy")
