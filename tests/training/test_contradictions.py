"""Settings that contradict each other are refused, whatever the order in which they are given."""

import itertools

import pytest
from absl import flags

from cpm.cli.flags import define_run_flags, settings_from_flags
from cpm.config import TrainConfig, changed
from cpm.errors import UsageError
from cpm.training.contradictions import refuse_contradictions
from cpm.training.recipes import RECIPES, recipe


def from_flags(*arguments):
    values = flags.FlagValues()
    define_run_flags(values=values)
    values(["train.py", *arguments])
    return settings_from_flags(values).config


@pytest.mark.parametrize("drop_outside, mask_absent", itertools.product((False, True), repeat=2))
@pytest.mark.parametrize("probability", [0.0, 0.2])
def test_cut_off_people_whose_joints_beyond_the_edge_are_masked(
    drop_outside, mask_absent, probability
):
    target = {"drop_outside": drop_outside, "mask_absent": mask_absent}
    config = changed(
        TrainConfig(), {"target": target, "data": {"augment": {"truncate": probability}}}
    )
    if drop_outside and mask_absent and probability:
        with pytest.raises(UsageError, match=r"truncate is 0\.2, but .* add --set=target"):
            refuse_contradictions(config)
    else:
        refuse_contradictions(config)


def test_company_without_a_place_for_it():
    config = changed(TrainConfig(), {"data": {"max_people": 1}})
    refuse_contradictions(config)
    with pytest.raises(
        UsageError, match=r"company is 0\.3, but data\.max_people is 1.*max_people=2"
    ):
        refuse_contradictions(changed(config, {"data": {"augment": {"company": 0.3}}}))


def test_muon_has_nothing_to_turn_in_a_kernel_of_zeros():
    """Its first step made the weights nan, and the run ended with advice about the rate."""
    muon = changed(TrainConfig(), {"optimizer": {"optimizer": "muon"}})
    blocks = {"norm": "none", "trunk_blocks": 2}
    with pytest.raises(UsageError, match=r"2 blocks .*zeros; add --norm=batch or --optimizer=adam"):
        refuse_contradictions(changed(muon, {"network": blocks}))
    refuse_contradictions(changed(muon, {"network": blocks | {"norm": "batch"}}))
    refuse_contradictions(changed(muon, {"network": blocks | {"trunk_blocks": 0}}))
    adam = changed(TrainConfig(), {"optimizer": {"optimizer": "adam"}})
    refuse_contradictions(changed(adam, {"network": blocks}))


def test_flags_are_checked_when_all_of_them_are_known():
    """The recipe `paper` drops joints outside; alone, either setting is no contradiction."""
    cut = "--set=data.augment.truncate=0.2"
    assert from_flags("--recipe=paper", cut).data.augment.truncate == 0.2
    for arguments in (["--mask_absent", cut], [cut, "--set=target.mask_absent=true"]):
        with pytest.raises(UsageError, match="leave joints beyond the image out of the loss"):
            from_flags("--recipe=paper", *arguments)
    mended = "--set=target.drop_outside=false"
    for order in itertools.permutations([cut, "--set=target.mask_absent=true", mended]):
        from_flags("--recipe=paper", *order)
    with pytest.raises(UsageError, match="none can be pasted in"):
        from_flags("--augment=crowd", "--set=data.max_people=1")


def test_no_recipe_contradicts_itself():
    for name in RECIPES:
        refuse_contradictions(recipe(name, None).config)
