"""Asks pip-audit for known vulnerabilities of requirements.lock and says what it found. Exit code 1 only for one.

An advisory service that cannot be asked is no fault of the program, so it fails nothing, but it is never called clean.
pip-audit gives no JSON when it reaches nobody, and skips what the service does not know. It ends with 2 when it was
called wrongly: then so does this.
"""

import json
import subprocess
import sys

OPTIONS = ("--format=json", "--progress-spinner=off", "--require-hashes", "--disable-pip")
AUDIT = [sys.executable, "-m", "pip_audit", *OPTIONS, "--requirement=requirements.lock"]


def ask(command: list[str]) -> int:
    """Run pip-audit and say what came of it; the exit code."""
    asked = subprocess.run(command, capture_output=True, text=True, check=False)
    if asked.returncode not in {0, 1}:
        sys.stderr.write(asked.stderr)
        return asked.returncode
    return say(asked.stdout, asked.stderr)


def say(answer: str, errors: str) -> int:
    """What pip-audit answered, in lines; the exit code."""
    packages = json.loads(answer)["dependencies"] if answer.strip() else []
    checked = [each for each in packages if "skip_reason" not in each]
    vulnerable = [each for each in checked if each["vulns"]]
    for each in vulnerable:
        for found in each["vulns"]:
            repaired = ", ".join(found["fix_versions"]) or "no version yet"
            sys.stdout.write(f"{each['name']} {each['version']}: {found['id']}, repaired in {repaired}\n")
    if not checked:
        reason = packages[0]["skip_reason"] if packages else errors.strip().rpartition("\n")[2]
        sys.stdout.write(f"The advisory service could not be asked, nothing was checked: {reason}\n")
        return 0
    unknown = [each["name"] for each in packages if "skip_reason" in each]
    sys.stdout.write(f"{len(checked)} packages checked, {len(vulnerable)} with known vulnerabilities.\n")
    if unknown:
        sys.stdout.write(f"Not checked, because the service does not know them: {', '.join(unknown)}.\n")
    return int(bool(vulnerable))


if __name__ == "__main__":
    sys.exit(ask(AUDIT))
