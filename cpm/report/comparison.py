"""The page of several runs: in what they differ, which one is better, and by how much."""

import dataclasses

from cpm.humans import noun
from cpm.report.html import element, figure, joined, page, section, table
from cpm.report.run import TITLES, Shown, interval
from cpm.text_table import format_table, number


@dataclasses.dataclass(frozen=True)
class Difference:
    """A run against the best one, on the same people.

    Attributes:
      points: its score minus the best one's, percentage points.
      interval: (low, high) of that, 95 %; None where the people differ.
    """

    points: float
    interval: tuple[float, float] | None

    @property
    def clear(self) -> bool:
        """Whether the interval leaves out 0."""
        return self.interval is not None and not self.interval[0] <= 0 <= self.interval[1]


@dataclasses.dataclass(frozen=True)
class Comparison:
    """Runs side by side, the best first.

    Attributes:
      metric: name of the score that compares them.
      names: of the runs.
      scores: {run: (percent, interval, people)}.
      differences: {run: `Difference` to the best, or None where they cannot be compared}.
      settings: {key: [value of each run]}, only those that differ.
      minutes, steps: {run: of training}.
      joints: {joint: [percent of each run]}.
      notes: sentences about what cannot be compared.
      curves: `Shown`, score against time, or None.
    """

    metric: str
    names: tuple[str, ...]
    scores: dict
    differences: dict
    settings: dict
    minutes: dict
    steps: dict
    joints: dict
    notes: tuple[str, ...] = ()
    curves: Shown | None = None

    def verdict(self) -> list[str]:
        """Who won, a sentence for each other run."""
        best, who = self.names[0], noun(self.joints)
        lines = []
        for name in self.names[1:]:
            found = self.differences[name]
            if found is None:
                lines.append(f"{best} and {name} cannot be compared directly.")
                continue
            more = 0.0 - found.points  # not -0.0 of equal scores
            if found.interval is None:
                lines.append(f"{best} scores {more:.1f} points more than {name}, on other {who}.")
                continue
            low, high = 0.0 - found.interval[1], 0.0 - found.interval[0]
            how = "is better than" if found.clear else "is not clearly better than"
            lines.append(
                f"{best} {how} {name}: {more:+.1f} points "
                f"(95 % interval {low:+.1f} … {high:+.1f}, same {who})."
            )
        return lines

    def text(self) -> str:
        """For a terminal: scores, who won, which settings differ."""
        parts = [format_table(self.score_header(), self.score_rows()), "\n".join(self.verdict())]
        if self.notes:
            parts.append("\n".join(self.notes))
        if self.settings:
            rows = [[key, *values] for key, values in self.settings.items()]
            left = tuple(range(len(self.names) + 1))
            parts.append(format_table(["setting", *self.names], rows, left=left))
        else:
            parts.append("The settings do not differ.")
        return "\n\n".join(parts)

    def score_header(self) -> list[str]:
        """Titles of `score_rows`."""
        title = TITLES.get(self.metric, self.metric)
        return ["run", f"{title}, %", "95 % interval", noun(self.joints), "steps", "minutes"]

    def score_rows(self) -> list[list[str]]:
        """A row per run."""
        return [
            [
                name,
                number(self.scores[name][0]),
                interval(self.scores[name][1]),
                str(self.scores[name][2]),
                str(self.steps[name]),
                f"{self.minutes[name]:.1f}",
            ]
            for name in self.names
        ]


def comparison_page(comparison: Comparison) -> str:
    """The page as text.

    Args:
      comparison: `Comparison`.
    """
    names, curves = comparison.names, comparison.curves
    verdict = (element("p", line, class_="headline") for line in comparison.verdict())
    notes = (element("p", line, class_="note") for line in comparison.notes)
    settings = [[key, *values] for key, values in comparison.settings.items()]
    joints = [
        [joint.replace("_", " "), *map(number, values)]
        for joint, values in comparison.joints.items()
    ]
    title = TITLES.get(comparison.metric, comparison.metric)
    return page(
        " against ".join(names),
        joined(*verdict, *notes),
        section("Scores", table(comparison.score_header(), comparison.score_rows())),
        section(
            "Settings that differ",
            table(["setting", *names], settings, words=True) if settings else element("p", "None."),
        ),
        section("Joints", table([f"{title}, %", *names], joints) if joints else None),
        section("Score against time", curves and figure(curves.pixels, curves.caption)),
    )
