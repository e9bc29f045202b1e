"""Makes a bundle of PEM certificates from Mozilla's certdata.txt: bundle.py CERTDATA SECONDS.

A certificate is taken when the list trusts it for servers. SECONDS is the present: where Mozilla stopped trusting what an
authority issues after some day, the authority stays until the last certificate of before that day has ended.
"""

import base64
import datetime
import sys
import textwrap

SERVERS = "CKA_TRUST_SERVER_AUTH"
DISTRUST = "CKA_NSS_SERVER_DISTRUST_AFTER"
# The longest that a server's certificate may be valid.
LONGEST = datetime.timedelta(days=398)


def parse(lines):
    """The objects of the list, each a dictionary of attributes. Values in octal become bytes."""
    objects, current, octal = [], {}, None
    started = False
    for number, line in enumerate(lines, 1):
        line = line.strip()
        if octal is not None:
            if line == "END":
                current[octal[0]] = bytes(octal[1])
                octal = None
            else:
                octal[1].extend(int(digits, 8) for digits in line.split("\\")[1:])
        elif line == "BEGINDATA":
            started = True
        elif started and line and not line.startswith("#"):
            words = line.split(None, 2)
            if len(words) < 2:
                raise ValueError(f"line {number}: an attribute has a name and a type, found: {line}")
            name, kind = words[:2]
            if name == "CKA_CLASS":
                current = {}
                objects.append(current)
            if kind == "MULTILINE_OCTAL":
                octal = (name, bytearray())
            else:
                current[name] = words[2] if len(words) == 3 else ""
    if octal is not None or not objects:
        raise ValueError("the list ends early")
    return objects


def identity(item):
    """What joins a certificate with its trust object."""
    return item["CKA_ISSUER"], item["CKA_SERIAL_NUMBER"]


def over(certificate, now):
    """Whether Mozilla's date of distrust lies so far back that no certificate under this authority is valid."""
    stop = certificate.get(DISTRUST)
    if not isinstance(stop, bytes):
        return False
    day = datetime.datetime.strptime(stop.decode(), "%y%m%d%H%M%SZ").replace(tzinfo=datetime.timezone.utc)
    return day + LONGEST < now


def select(objects, now):
    """Label and bytes of the trusted certificates, by label."""
    trust = [item for item in objects if item["CKA_CLASS"] == "CKO_NSS_TRUST"]
    trusted = {identity(item) for item in trust if item.get(SERVERS) == "CKT_NSS_TRUSTED_DELEGATOR"}
    refused = {identity(item) for item in trust if item.get(SERVERS) == "CKT_NSS_NOT_TRUSTED"}
    chosen = []
    for item in objects:
        if item["CKA_CLASS"] == "CKO_CERTIFICATE" and identity(item) in trusted - refused and not over(item, now):
            chosen.append((item["CKA_LABEL"].strip('"'), item["CKA_VALUE"]))
    return sorted(chosen)


def pem(label, value):
    """One certificate as text, under its name."""
    body = "\n".join(textwrap.wrap(base64.b64encode(value).decode(), 64))
    return f"# {label}\n-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----\n"


def main(path, seconds):
    now = datetime.datetime.fromtimestamp(int(seconds), datetime.timezone.utc)
    with open(path, encoding="utf-8") as lines:
        for label, value in select(parse(lines), now):
            sys.stdout.buffer.write(pem(label, value).encode())


if __name__ == "__main__":
    main(*sys.argv[1:])
