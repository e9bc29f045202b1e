"""Writes an OCI layout whose one layer holds one program: layout.py PROGRAM FOLDER."""

import hashlib
import io
import json
import os
import sys
import tarfile

program, folder = sys.argv[1:]
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
layer = blob(layer.getvalue(), "layer.v1.tar")
config = {
    "architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": [layer["digest"]]},
    "config": {"User": "65532:65532", "Entrypoint": [f"/usr/bin/{name}"]},
}
manifest = {"schemaVersion": 2, "config": blob(json.dumps(config).encode(), "config.v1+json"), "layers": [layer]}
index = {"schemaVersion": 2, "manifests": [blob(json.dumps(manifest).encode(), "manifest.v1+json")]}
with open(f"{folder}/index.json", "w") as file:
    json.dump(index, file)
with open(f"{folder}/oci-layout", "w") as file:
    json.dump({"imageLayoutVersion": "1.0.0"}, file)
