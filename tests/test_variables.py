"""What a start makes of its environment and options: misspelt variables, and the port."""

import socket
from pathlib import Path

import pytest

from gql.variables import KNOWN, unknown
from tests.commanding import Desk
from tests.operated import Operated, refused


def test_what_means_nothing_is_found_with_what_may_be_meant() -> None:
    environment = {"MAGISTRATE_PROT": "1", "MAGISTRATE_ZEBRA": "x", "MAGISTRATE_EMPTY": "", "magistrate_port": "1", "PATH": "x"}
    assert unknown(environment) == {"MAGISTRATE_PROT": "MAGISTRATE_PORT", "MAGISTRATE_ZEBRA": None}
    assert unknown(dict.fromkeys(KNOWN, "x")) == {}


def test_what_kubernetes_sets_beside_a_service_is_left_alone() -> None:
    names = ("SERVICE_HOST", "SERVICE_PORT", "SERVICE_PORT_HTTP", "PORT_8000_TCP", "PORT_8000_TCP_ADDR", "PORT_8000_TCP_PROTO")
    assert unknown({f"MAGISTRATE_{each}": "x" for each in names}) == {}


@pytest.mark.exhaustive
def test_a_misspelt_variable_is_named_at_the_start(tmp_path: Path) -> None:
    with Operated(tmp_path / "var", CHECKPOINT_SECOND=5, URL="http://127.0.0.1", PORT_8000_TCP="tcp://10.0.0.1:80") as running:
        running.end()
    assert running.complained.count("\n") == 1
    assert "MAGISTRATE_CHECKPOINT_SECOND is no setting; MAGISTRATE_CHECKPOINT_SECONDS is one" in running.complained


def test_a_hardened_server_does_not_start_with_a_misspelt_variable(tmp_path: Path) -> None:
    code, complaint = refused(DATA_DIR=tmp_path / "var", HARDENED="true", TRUSTED_PROXY="10.0.0.0/8")
    assert code == 2 and "MAGISTRATE_TRUSTED_PROXY is no setting; MAGISTRATE_TRUSTED_PROXIES is one" in complaint
    assert not (tmp_path / "var").exists()


def test_the_port_of_the_option_counts(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = Desk(tmp_path).runs("serve", "--port", port, MAGISTRATE_PORT="0", MAGISTRATE_DATA_DIR=str(tmp_path / "var"))
    assert done.code == 3 and f"port {port}" in done.err
    assert Desk(tmp_path).does("serve", "--port", "65536").code == 2
