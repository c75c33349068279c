"""How pip builds the wheel: maturin's backend, and before it the plugin of HDF5, which is a library of its own, without Python.

Run as a program it only makes the plugin, for `maturin build`.
"""

import json
import shutil
import subprocess
from pathlib import Path

from maturin import *  # noqa: F403
from maturin import build_wheel as _build_wheel

ROOT = Path(__file__).resolve().parents[2]
PLUGINS = ROOT / "crates/baler-python/python/baler/plugins"


def make_plugin():
    """Builds the plugin and puts it where the wheel takes it from."""
    # Beside the package for Python, so that both share one codec: alone, the plugin's dependencies have fewer features.
    command = ["cargo", "build", "--release", "--quiet", "--package", "baler-hdf5", "--package", "baler-python"]
    command += ["--message-format", "json"]
    told = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout
    for message in map(json.loads, told.splitlines()):
        if message.get("target", {}).get("name") == "h5baler" and message.get("filenames"):
            shutil.rmtree(PLUGINS, ignore_errors=True)
            PLUGINS.mkdir()
            for made in message["filenames"]:
                if Path(made).suffix in (".so", ".dylib", ".dll"):
                    shutil.copy2(made, PLUGINS)


def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    make_plugin()
    return _build_wheel(wheel_directory, config_settings, metadata_directory)


if __name__ == "__main__":
    make_plugin()
