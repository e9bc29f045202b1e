"""Makes a bundle of PEM certificates from the source of the crate webpki-root-certs: bundle.py LIB_RS.

The crate lists, each under its name, the certificates that Mozilla trusts for servers.
"""

import base64
import re
import sys
import textwrap

ENTRY = re.compile(r'// "(.*)"\s+CertificateDer::from_slice\(b"((?:\\x[0-9A-F]{2})+)"\),')


def parse(text):
    """Label and bytes of the certificates, by label."""
    found = [(label, bytes.fromhex(octets.replace("\\x", ""))) for label, octets in ENTRY.findall(text)]
    # Whatever the pattern does not know would be left out in silence.
    if not found or len(found) != text.count("from_slice"):
        raise ValueError(f"{text.count('from_slice')} certificates are listed, {len(found)} could be read")
    return sorted(found)


def pem(label, value):
    """One certificate as text, under its name."""
    body = "\n".join(textwrap.wrap(base64.b64encode(value).decode(), 64))
    return f"# {label}\n-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----\n"


def main(path):
    with open(path, encoding="utf-8") as source:
        for label, value in parse(source.read()):
            sys.stdout.buffer.write(pem(label, value).encode())


if __name__ == "__main__":
    main(*sys.argv[1:])
