"""Compare the installed packages with the database of known vulnerabilities, by pip-audit.

``python tools/audit_dependencies.py`` needs pip-audit (``pip install "imgdup-nb[audit]"``) and the
network. It is no part of the tests. The exit code is 0 if no vulnerability is known, 1 if some are,
and 2 if packages could not be checked: pip-audit itself calls that a success.
"""

import json
import subprocess
import sys

COMMAND = [
    sys.executable,
    *("-m", "pip_audit", "--local", "--skip-editable"),
    *("--format", "json", "--progress-spinner", "off"),
]


def summarise(report, complaint=""):
    """Return the exit code and the lines that say what was found.

    Parameters
    ----------
    report
        what pip-audit wrote to its standard output.
    complaint
        what it wrote to its standard error.
    """
    try:
        packages = json.loads(report)["dependencies"]
    except ValueError:
        reason = (complaint.strip().splitlines() or ["no reason was given"])[-1]
        return 2, [f"nothing was checked: {reason}"]
    packages = [package for package in packages if "editable" not in package.get("skip_reason", "")]
    checked = [package for package in packages if "vulns" in package]
    lines = [
        f"{package['name']} {package['version']}: {found['id']}, "
        f"mended in {', '.join(found['fix_versions']) or 'no version yet'}"
        for package in checked
        for found in package["vulns"]
    ]
    n_found, n_missing = len(lines), len(packages) - len(checked)
    lines.append(f"packages checked: {len(checked)}; known vulnerabilities: {n_found}")
    if n_missing or not checked:
        lines.append(
            f"packages not checked: {n_missing}; the database may be out of reach from here"
        )
    if n_found:
        return 1, lines
    return (2 if n_missing or not checked else 0), lines


def main():
    """Run pip-audit, print what it found, and return the exit code."""
    done = subprocess.run(COMMAND, capture_output=True, text=True)
    code, lines = summarise(done.stdout, done.stderr)
    print("\n".join(lines))
    return code


if __name__ == "__main__":
    sys.exit(main())
