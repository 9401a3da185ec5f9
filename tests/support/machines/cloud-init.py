"""Stand-in for cloud-init: the two modules that the user data uses, read with the library that cloud-init reads it with."""

import os
import subprocess
import sys

import yaml

with open(sys.argv[1], encoding="utf-8") as file:
    text = file.read()
assert text.startswith("#cloud-config\n")
config = yaml.safe_load(text)
assert set(config) == {"write_files", "runcmd"}, sorted(config)
for entry in config["write_files"]:
    assert set(entry) == {"path", "permissions", "content"}, entry["path"]
    os.makedirs(os.path.dirname(entry["path"]), exist_ok=True)
    with open(entry["path"], "w", encoding="utf-8") as file:
        file.write(entry["content"])
    os.chmod(entry["path"], int(entry["permissions"], 8))
for command in config["runcmd"]:
    subprocess.run(command, check=True)
