"""Says what pip-audit found; its JSON comes on standard input. Exit code 1 only for a known vulnerability.

An advisory service that cannot be asked is no fault of the program, so it fails nothing, but it is never called clean.
pip-audit gives no JSON when it reaches nobody, and skips what the service does not know.
"""

import json
import sys

text = sys.stdin.read()
packages = json.loads(text)["dependencies"] if text.strip() else []
checked = [each for each in packages if "skip_reason" not in each]
vulnerable = [each for each in checked if each["vulns"]]
for each in vulnerable:
    for found in each["vulns"]:
        repaired = ", ".join(found["fix_versions"]) or "no version yet"
        sys.stdout.write(f"{each['name']} {each['version']}: {found['id']}, repaired in {repaired}\n")
if not checked:
    sys.stdout.write("The advisory service could not be asked: nothing was checked.\n")
else:
    unknown = [each["name"] for each in packages if "skip_reason" in each]
    sys.stdout.write(f"{len(checked)} packages checked, {len(vulnerable)} with known vulnerabilities.\n")
    if unknown:
        sys.stdout.write(f"Not checked, because the service does not know them: {', '.join(unknown)}.\n")
sys.exit(bool(vulnerable))
