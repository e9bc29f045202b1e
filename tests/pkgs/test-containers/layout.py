"""Writes an OCI layout whose one layer holds one program and one account, and prints the image's digest:
layout.py PROGRAM FOLDER USER."""

import hashlib
import io
import json
import os
import sys
import tarfile

program, folder, user = sys.argv[1:]
name = os.path.basename(program)
os.makedirs(folder + "/blobs/sha256")


def blob(content, kind):
    digest = hashlib.sha256(content).hexdigest()
    with open(f"{folder}/blobs/sha256/{digest}", "wb") as file:
        file.write(content)
    return {"mediaType": f"application/vnd.oci.image.{kind}", "digest": f"sha256:{digest}", "size": len(content)}


layer = io.BytesIO()
with tarfile.open(fileobj=layer, mode="w", format=tarfile.USTAR_FORMAT) as archive, open(program, "rb") as file:
    entry = tarfile.TarInfo(f"usr/bin/{name}")
    entry.size, entry.mode = os.path.getsize(program), 0o755
    archive.addfile(entry, file)
    for path, line in [("etc/passwd", b"web:x:70:71::/:/bin/false\n"), ("etc/group", b"web:x:71:\nlog:x:72:web\n")]:
        entry = tarfile.TarInfo(path)
        entry.size, entry.mode = len(line), 0o644
        archive.addfile(entry, io.BytesIO(line))
layer = blob(layer.getvalue(), "layer.v1.tar")
config = {
    "architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": [layer["digest"]]},
    "config": {"User": user, "Entrypoint": [f"/usr/bin/{name}"]},
}
manifest = {"schemaVersion": 2, "config": blob(json.dumps(config).encode(), "config.v1+json"), "layers": [layer]}
index = {"schemaVersion": 2, "manifests": [blob(json.dumps(manifest).encode(), "manifest.v1+json")]}
with open(f"{folder}/index.json", "w") as file:
    json.dump(index, file)
with open(f"{folder}/oci-layout", "w") as file:
    json.dump({"imageLayoutVersion": "1.0.0"}, file)
print(index["manifests"][0]["digest"])
