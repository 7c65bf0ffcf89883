"""The language: words to a Program.

    source (bytes → marked nodes) → reader by model, kinds and parts (nodes → shapes) → compiler, questionnaire
    (shapes → nodes of core.program) → checks (the whole graph). ``check.check_file`` is the way in.

Law: imports YAML and ``core`` only; no clock, no chance, no network. Every mistake is a Problem with a code, a place
and words of its own; nothing that a file holds makes it raise.
"""
