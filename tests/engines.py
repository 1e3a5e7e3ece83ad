"""Which embedded database the tests run on."""

import shutil

import pytest

on_secantusd_py = pytest.mark.skipif(
    bool(shutil.which("secantusd-rs")), reason="secantusd-rs shows no users, and its indexes keep what was altered and is gone"
)
