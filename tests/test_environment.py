"""pyproject, requirements.lock and environment.yml say the same."""

import re
import tomllib

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name


@pytest.fixture(scope="module")
def locked(root):
    lines = (root / "requirements.lock").read_text().splitlines()
    pins = [line for line in lines if line and not line.startswith("#")]
    assert all(re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.]+", line) for line in pins), (
        "name==version, no + suffix, no hash"
    )
    return {canonicalize_name(n): v for n, v in (line.split("==") for line in pins)}


def test_every_requirement_is_locked_within_its_range(root, locked):
    project = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    wanted = [*project["dependencies"], *(r for extra in project["optional-dependencies"].values() for r in extra)]
    for requirement in map(Requirement, wanted):
        name = canonicalize_name(requirement.name)
        assert name in locked, f"{name} is not in requirements.lock: make lock"
        assert requirement.specifier.contains(locked[name]), f"{requirement} against {locked[name]}"


def test_torch_is_plain_and_brings_no_gpu_packages(locked):
    assert locked["torch"] == "2.13.0"
    assert not [n for n in locked if n.startswith(("nvidia", "triton"))]


def test_installed_is_what_is_locked(locked):
    from importlib import metadata

    for name in (
        "numpy",
        "torch",
        "jupyter-book",
        "sphinx-book-theme",
        "pydata-sphinx-theme",
        "nbgrader",
        "nbval",
        "matplotlib",
    ):
        assert metadata.version(name).split("+")[0] == locked[name], name


def test_environment_yml_is_python_and_the_lock(root):
    environment = yaml.safe_load((root / "environment.yml").read_text())
    python, pip, packages = environment["dependencies"]
    assert (python, pip) == ("python=3.11", "pip")
    assert packages["pip"] == ["-r requirements.lock", "-e ."]
