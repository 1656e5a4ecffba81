"""bin/describe.py as a user calls it."""

from tests.helpers.scripts import call


def describe(*arguments):
    return call("describe.py", *arguments)


def test_describe_prints_the_numbers_of_the_paper():
    done = describe("--arch=paper", "--stages=2", "--skeleton=lsp14")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0].startswith("paper: 2 stages") and "368×368" in lines[0]
    last = lines[-1].split()
    assert last[0] == "2" and last[-1] == "407"
    # The trunk twice, both stages: 11.9 of the 31.2 M parameters of six stages.
    assert last[3] == "11,901,406"


def test_describe_refuses_a_wrong_flag_with_status_2_and_no_traceback():
    done = describe("--image_size=100")
    assert done.returncode == 2 and done.stdout == ""
    assert "error: --image_size (height, width)" in done.stderr
    assert "Traceback" not in done.stderr
