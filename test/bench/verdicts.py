# SPDX-License-Identifier: Apache-2.0
"""What a case must show, and the table of its figures."""
from dataclasses import dataclass, field

from .cases import MOST_DRAINED, Case
from .runs import Run, ratio
from .scene import Requirement

HEAD = ("| case | subject | requests/s | 50 % ms | 99 % ms | httpd µs | database µs | pool µs | load µs | memory MB | drained s |\n"
        "|---|---|---|---|---|---|---|---|---|---|---|")


@dataclass
class Result:
    """A case that was played: each subject's median run, in the order of the subjects."""

    case: Case
    runs: dict[str, Run]
    loud: list[str] = field(default_factory=list)  # lines of the error logs
    notes: list[str] = field(default_factory=list)


def rows(result: Result) -> str:
    """Of the table; in brackets the ratio to plain Apache."""
    base = result.runs["apache"]

    def figure(run: Run, name: str, form: str) -> str:
        value, by = getattr(run, name), getattr(base, name)
        if value is None:
            return "in httpd" if name == "database" and run.drained is not None else ""
        if name == "drained" and run.waiting:
            return f"{value:{form}}, {run.waiting} shares"
        return f"{value:{form}}" + (f" ({ratio(name, run, base):.2f})" if by and run is not base else "")

    def line(name: str, run: Run) -> str:
        figures = [figure(run, *column) for column in (("rate", ",.0f"), ("p50", ".2f"), ("p99", ".2f"), ("httpd", ".1f"), ("database", ".1f"),
                                                       ("pool", ".1f"), ("load", ".1f"), ("memory", ".1f"), ("drained", ".1f"))]
        return f"| {result.case.name} | {name} | {' | '.join(figures)} |"
    return "\n".join(line(name, run) for name, run in result.runs.items())


def _rate(name: str, run: Run, other: Run, least: float) -> Requirement:
    measured = ratio("rate", run, other)
    return Requirement(name, f">= {least:g}", f"{measured:.3f}", measured >= least, by_machine=True)


def repeats(result: Result) -> list[str]:
    """Notes of requests that were sent again."""
    return [f"{result.case.name}: {run.repeated} of {run.requests:,} requests of {name} were sent again, because it had closed the connection"
            for name, run in result.runs.items() if run.repeated]


def _repeated(runs: dict[str, Run], name: str, limit: float) -> Requirement:
    most = max(run.repeated / run.requests if run.requests else 0 for run in runs.values() if run.drained is not None)
    return Requirement(f"{name}: requests that were sent again", f"< {limit:.1%}", f"{most:.2%}", most < limit, by_machine=True)


def _whole(case: Case, runs: dict[str, Run], loud: list[str]) -> list[Requirement]:
    """Nothing wrong, nothing lost."""
    wrong, missing = (sum(getattr(run, name) for run in runs.values()) for name in ("wrong", "missing"))
    first = next((f"{name}: {run.first_wrong}" for name, run in runs.items() if run.first_wrong), "")
    drained = max(run.drained for run in runs.values() if run.drained is not None)
    return [
        Requirement(f"{case.name}: wrong answers", "0", f"{wrong} {first}".strip().replace("|", "/"), wrong == 0),
        Requirement(f"{case.name}: rows and counted getworks that are missing or too many", "0", f"{missing}", missing == 0),
        Requirement(f"{case.name}: warnings in the error log", "0", f"{len(loud)} {' '.join(loud[:1])}".strip().replace("|", "/"), not loud),
        Requirement(f"{case.name}: the database has everything after", f"<= {MOST_DRAINED:g} s", f"{drained:.1f} s", drained <= MOST_DRAINED,
                    by_machine=True)]


def judge(result: Result) -> list[Requirement]:
    """Every requirement of the case."""
    case, runs = result.case, result.runs
    proxy, apache = runs["proxy"], runs["apache"]
    found = []
    if case.least:
        found.append(_rate(f"{case.name}: rate against plain Apache", proxy, apache, case.least))
    if case.most_p99:
        found.append(Requirement(f"{case.name}: 99th percentile against plain Apache", f"<= {case.most_p99:g}", f"{ratio('p99', proxy, apache):.2f}",
                                 ratio("p99", proxy, apache) <= case.most_p99, by_machine=True))
    if case.least_of_rival:
        found.append(_rate(f"{case.name}: rate against {case.rival_name}", proxy, runs[f"proxy, {case.rival_name}"], case.least_of_rival))
    if case.least_of_file:
        found.append(_rate(f"{case.name}: rate against a static file", proxy, runs["file"], case.least_of_file))
    if case.most_repeated:
        found.append(_repeated(runs, case.name, case.most_repeated))
    return found + _whole(case, runs, result.loud)
