"""The register of claims (experiments/claims.yaml): what is claimed, on what citation, how it is decided."""

from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, FiniteFloat, StringConstraints, ValidationError, model_validator

from dti_core.lab.citations import Has, Library, Misprinted, Precedes, Rule, Strict, Text
from dti_core.lab.errors import ClaimError, ConfigError
from dti_core.lab.paths import project_root
from dti_core.lab.record import OBSERVED, Grade
from dti_core.lab.yaml_files import parse_yaml, read_text

ClaimId = Annotated[str, StringConstraints(pattern=r"^C\d+[a-z]?$")]
Kind = Literal["experiment", "simulation", "bibliographic", "definition", "normative", "survey"]
CitationState = Literal[
    "ok", "wrong number", "contradicts its source", "impossible order",
    "unsupported", "undecidable", "mixed", "none",
]  # fmt: skip

Place = Literal["demand", "technology", "use", "commerce", "finance", "security"]


#: The rule that must be refuted before a citation may be called this.
_SHOWN_BY: dict[str, type] = {
    "wrong number": Misprinted,
    "contradicts its source": Has,
    "impossible order": Precedes,
}


class Citation(Strict):
    """Whether the printed numbers carry the sentence; `fits` is the study whose content does."""

    state: CitationState
    note: Text | None = None
    fits: int | None = None


class Bar(Strict):
    """What one estimate must clear: `than`, and the smallest step beyond it that is of interest.

    Bars of different samples are judged apart, and their verdicts must agree.
    """

    estimate: str
    label: Text
    direction: Literal["greater", "less"]
    than: FiniteFloat
    smallest_effect: Annotated[FiniteFloat, Field(gt=0)]
    sample: Text | None = Field(
        None, description="Data that it speaks of, in words, where a test has several."
    )

    @property
    def title(self) -> str:
        """What is estimated, and on which sample where the test has several."""
        return f"{self.label}, {self.sample}" if self.sample else self.label


class Gate(Strict):
    """A specification test: unless the value of this estimate lies beyond `than`, the bars decide nothing."""

    estimate: str
    label: Text
    direction: Literal["greater", "less"]
    than: FiniteFloat


class NegativeControl(Strict):
    """A world without the effect, where no bar may be cleared."""

    world: str
    must_not_be: Literal["supported"]


class PositiveControl(Strict):
    """A world with a planted effect, where every bar must be cleared."""

    world: str
    must_be: Literal["supported"]


class ExperimentTest(Strict):
    """A claim, or a part of one, bound to a study: every bar must be cleared there, none in the control."""

    study: str
    grade: Grade
    reading: Text
    why: Text = Field(description="Why the smallest effects of interest are what they are.")
    estimates: Annotated[tuple[Bar, ...], Field(min_length=1)]
    gates: tuple[Gate, ...] = ()
    control: NegativeControl
    positive_control: PositiveControl | None = Field(
        None, description="Without one the verdict stays inconclusive."
    )
    weakened: tuple[str, ...] = Field((), description="Worlds that weaken the effect; none may refute it.")
    share: str | None = Field(
        None, description="Conditional grade: estimate of the share of the assumption set behind the sign."
    )

    @property
    def worlds(self) -> tuple[str, ...]:
        """The control worlds, the negative one first."""
        return tuple(control.world for control in (self.control, self.positive_control) if control)

    @property
    def samples(self) -> dict[str, tuple[Bar, ...]]:
        """The bars by the sample that they speak of, in the order of the first of each."""
        named = dict.fromkeys(bar.sample or "" for bar in self.estimates)
        return {name: tuple(bar for bar in self.estimates if (bar.sample or "") == name) for name in named}


class Plan(Strict):
    """The study that will decide the claim, and by what."""

    study: str
    by: Text


class Arrow(Strict):
    """An arrow of the loop, between two stages or fields; without ends, all of a kind or the whole loop."""

    title: Text
    says: Text
    start: Place | None = None
    end: Place | None = None


class Claim(Strict):
    """One sentence of the review, or a part of it, in our own words."""

    says: Text
    section: Text
    arrows: tuple[str, ...] = Field((), description="Arrows of the loop that it speaks of.")
    cites: tuple[int, ...] = Field(description="Numbers as printed, in order, repeats kept.")
    citation: Citation
    kind: Annotated[tuple[Kind, ...], Field(min_length=1)]
    rules: tuple[Rule, ...] = ()
    test: ExperimentTest | None = None
    parts: tuple[ExperimentTest, ...] = Field((), description="Tests in other studies; all must hold.")
    also: tuple[str, ...] = Field((), description="Chapters that show evidence and judge nothing.")
    not_testable: Text | None = None
    planned: Plan | None = None

    @property
    def tests(self) -> tuple[ExperimentTest, ...]:
        """The owner's test, then the parts that other studies test."""
        return (self.test, *self.parts) if self.test else ()

    @property
    def owner(self) -> str:
        """The study whose test judges the claim, or will; '' if none."""
        bound = self.test or self.planned
        return bound.study if bound else ""

    @property
    def decided_by_rules(self) -> bool:
        """Whether dates and contents of the citations alone decide it."""
        return "bibliographic" in self.kind and bool(self.rules) and self.test is None


