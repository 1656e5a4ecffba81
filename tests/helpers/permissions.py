"""Files and folders without permission, also for root, who may read everything."""

import errno
import os


def forbid(monkeypatch, path, *, stat=False):
    """Makes a path one that may not be read.

    Args:
      monkeypatch: pytest's fixture.
      path: of a file or folder.
      stat: whether it cannot even be looked at, as in a folder that may not be entered.
    """

    def refusing(call, answer=None):
        def called(asked, *arguments, **keywords):
            if asked not in (path, os.fspath(path)):
                return call(asked, *arguments, **keywords)
            if answer is not None:
                return answer
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), os.fspath(path))

        return called

    monkeypatch.setattr(os, "access", refusing(os.access, False))
    for name in ("open", "listdir", *(["stat"] if stat else [])):
        monkeypatch.setattr(os, name, refusing(getattr(os, name)))
