"""The manifests for Kubernetes and the build of the image, without a cluster or a builder."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml
from click.testing import CliRunner

from proxy import __version__
from proxy.app import supervisor
from proxy.cli import cli
from proxy.config.load import LoadedConfig, load_config
from tests.harness import ROOT

K8S = ROOT / "deploy" / "k8s"
KUBERNETES = ("1.29", "1.31", "1.33")
"""Native sidecars begin with 1.29."""
GIB = 2**30

Manifest = dict[str, Any]


def manifests() -> list[tuple[Path, Manifest]]:
    """Every document of every file that is meant for the cluster."""
    return [
        (path, document)
        for path in sorted(K8S.rglob("*.yaml"))
        if path.name != "kustomization.yaml"
        for document in yaml.safe_load_all(path.read_text())
    ]


def whole() -> list[tuple[Path, Manifest]]:
    return [(path, each) for path, each in manifests() if "$patch" not in each]


def pods() -> list[tuple[str, Manifest]]:
    return [
        (each["metadata"]["name"], each["spec"]["template"]["spec"])
        for _, each in whole()
        if each["kind"] == "Deployment"
    ]


def proxy_of(pod: Manifest) -> Manifest:
    """The container that runs this program."""
    containers = [*pod.get("initContainers", ()), *pod["containers"]]
    [found] = [each for each in containers if each["name"] == "zeroproxy"]
    return found


def volume_of(pod: Manifest, mounted_at: str) -> Manifest:
    [mount] = [each for each in proxy_of(pod)["volumeMounts"] if each["mountPath"] == mounted_at]
    [volume] = [each for each in pod["volumes"] if each["name"] == mount["name"]]
    return volume


@pytest.fixture
def loaded(tmp_path: Path) -> LoadedConfig:
    """The configuration of the ConfigMap, as the pod would load it."""
    [found] = [each for _, each in manifests() if each["kind"] == "ConfigMap"]
    file = tmp_path / "routes.yaml"
    file.write_text(found["data"]["routes.yaml"])
    return load_config(str(file), {})


every_pod = pytest.mark.parametrize("pod", [pytest.param(pod, id=name) for name, pod in pods()])


@pytest.mark.parametrize("version", KUBERNETES)
@pytest.mark.parametrize(
    "manifest", [pytest.param(each, id=f"{path.parent.name}-{path.stem}") for path, each in whole()]
)
def test_a_manifest_obeys_the_strict_schema_of_kubernetes(manifest: Manifest, version: str) -> None:
    assert kubernetes_validate.validate(manifest, version, strict=True) == version


def test_the_strict_schema_would_notice_a_misspelt_key() -> None:
    [service] = [each for _, each in whole() if each["kind"] == "Service"]
    wrong = service | {"spec": service["spec"] | {"selectr": {}}}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(wrong, KUBERNETES[-1], strict=True)


@pytest.mark.parametrize(
    "file", sorted(K8S.rglob("kustomization.yaml")), ids=lambda p: p.parent.name
)
def test_a_kustomization_names_every_file_beside_it_and_nothing_else(file: Path) -> None:
    kustomization = yaml.safe_load(file.read_text())
    named = [*kustomization["resources"], *(p["path"] for p in kustomization.get("patches", ()))]
    paths = [(file.parent / name).resolve() for name in named]
    assert all(path.is_file() or (path / "kustomization.yaml").is_file() for path in paths)
    beside = {path.resolve() for path in file.parent.glob("*.yaml")} - {file.resolve()}
    assert {path for path in paths if path.is_file()} == beside


def test_what_the_sidecar_overlay_takes_away_is_in_the_base() -> None:
    base = {(each["kind"], each["metadata"]["name"]) for _, each in whole()}
    for _, each in manifests():
        if "$patch" in each:
            assert (each["kind"], each["metadata"]["name"]) in base


def test_the_configuration_loads_without_a_problem_or_a_warning(loaded: LoadedConfig) -> None:
    assert loaded.warnings == ()
    assert loaded.config.functions
    assert loaded.config.zeroproxy.drain.delay_s == 5


@every_pod
def test_the_command_line_is_one_that_the_program_understands(pod: Manifest) -> None:
    args = proxy_of(pod)["args"]
    assert args[:1] == ["serve"]
    result = CliRunner().invoke(cli, [*args, "--help"])
    assert result.exit_code == 0, result.output
    known = {name for parameter in cli.commands["serve"].params for name in parameter.opts}
    assert {each for each in args if each.startswith("--")} <= known
    options = dict(zip(args[1::2], args[2::2], strict=True))
    assert options["--host"] == "0.0.0.0"
    mounted = volume_of(pod, str(Path(options["--config"]).parent))
    assert mounted["configMap"]["name"] == "zeroproxy"


@every_pod
def test_the_probes_ask_open_routes_of_the_port_that_is_served(pod: Manifest) -> None:
    container = proxy_of(pod)
    paths = {
        name: container[f"{name}Probe"]["httpGet"]["path"]
        for name in ("startup", "liveness", "readiness")
    }
    assert paths == {"startup": "/health", "liveness": "/health", "readiness": "/ready"}
    routes = (ROOT / "proxy" / "http" / "routes.py").read_text()
    for path in (*paths.values(), "/metrics"):
        assert re.search(rf'"{path}": Route\({{"GET": .*open=True\)', routes)
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    for name in ("startup", "liveness", "readiness"):
        assert ports[container[f"{name}Probe"]["httpGet"]["port"]] == 3000


@every_pod
def test_the_grace_period_is_longer_than_the_whole_end_of_the_program(
    pod: Manifest, loaded: LoadedConfig
) -> None:
    drain = loaded.config.zeroproxy.drain
    needed = drain.delay_s + drain.timeout_s + supervisor.CLOSING_SECONDS + supervisor.FLUSH_SECONDS
    assert pod["terminationGracePeriodSeconds"] > needed


@every_pod
def test_the_readiness_probe_or_the_service_notices_before_requests_are_refused(
    pod: Manifest, loaded: LoadedConfig
) -> None:
    probe = proxy_of(pod)["readinessProbe"]
    assert probe["periodSeconds"] <= loaded.config.zeroproxy.drain.delay_s


@every_pod
def test_the_program_has_no_rights_that_it_does_not_need(pod: Manifest) -> None:
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["runAsUser"] > 0
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert pod["automountServiceAccountToken"] is False
    for container in [*pod.get("initContainers", ()), *pod["containers"]]:
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }


@every_pod
def test_the_journal_has_a_writable_volume_that_is_larger_than_its_limit(
    pod: Manifest, loaded: LoadedConfig
) -> None:
    environ = {each["name"]: each for each in proxy_of(pod)["env"]}
    state = volume_of(pod, environ["ZEROPROXY_STATE_DIR"]["value"])
    size = re.fullmatch(r"(\d+)Gi", state["emptyDir"]["sizeLimit"])
    assert size is not None
    assert int(size[1]) * GIB > loaded.config.zeroproxy.recording.max_journal_bytes
    assert "emptyDir" in volume_of(pod, "/tmp")


@every_pod
def test_the_database_s_address_comes_from_a_secret(pod: Manifest) -> None:
    environ = {each["name"]: each for each in proxy_of(pod)["env"]}
    assert environ["DATABASE_URL"]["valueFrom"]["secretKeyRef"] == {
        "name": "zeroproxy-database",
        "key": "url",
    }


@every_pod
def test_cpu_and_memory_are_bounded(pod: Manifest) -> None:
    resources = proxy_of(pod)["resources"]
    assert {"cpu", "memory"} <= resources["requests"].keys() & resources["limits"].keys()


def test_every_replica_is_scraped() -> None:
    for _, each in whole():
        if each["kind"] == "Deployment":
            assert each["spec"]["template"]["metadata"]["annotations"] == {
                "prometheus.io/scrape": "true",
                "prometheus.io/port": "3000",
                "prometheus.io/path": "/metrics",
            }


def test_the_service_leads_to_the_pods_of_the_deployment() -> None:
    kinds = {each["kind"]: each for path, each in whole() if path.parent.name == "base"}
    service, deployment = kinds["Service"]["spec"], kinds["Deployment"]["spec"]
    assert service["selector"].items() <= deployment["template"]["metadata"]["labels"].items()
    names = {port["name"] for port in proxy_of(deployment["template"]["spec"])["ports"]}
    assert {port["targetPort"] for port in service["ports"]} <= names


def test_the_sidecar_is_a_native_one_that_the_application_reaches_on_loopback() -> None:
    [pod] = [pod for name, pod in pods() if name == "example-app"]
    [sidecar] = pod["initContainers"]
    assert sidecar["name"] == "zeroproxy"
    assert sidecar["restartPolicy"] == "Always"
    [app] = pod["containers"]
    environ = {each["name"]: each["value"] for each in app["env"]}
    assert environ["OPENAI_BASE_URL"] == "http://127.0.0.1:3000/v1"


@every_pod
def test_the_image_is_that_of_this_version(pod: Manifest) -> None:
    assert proxy_of(pod)["image"] == f"zeroproxy:{__version__}"


def test_what_the_image_copies_is_there_and_is_let_into_the_build() -> None:
    lines = (ROOT / "deploy" / "Dockerfile").read_text().splitlines()
    copied = [
        name
        for line in lines
        if line.startswith("COPY ") and "--from" not in line
        for name in line.split()[1:-1]
    ]
    let_in = (ROOT / ".dockerignore").read_text().split()
    assert "pyproject.toml" in copied
    for name in copied:
        assert (ROOT / name).exists(), name
        assert f"!{name}" in let_in


def test_the_image_runs_as_the_user_that_the_pods_ask_for() -> None:
    text = (ROOT / "deploy" / "Dockerfile").read_text()
    [user] = re.findall(r"^USER (\d+):(\d+)$", text, re.MULTILINE)
    for _, pod in pods():
        context = pod["securityContext"]
        assert (context["runAsUser"], context["runAsGroup"]) == (int(user[0]), int(user[1]))
    assert re.search(r"^EXPOSE 3000$", text, re.MULTILINE)
