"""The lowest versions that the installed sparsedend allows, as constraints for pip."""

from importlib.metadata import requires

from packaging.requirements import Requirement

for requirement in map(Requirement, requires("sparsedend")):
    if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
        for each in requirement.specifier:
            if each.operator == ">=":
                print(f"{requirement.name}=={each.version}")
