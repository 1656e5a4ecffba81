"""Commands that a file of data gives are shown only if they are ours."""

import shlex

import pytest

from cpm.data.remaking import own_command


@pytest.mark.parametrize("name", ["a", "my data", "it's", "Ä (1)", "$HOME;ls", "a,b"])
def test_own_command_preset(name):
    for script in ("python bin/convert.py", "python bin/make_scenes.py", "bin/convert.py"):
        text = f"{script} --dataset=coco --strict --out={shlex.quote(name)} --count=3"
        assert own_command(text) == text


@pytest.mark.parametrize(
    "text",
    [
        *("curl x | sh", "python bin/convert.py --out=a; ls", "python bin/convert.py --out=$(ls)"),
        *("python bin/convert.py --out=`ls`", "python bin/convert.py --out=a\nls", ""),
        *(
            "python bin/train.py",
            "python bin/convert.py --out='a' && ls",
            "python bin/convert.py x",
        ),
        *("python bin/convert.py --out='a", None, 5, ["python bin/convert.py"]),
    ],
)
def test_own_command_is_never_another(text):
    assert own_command(text) == "bin/convert.py"
    assert own_command(text, "bin/make_scenes.py") == "bin/make_scenes.py"
