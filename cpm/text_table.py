"""Tables and lists as text: they read well in a terminal, and tables as Markdown if asked."""

from collections.abc import Collection, Iterable, Sequence


def listed(names: Sequence[str], most: int) -> str:
    """The first few names, and how many more there are.

    >>> listed(["nose", "tail"], 6), listed(["a", "b", "c", "d"], 2)
    ('nose, tail', 'a, b and 2 more')
    """
    more = len(names) - most
    return ", ".join(names[:most]) + (f" and {more:,} more" if more > 0 else "")


def counted(count: int, noun: str) -> str:
    """So many of something.

    >>> counted(1, "image"), counted(0, "image"), counted(2, "frame")
    ('1 image', '0 images', '2 frames')
    """
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def number(value: float | None) -> str:
    """One decimal, a dash for None.

    >>> number(87.25), number(None)
    ('87.2', '-')
    """
    return "-" if value is None else f"{value:.1f}"


def format_table(
    header: Sequence[str],
    rows: Iterable[Sequence[str]],
    *,
    left: Collection[int] = (0,),
    markdown: bool = True,
) -> str:
    """An aligned table.

    Args:
      header: column titles, strings.
      rows: lists of strings as long as `header`.
      left: numbers of the columns that start at the left; others end at the right, as numbers do.
      markdown: with bars and a rule below the header; else with two spaces between the columns.

    >>> print(format_table(["", "Head", "Total"], [["ours", "97.8", "90.5"]]))
    |      | Head | Total |
    |------|-----:|------:|
    | ours | 97.8 |  90.5 |
    >>> print(format_table(["layer", "field"], [["conv1", "9"]], markdown=False))
    layer  field
    conv1      9
    """
    table = [header, *rows]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    lines = [
        [
            cell.ljust(width) if k in left else cell.rjust(width)
            for k, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        for row in table
    ]
    if not markdown:
        return "\n".join("  ".join(cells).rstrip() for cells in lines)
    rule = ["-" * (n + 2) if k in left else "-" * (n + 1) + ":" for k, n in enumerate(widths)]
    titles, *body = ("| " + " | ".join(cells) + " |" for cells in lines)
    return "\n".join([titles, "|" + "|".join(rule) + "|", *body])
