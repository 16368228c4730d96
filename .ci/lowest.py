"""pip's constraints for `make test-lowest`: of each dependency the lowest version that setup.cfg allows."""

import configparser
import sys
from pathlib import Path

from packaging.requirements import Requirement

setup = configparser.ConfigParser()
setup.read(Path(__file__).resolve().parent.parent / "setup.cfg", encoding="utf-8")
for line in setup["options"]["install_requires"].split("\n"):
    if line:
        wanted = Requirement(line)
        lowest = [each.version for each in wanted.specifier if each.operator == ">="]
        if len(lowest) != 1:
            sys.exit(f"setup.cfg: {wanted.name} needs one lower bound")
        sys.stdout.write(f"{wanted.name}=={lowest[0]}\n")
