"""pyproject, requirements.lock and environment.yml say the same."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from importlib import metadata

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
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


@pytest.mark.parametrize("python", ["3.11.0", "3.12.0", "3.13.0"])
def test_every_locked_package_runs_on_the_pythons_that_the_readme_promises(root, locked, python):
    assert "Python 3.11 or newer" in (root / "README.md").read_text()
    missing, refusing = [], []
    for name, version in locked.items():
        try:
            installed = metadata.distribution(name)
        except metadata.PackageNotFoundError:
            missing.append(name)
            continue
        if not SpecifierSet(installed.metadata.get("Requires-Python", "")).contains(python):
            refusing.append(f"{name}=={version} needs Python {installed.metadata['Requires-Python']}")
    assert not refusing, f"on Python {python}: {refusing}: make lock, with --python-version {python}"
    assert not missing, f"not installed, so nothing is known of {missing}: make install"


def test_a_python_without_ensurepip_is_told_what_to_install(root, tmp_path):
    """By make and by the students' start.py, before anything is made."""
    (tmp_path / "sitecustomize.py").write_text("import sys\nsys.modules['ensurepip'] = None\n")
    (tmp_path / "work").mkdir()
    for name in ("Makefile", "pyproject.toml", "requirements.lock", "students/start.py"):
        shutil.copy(root / name, tmp_path / "work")
    package = f"apt install python3.{sys.version_info.minor}-venv"
    environment = os.environ | {"PYTHONPATH": str(tmp_path)}
    for command in (["make", "install", f"PYTHON={sys.executable}"], [sys.executable, "start.py"]):
        ran = subprocess.run(
            command, cwd=tmp_path / "work", env=environment, capture_output=True, text=True, timeout=60
        )
        assert ran.returncode and package in ran.stdout + ran.stderr, ran
        assert not (tmp_path / "work" / ".venv").exists()


def test_environment_yml_is_python_and_the_lock(root):
    environment = yaml.safe_load((root / "environment.yml").read_text())
    python, pip, packages = environment["dependencies"]
    assert (python, pip) == ("python=3.11", "pip")
    assert packages["pip"] == ["-r requirements.lock", "-e ."]
