"""Dockerfile and compose file, read by their linters: no container can be built or run where these tests are."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from compose_spec import PyCompose

from data import store

ROOT = Path(__file__).resolve().parent.parent
TEXT = (ROOT / "compose.yaml").read_text()
SERVICES: dict[str, dict[str, Any]] = yaml.safe_load(TEXT)["services"]
DOCKERFILE = (ROOT / "Dockerfile").read_text()
ONE_SHOT = {"bucket"}  # ends before the others start
PINNED = re.compile(r"[\w./-]+:v?\d+\.\d+(\.\d+)?[\w.-]*")


def test_the_linter_finds_nothing_in_the_dockerfile():
    done = subprocess.run(
        [Path(sys.executable).with_name("hadolint"), ROOT / "Dockerfile"], capture_output=True, text=True
    )
    assert (done.returncode, done.stdout) == (0, "")


def test_the_compose_file_is_one():
    compose = PyCompose.from_yaml(TEXT)
    compose.validate()
    assert set(compose.service_names()) == set(SERVICES)
    with pytest.raises(ValueError, match="imgae"):
        PyCompose.from_yaml(TEXT.replace("image: busybox", "imgae: busybox"))


def test_every_image_is_pinned():
    images = [service["image"] for service in SERVICES.values()] + re.findall(r"^FROM (\S+)", DOCKERFILE, re.M)
    assert [image for image in images if not PINNED.fullmatch(image)] == []


def test_what_stays_up_is_not_root_and_says_whether_it_is_well():
    built = {"user": re.findall(r"^USER (\S+)", DOCKERFILE, re.M)[-1], "healthcheck": "HEALTHCHECK" in DOCKERFILE}
    for name, service in SERVICES.items():
        told = {**(built if "build" in service else {}), **service}
        assert name in ONE_SHOT or (told["user"] not in ("0", "root") and told["healthcheck"]), name


def test_no_word_is_written_down_and_the_app_has_the_settings_it_reads(tmp_path):
    for service in SERVICES.values():
        for name, value in service.get("environment", {}).items():
            secret = re.search(r"PASSWORD|KEY", name)
            assert not secret or re.fullmatch(r"\$\{\w+:\?set it in \.env\}", value), name
    settings = SERVICES["app"]["environment"]
    made = store.Store.of(tmp_path, settings)
    assert made.catalog and made.catalog.host in SERVICES and made.endpoint.split("//")[1].split(":")[0] in SERVICES


def test_all_that_is_run_is_copied_and_nothing_else_is_published():
    copied = {line.split()[1].split("/")[0] for line in DOCKERFILE.splitlines() if line.startswith("COPY")}
    assert {"app.py", "analytics", "data", "pages", "routing", "simulations", "requirements.txt"} <= copied
    ports = [port for service in SERVICES.values() for port in service.get("ports", ())]
    assert all(port.startswith("127.0.0.1:") for port in ports)