class Register(Library):
    """All claims in the order of the review, with the studies and techniques that they speak of."""

    syntheses: Mapping[str, Text] = Field(description="Slug of each chapter on the whole -> its title.")
    arrows: Mapping[str, Arrow]
    claims: Mapping[ClaimId, Claim]

    @model_validator(mode="after")
    def _holds_together(self) -> "Register":
        problems = [f"{key}: {text}" for key in self.claims for text in self._problems(self.claims[key])]
        problems += [f"arrows.{key}: no claim speaks of it" for key in self.arrows if not self.on_arrow(key)]
        if problems:
            raise ValueError("; ".join(problems))
        return self

    def slugs(self) -> set[str]:
        """All studies that may decide a claim."""
        return {study.slug for study in self.studies.values()} | set(self.syntheses)

    def on_arrow(self, arrow: str) -> list[str]:
        """Claims that speak of an arrow, in order."""
        return [key for key, claim in self.claims.items() if arrow in claim.arrows]

    def bound_to(self, slug: str) -> dict[str, Claim]:
        """Claims with a test in that study, in order."""
        return {k: c for k, c in self.claims.items() if slug in {test.study for test in c.tests}}

    def owned_by(self, slug: str) -> list[str]:
        """Claims that the study judges or will, in order."""
        return [key for key, claim in self.claims.items() if claim.owner == slug]

    def _problems(self, claim: Claim) -> Iterator[str]:
        """What in one claim contradicts the rest of the register."""
        yield from self._unknown_names(claim)
        ways = [claim.test, claim.not_testable, claim.planned, claim.decided_by_rules or None]
        if all(way is None for way in ways):
            yield "has no test, not_testable, planned or, for kind bibliographic, rules"
        if claim.not_testable is not None and (claim.test or claim.planned):
            yield "not_testable: stands beside test or planned; keep one"
        if (claim.citation.state == "none") != (not claim.cites):
            yield f"citation.state: '{claim.citation.state}' with {len(claim.cites)} citations"
        if (claim.citation.state == "wrong number") != (claim.citation.fits is not None):
            yield "citation.fits: names the study meant, if and only if the state is 'wrong number'"
        if (needed := _SHOWN_BY.get(claim.citation.state)) and not any(
            isinstance(rule, needed) and self.knows(rule) and self.apply(rule).verdict == "refuted"
            for rule in claim.rules
        ):
            yield f"citation.state: '{claim.citation.state}', but no {needed.__name__.lower()} rule shows it"
        studies = [test.study for test in claim.tests]
        if len(set(studies)) < len(studies):
            yield "parts: two tests in one study; make them one test of several bars"
        if claim.test and claim.planned and claim.planned.study != claim.test.study:
            yield f"planned.study: {claim.planned.study}, but {claim.test.study} owns the claim"
        if claim.parts and not claim.test:
            yield "parts: stand beside no test; the owner's comes first"
        for test in claim.tests:
            if len({OBSERVED, *test.worlds}) <= len(test.worlds):
                worlds = ", ".join(test.worlds)
                yield f"test.control.world: {worlds} must differ from '{OBSERVED}' and each other"
            bars = [bar.estimate for bar in test.estimates]
            if len(set(bars)) < len(bars):
                yield "test.estimates: an estimate stands in two bars"
            if "" in test.samples and len(test.samples) > 1:
                yield "test.estimates: some bars name a sample; then each must"
            if (test.share is None) == (test.grade == "conditional"):
                yield "test.share: names an estimate, if and only if the grade is 'conditional'"

    def _unknown_names(self, claim: Claim) -> Iterator[str]:
        fits = [claim.citation.fits] if claim.citation.fits is not None else []
        for number in sorted({*claim.cites, *fits} - set(self.studies)):
            yield f"cites: no study [{number}]; there are {', '.join(map(str, self.studies))}"
        for rule in claim.rules:
            if not self.knows(rule):
                yield f"rules: {rule.rule}: names a study or technology that is not in the register ({rule})"
        for arrow in claim.arrows:
            if arrow not in self.arrows:
                yield f"arrows: no arrow '{arrow}'; there are {', '.join(self.arrows)}"
        named = [("test.study", test.study) for test in claim.tests] + [("also", slug) for slug in claim.also]
        named += [("planned.study", claim.planned.study)] if claim.planned else []
        for field, slug in named:
            if slug not in self.slugs():
                yield f"{field}: no study '{slug}'; there are {', '.join(sorted(self.slugs()))}"
        if claim.owner in claim.also:
            yield f"also: {claim.owner} owns the claim; name other chapters"


def register_file(home: Path | None = None) -> Path:
    """The register below `home`, which is the project if not given."""
    return (home or project_root()) / "experiments" / "claims.yaml"


def load_register(home: Path | None = None) -> Register:
    """Read and judge experiments/claims.yaml. ClaimError names the claim and the field."""
    path = register_file(home)
    if not path.is_file():
        raise ClaimError(f"no register of claims at {path}. It belongs to the checkout; restore it.")
    try:
        return parse_register(read_text(path))
    except ConfigError as error:
        raise ClaimError(str(error)) from error


@cache
def parse_register(text: str) -> Register:
    """The register written in `text` (YAML), or ClaimError."""
    try:
        return Register.model_validate(parse_yaml(text, "claims.yaml"))
    except ConfigError as error:
        raise ClaimError(str(error)) from error
    except ValidationError as error:
        raise ClaimError("claims.yaml: " + "; ".join(_located(item) for item in error.errors())) from error


def _located(item: Any) -> str:
    place = [str(part) for part in item["loc"] if part != "claims"]
    message = str(item["msg"]).removeprefix("Value error, ")
    return ": ".join(part for part in (place[0] if place else "", ".".join(place[1:]), message) if part)
