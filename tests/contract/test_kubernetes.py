"""The manifests for Kubernetes name what exists: settings, commands, ports, paths, claims and each other."""

import re
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from deploy import cli
from deploy.reference.settings_doc import text

FOLDER = Path(__file__).resolve().parents[2] / "deploy/kubernetes"
PAGE = (FOLDER.parents[1] / "docs/kubernetes.md").read_text()
FILES = {path.name: list(yaml.safe_load_all(path.read_text())) for path in FOLDER.glob("*.yaml")}
KUSTOMIZATION = FILES.pop("kustomization.yaml")[0]
OBJECTS = [one for found in FILES.values() for one in found]
SETTINGS = set(re.findall(r"^\| `([A-Z_]+)` \|", text(), re.MULTILINE))
SERVED = {"worker": "streams/service/web.py", "gateway": "gateway/service/health.py"}


def of(kind: str) -> dict[str, Any]:
    return {one["metadata"]["name"]: one for one in OBJECTS if one["kind"] == kind}


WORKLOADS = of("StatefulSet") | of("Deployment") | of("Job")
PODS = {name: one["spec"]["template"] for name, one in WORKLOADS.items()}
CONTAINERS = {name: pod["spec"]["containers"][0] for name, pod in PODS.items()}
CONFIG = of("ConfigMap")["pathcast"]["data"]


def test_all_files_are_applied_and_name_no_object_twice():
    assert set(KUSTOMIZATION["resources"]) == set(FILES)
    names = [(one["kind"], one["metadata"]["name"]) for one in OBJECTS]
    assert len(set(names)) == len(names)
    assert {one["image"] for one in CONTAINERS.values()} == {KUSTOMIZATION["images"][0]["name"]}


def test_settings_exist_and_are_texts():
    given = {one["name"] for container in CONTAINERS.values() for one in container.get("env", [])}
    assert set(CONFIG) | given <= SETTINGS
    assert all(isinstance(value, str) for value in CONFIG.values())


@pytest.mark.parametrize("name", CONTAINERS)
def test_commands_and_options_exist_and_settings_are_given(name):
    container = CONTAINERS[name]
    command = cli.main.get_command(click.Context(cli.main), container["args"][0])
    known = {option for parameter in command.params for option in parameter.opts}
    assert {word for word in container["args"] if word.startswith("--")} <= known
    assert container["envFrom"] == [{"configMapRef": {"name": "pathcast"}}]


@pytest.mark.parametrize("name", PODS)
def test_pods_run_as_the_images_user_with_no_rights_and_bounded_memory(name):
    pod, container = PODS[name]["spec"], CONTAINERS[name]
    user = int(re.search(r"--uid (\d+)", (FOLDER.parents[1] / "Dockerfile").read_text())[1])
    context = pod["securityContext"]
    assert (context["runAsNonRoot"], context["runAsUser"], context["fsGroup"]) == (True, user, user)
    assert container["securityContext"]["allowPrivilegeEscalation"] is False
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert pod["automountServiceAccountToken"] is False
    assert {"cpu", "memory"} <= set(container["resources"]["requests"])
    assert "memory" in container["resources"]["limits"]


@pytest.mark.parametrize("name", WORKLOADS)
def test_selectors_and_services_find_the_pods(name):
    labels = PODS[name]["metadata"]["labels"]
    spec = WORKLOADS[name]["spec"]
    assert spec.get("selector", {"matchLabels": labels})["matchLabels"] == labels
    if "serviceName" in spec:
        assert of("Service")[spec["serviceName"]]["spec"]["selector"] == labels


@pytest.mark.parametrize("name", PODS)
def test_every_mount_has_its_volume_and_every_claim_exists(name):
    pod = PODS[name]["spec"]
    volumes = {one["name"]: one for one in pod.get("volumes", [])}
    templates = {one["metadata"]["name"] for one in WORKLOADS[name]["spec"].get("volumeClaimTemplates", [])}
    mounts = {one["name"] for one in CONTAINERS[name].get("volumeMounts", [])}
    assert mounts == set(volumes) | templates
    claimed = {one["persistentVolumeClaim"]["claimName"] for one in volumes.values() if "claim" in str(one)}
    assert claimed <= set(of("PersistentVolumeClaim"))


@pytest.mark.parametrize("kind", SERVED)
def test_probes_ask_what_is_served_and_only_readiness_waits_for_recovery(kind):
    container = CONTAINERS[f"pathcast-{kind}"]
    served = (FOLDER.parents[1] / SERVED[kind]).read_text()
    ready, alive = (container[f"{name}Probe"]["httpGet"] for name in ("readiness", "liveness"))
    assert (ready["path"], alive["path"]) == ("/readyz", "/healthz")
    assert all(f'"{probe["path"]}"' in served for probe in (ready, alive))
    assert {ready["port"], alive["port"]} == {container["ports"][0]["name"]}


def test_ports_are_the_defaults_and_gateways_ask_all_workers():
    page = {
        name: re.search(rf"`{name}` \| `(\d+)`", text())[1]
        for name in ("PATHCAST_WEB_PORT", "PATHCAST_GATEWAY_PORT")
    }
    assert str(CONTAINERS["pathcast-worker"]["ports"][0]["containerPort"]) == page["PATHCAST_WEB_PORT"]
    assert str(CONTAINERS["pathcast-gateway"]["ports"][0]["containerPort"]) == page["PATHCAST_GATEWAY_PORT"]
    assert CONFIG["PATHCAST_GATEWAY_WORKERS"] == f"http://pathcast-workers:{page['PATHCAST_WEB_PORT']}"
    workers = of("Service")["pathcast-workers"]["spec"]
    assert workers["clusterIP"] == "None"
    assert str(workers["ports"][0]["port"]) == page["PATHCAST_WEB_PORT"]


def test_places_in_the_settings_are_on_volumes_and_secrets_are_named_on_the_page():
    trainer = {one["mountPath"] for one in CONTAINERS["pathcast-trainer"]["volumeMounts"]}
    assert all(CONFIG[f"PATHCAST_TRAINER_{name}"].startswith(tuple(trainer)) for name in ("LOG", "WORKDIR"))
    tokens = Path(CONFIG["PATHCAST_GATEWAY_TOKENS"])
    mounted = {one["name"]: one["mountPath"] for one in CONTAINERS["pathcast-gateway"]["volumeMounts"]}
    assert str(tokens.parent) == mounted["tokens"]
    volume = next(one for one in PODS["pathcast-gateway"]["spec"]["volumes"] if one["name"] == "tokens")
    keys = {one["key"] for one in volume["secret"]["items"]}
    assert tokens.name in keys
    asked = [
        one["valueFrom"]["secretKeyRef"] for found in CONTAINERS.values() for one in found.get("env", [])
    ]
    assert {one["name"] for one in asked} | {volume["secret"]["secretName"]} == {"pathcast"}
    assert all(f"{key}=" in PAGE for key in keys | {one["key"] for one in asked})
