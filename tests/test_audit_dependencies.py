"""The audit of dependencies says what is known, and never calls "not checked" a success."""

import json

import pytest

from audit_dependencies import summarise

SOUND = {"name": "numpy", "version": "2.4.6", "vulns": []}
OLD = {
    "name": "pillow",
    "version": "9.0.0",
    "vulns": [{"id": "PYSEC-1", "fix_versions": ["9.0.1"]}, {"id": "PYSEC-2", "fix_versions": []}],
}
UNKNOWN = {"name": "tqdm", "skip_reason": "Dependency not found on PyPI: tqdm (4.66)"}
OWN = {"name": "imgdup-nb", "skip_reason": "distribution marked as editable"}


@pytest.mark.parametrize(
    ("packages", "code", "words"),
    [
        ([SOUND, OWN], 0, "packages checked: 1; known vulnerabilities: 0"),
        ([SOUND, OLD], 1, "pillow 9.0.0: PYSEC-1, mended in 9.0.1"),
        ([SOUND, OLD], 1, "pillow 9.0.0: PYSEC-2, mended in no version yet"),
        ([OLD, UNKNOWN], 1, "packages not checked: 1"),
        ([SOUND, UNKNOWN], 2, "packages not checked: 1"),
        ([UNKNOWN], 2, "packages checked: 0"),
        ([], 2, "packages checked: 0"),
    ],
)
def test_what_is_known_and_what_could_not_be_checked_is_told(packages, code, words):
    told, lines = summarise(json.dumps({"dependencies": packages, "fixes": []}))
    assert told == code
    assert words in "\n".join(lines)


@pytest.mark.parametrize(
    ("complaint", "words"),
    [
        ("Traceback\nConnectionError: no route to host\n", "ConnectionError: no route to host"),
        ("python: No module named pip_audit", "No module named pip_audit"),
        ("", "no reason was given"),
    ],
)
def test_without_an_answer_the_reason_is_told(complaint, words):
    code, [line] = summarise("", complaint)
    assert (code, line.startswith("nothing was checked: "), words in line) == (2, True, True)
