# SPDX-License-Identifier: GPL-2.0-or-later
"""Container images in the OCI layout, made of Python's own modules: right ones, and some that no program would make."""

import gzip
import hashlib
import io
import json
import tarfile
from pathlib import Path

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar"


def tar_of(tree):
    """{name: ("file", content, mode) | ("dir", mode) | ("link", target)} as a tar archive."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, (kind, *rest) in tree.items():
            info = tarfile.TarInfo(name)
            content = b""
            if kind == "file":
                content, info.mode = rest
                info.size = len(content)
            elif kind == "dir":
                info.type, info.mode = tarfile.DIRTYPE, rest[0]
            else:
                info.type, info.linkname = tarfile.SYMTYPE, rest[0]
            tar.addfile(info, io.BytesIO(content))
    return out.getvalue()


class Layout:
    def __init__(self, path):
        self.path = Path(path)
        (self.path / "blobs/sha256").mkdir(parents=True)
        (self.path / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}', encoding="utf-8")
        self.manifests = []

    def blob(self, data):
        """Stores it, and returns its descriptor."""
        digest = hashlib.sha256(data).hexdigest()
        (self.path / "blobs/sha256" / digest).write_bytes(data)
        return {"digest": "sha256:" + digest, "size": len(data)}

    def json(self, value, media):
        return {"mediaType": media, **self.blob(json.dumps(value).encode())}

    def manifest(self, layers, config, architecture="amd64", compress=True):
        """The descriptor of a manifest of these trees, or archives."""
        archives = [tar_of(layer) if isinstance(layer, dict) else layer for layer in layers]
        return self.json({"schemaVersion": 2,
                          "config": self.json({"architecture": architecture, "os": "linux", "config": config,
                                               "rootfs": {"type": "layers", "diff_ids": []}}, CONFIG),
                          "layers": [{"mediaType": LAYER + ("+gzip" if compress else ""),
                                      **self.blob(gzip.compress(a, 1) if compress else a)} for a in archives]}, MANIFEST)

    def image(self, layers, config, tag="latest", **options):
        self.add(self.manifest(layers, config, **options), tag)

    def add(self, descriptor, tag=None):
        if tag:
            descriptor = {**descriptor, "annotations": {"org.opencontainers.image.ref.name": tag}}
        self.manifests.append(descriptor)
        self.write_index({"schemaVersion": 2, "manifests": self.manifests})

    def write_index(self, value):
        (self.path / "index.json").write_text(json.dumps(value), encoding="utf-8")
