"""Check: one file to all its problems and, when there are no errors, its Program.

Law: total. Whatever bytes a file holds, the answer is a CheckResult.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ivr.core.program import END, HangUp, Program, Prompt, SurveyPlan
from ivr.lang import checks, secrets
from ivr.lang.compiler import Builder
from ivr.lang.model import FlowFile, Survey
from ivr.lang.names import BUILTIN, check_destinations, check_names, check_queues, check_settings
from ivr.lang.problem import Problem, Problems, meant, nearest, quoted
from ivr.lang.project import Project
from ivr.lang.reader import Reader
from ivr.lang.source import Map, Source, Text
from ivr.survey import banked, reading
from ivr.survey.bank import Bank, read_bank
from ivr.survey.checks import check_logic
from ivr.survey.compiling import Offer, compile_survey
from ivr.survey.head import read_head
from ivr.survey.tree import Questionnaire


@dataclass(frozen=True, slots=True)
class CheckResult:
    problems: tuple[Problem, ...]
    program: Program | None  # None when there are errors, and for files that are no flow

    @property
    def ok(self) -> bool:
        return not any(p.severity == "error" for p in self.problems)


def check_file(path: Path | str, project: Project | None = None) -> CheckResult:
    """Checks a flow, a questionnaire, a campaign, a prompt catalogue or a file of scripted calls."""
    path = Path(path)
    if project is None:
        project = Project.find(path)
    source = project.load(path)
    if source.root is None or path.name.endswith(".calls.yaml"):
        return CheckResult(source.problems.sorted(), None)
    catalogue = project.catalogue
    if path.parent.name == project.prompts.name and path.parent.resolve() == project.prompts.resolve():
        return CheckResult(tuple(p for p in catalogue.problems.sorted() if p.file == source.file), None)
    if project.is_bank_file(path):
        return CheckResult(_check_bank(project, source), None)
    if isinstance(source.root, Map) and source.root.get("campaign") is not None:
        return CheckResult(_check_campaign(project, source), None)
    check = _Check(project, source)
    # A catalogue that cannot be read hides prompts: say so, or the flow would look well.
    check.problems.found += [p for p in catalogue.problems.found if p.severity == "error"]
    check.problems.errors += catalogue.problems.errors
    program = check.run()
    return CheckResult(check.problems.sorted(), None if check.problems.errors else program)


def _check_bank(project: Project, source: Source) -> tuple[Problem, ...]:
    problems = Problems()
    banked.check_bank_file(source, problems, project.catalogue, {})
    return problems.sorted()


def _check_campaign(project: Project, source: Source) -> tuple[Problem, ...]:
    from ivr.campaign.reader import read_campaign  # with its libraries, which no other file needs

    return read_campaign(source, project).problems


class _Check:
    """One run over one file."""

    def __init__(self, project: Project, source: Source) -> None:
        self.project = project
        self.source = source
        self.problems = Problems()
        self.problems.found += source.problems.found
        self.problems.errors += source.problems.errors
        self.prompts: dict[str, Prompt] = {}
        self.where: dict[str, tuple[str, int]] = {}
        self.plans: dict[str, SurveyPlan] = {}
        self.surveys: list[Questionnaire] = []
        self._bank: Bank | None = None

    @property
    def bank(self) -> Bank:
        """Read when the first questionnaire is."""
        if self._bank is None:
            self._bank = read_bank(self.project.load(path) for path in self.project.bank_files())
        return self._bank

    def read(self, source: Source, step: str) -> Questionnaire | None:
        """A questionnaire for the step ``step``, with the mistakes of the bank's files that it uses."""
        survey = reading.read(source, step, self.problems, self.project.catalogue, self.prompts, BUILTIN, self.bank)
        if survey is not None and survey.sound:
            before = self.problems.errors
            check_logic(survey)
            survey.sound = self.problems.errors == before
        return survey

    def run(self) -> Program | None:
        root = self.source.root
        if isinstance(root, Map):
            if root.get("survey") is not None and root.get("flow") is None:
                return self.survey()
            if root.get("flow") is not None or root.get("steps") is not None:
                return self.flow(root)
            hints = [h for k, _ in root.items if (h := meant(k.value, ("flow", "survey", "campaign")))]
            hint = hints[0] if hints else "begin with `flow: name`, `survey: name` or `campaign: name`"
        else:
            hint = "begin with `flow: name` or `survey: name`"
        self.problems.add("IVR018", self.source, root, "this is neither a flow nor a questionnaire", hint)
        return None

    def survey(self) -> Program | None:
        """A questionnaire alone: a flow of one survey."""
        root = self.source.root
        name = root.get("survey") if isinstance(root, Map) else None
        step = name.value if isinstance(name, Text) else "survey"
        survey = self.read(self.source, step)
        if survey is None or not survey.sound:
            return None
        made = compile_survey(survey, step, END)
        nodes: dict[str, Any] = {**made.nodes, END: HangUp()}
        self.where = {node: (self.source.file, line) for node, line in made.lines.items()}
        self.prompts |= reading.labels_of(survey, survey.spoken_labels)
        self.graph(nodes, [step], True, {}, lambda name: name)
        file = survey.file
        return Program(
            flow=file.survey,
            title=file.title or "",
            languages=file.languages,
            start=step,
            nodes=nodes,
            prompts=self.prompts,
            facts=tuple(sorted(file.facts or ())),
            surveys={file.survey: made.plan},
            where=self.where,
        )

    def flow(self, root: Map) -> Program | None:
        problems = self.problems
        reader = Reader(self.source, problems, self.project.catalogue, self.prompts)
        file: FlowFile = read_head(reader, root, "FlowFile", "a flow file")
        builder = Builder(file.digits, file.error or END)
        names: dict[str, Text] = {}
        surveys: dict[str, Survey] = {}
        whole = True
        steps = file.steps.items if isinstance(file.steps, Map) else []
        if file.steps is not None and not steps:
            reader.add("IVR010", file.steps, "`steps` is a map of name to step, with at least one")
        for name, node in steps:
            names[name.value] = name
            self.where[name.value] = self.source.file, name.start.line + 1
            before = problems.errors
            shape = reader.step(name, node)
            if shape is not None:
                check_settings(reader, shape, name, node)
                secrets.note(reader, shape, name, node)
            if shape is None or problems.errors != before:
                whole = False
            elif isinstance(shape, Survey):
                surveys[name.value] = shape
            else:
                builder.step(name.value, shape)
        facts = set(file.facts or ())
        read: dict[str, tuple[Text, Reader]] = {}
        for step, survey in surveys.items():
            whole &= self.inline(reader, builder, step, survey, file.languages, facts, read)
        builder.nodes[END] = HangUp()
        check_destinations(reader, file.destinations or {})
        check_queues(reader, file.queues or {})
        check_names(reader, facts)
        secrets.check(reader, read)
        self.check_labels(reader)
        for word, target in reader.targets:
            if target not in names:
                hint = meant(target, names) or "add the step, or change the name"
                reader.add("IVR022", word, f"no step named {quoted(target)}", hint)
        for step in builder.no_way_on:
            message = f'a caller who stays silent at "{step}" has no way on'
            hint = "add `give_up: step` to `digits`, here or at the top of the file"
            reader.add("IVR027", names[step], message, hint)
        start = file.start or next(iter(names), END)
        roots = [start, builder.error]
        self.graph(builder.nodes, roots, whole, names, lambda name: nearest(name, names))
        if problems.errors:
            return None
        return Program(
            flow=file.flow,
            title=file.title or "",
            languages=file.languages,
            start=start,
            nodes=builder.nodes,
            prompts=self.prompts,
            error=builder.error,
            variables=file.variables or {},
            destinations=file.destinations or {},
            queues=file.queues or {},
            facts=tuple(sorted(facts)),
            max_call_ms=file.max_call or 3_600_000,
            surveys=self.plans,
            where=self.where,
        )

    def check_labels(self, reader: Reader) -> None:
        """Labels of answers that the flow or its questionnaires speak become prompts."""
        labelled = {asked.shape.id for survey in self.surveys for asked in survey.questions if asked.labels}
        for word, name in reader.labelled:
            if name not in labelled:
                hint = "only answers of questionnaires whose options have `say`, or whose scale has `labels`"
                reader.add("IVR085", word, f"{quoted(name)} has no words to speak", hint, part=name)
        for survey in self.surveys:
            spoken = {*survey.spoken_labels, *(name for _, name in reader.labelled)}
            self.prompts |= reading.labels_of(survey, spoken)

    def inline(
        self,
        reader: Reader,
        builder: Builder,
        step: str,
        shape: Survey,
        languages: tuple[str, ...] | None,
        facts: set[str],
        read: dict[str, tuple[Text, Reader]],
    ) -> bool:
        """The questionnaire of one step into the flow; false when that cannot be done."""
        name = shape.survey.value
        source = self.project.load(self.project.survey_path(name))
        if source.root is None:
            known = self.project.survey_names()
            if name in known:
                self.problems.found += source.problems.found
                self.problems.errors += source.problems.errors
            else:
                hint = meant(name, known) or f"add {self.project.display(self.project.survey_path(name))}"
                reader.add("IVR070", shape.survey, f"no questionnaire named {quoted(name)}", hint)
            return False
        self.problems.found += source.problems.found
        self.problems.errors += source.problems.errors
        survey = self.read(source, step)
        if survey is None:
            message = f"{source.file} is not a questionnaire"
            reader.add("IVR070", shape.survey, message, "it begins with `survey: name`")
            return False
        read[step] = shape.survey, survey.reader
        ids = [asked.shape.id for asked in survey.questions]
        clash = [ident for ident in ids if ident in reader.set_names]
        if clash:
            message = f"the answer {quoted(clash[0])} of questionnaire {quoted(name)} is also a name of this flow"
            self.problems.add("IVR075", self.source, shape.survey, message, "rename one of them", warning=True)
        reader.answers |= {*ids, *(f"{ident}.missing" for ident in ids), f"{survey.file.survey}.outcome"}
        self.surveys.append(survey)
        facts |= set(survey.file.facts or ())
        for language in languages or ():
            if language not in (survey.file.languages or ()):
                message = f"questionnaire {quoted(name)} does not speak {language}"
                reader.add("IVR041", shape.survey, message, f"add {language} to {source.file}")
        if not survey.sound or not survey.questions:
            return False
        made = compile_survey(survey, step, shape.next, Offer(shape.share, shape.not_again or 0))
        builder.nodes |= made.nodes
        for node, line in made.lines.items():
            if node != step:
                self.where[node] = source.file, line
        name = survey.file.survey
        before = self.plans.get(name)
        not_again_ms = max(made.plan.not_again_ms, before.not_again_ms if before else 0)
        self.plans[name] = replace(made.plan, not_again_ms=not_again_ms)
        return True

    def graph(
        self, nodes: dict[str, Any], roots: list[str], whole: bool, names: dict[str, Text], stands_for: Any
    ) -> None:
        root = self.source.root
        for finding in checks.findings(nodes, roots, whole, stands_for):
            step = finding.node.split(".")[0]
            if finding.node not in names and finding.code == "IVR023":
                continue  # inside a questionnaire: said of its step already
            place = names.get(step, root)
            self.problems.add(finding.code, self.source, place, finding.message, finding.hint, warning=finding.warning)
