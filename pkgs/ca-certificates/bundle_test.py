"""Tests of bundle.py with lists written by hand."""

import datetime
import unittest

import bundle


def certificate(name, distrust="CKA_NSS_SERVER_DISTRUST_AFTER CK_BBOOL CK_FALSE\n"):
    number = ord(name[0])
    who = f"CKA_ISSUER MULTILINE_OCTAL\n\\{number:03o}\nEND\nCKA_SERIAL_NUMBER MULTILINE_OCTAL\n\\002\\001\nEND\n"
    return f'CKA_CLASS CK_OBJECT_CLASS CKO_CERTIFICATE\nCKA_LABEL UTF8 "{name}"\n{who}' \
        f"CKA_VALUE MULTILINE_OCTAL\n\\060\\{number:03o}\n\\377\nEND\n{distrust}\n"


def trust(name, servers):
    number = ord(name[0])
    who = f"CKA_ISSUER MULTILINE_OCTAL\n\\{number:03o}\nEND\nCKA_SERIAL_NUMBER MULTILINE_OCTAL\n\\002\\001\nEND\n"
    return f'CKA_CLASS CK_OBJECT_CLASS CKO_NSS_TRUST\nCKA_LABEL UTF8 "{name}"\n{who}' \
        f"CKA_TRUST_SERVER_AUTH CK_TRUST {servers}\n\n"


def distrust(day):
    octal = "".join(f"\\{byte:03o}" for byte in f"{day}000000Z".encode())
    return f"CKA_NSS_SERVER_DISTRUST_AFTER MULTILINE_OCTAL\n{octal}\nEND\n"


def labels(*parts):
    text = "# a comment\nBEGINDATA\nCKA_CLASS CK_OBJECT_CLASS CKO_NSS_BUILTIN_ROOT_LIST\n\n" + "".join(parts)
    now = datetime.datetime(2026, 8, 1, tzinfo=datetime.timezone.utc)
    return [label for label, _ in bundle.select(bundle.parse(text.splitlines()), now)]


GOOD = "CKT_NSS_TRUSTED_DELEGATOR"


class Bundle(unittest.TestCase):
    def test_only_what_is_trusted_for_servers(self):
        parts = [certificate("b"), trust("b", GOOD), certificate("a"), trust("a", GOOD), certificate("mail"),
                 trust("mail", "CKT_NSS_MUST_VERIFY_TRUST"), certificate("evil"), trust("evil", "CKT_NSS_NOT_TRUSTED"),
                 certificate("orphan")]
        self.assertEqual(labels(*parts), ["a", "b"])

    def test_refused_wins(self):
        self.assertEqual(labels(certificate("a"), trust("a", GOOD), trust("a", "CKT_NSS_NOT_TRUSTED")), [])

    def test_distrust_counts_when_its_last_certificate_has_ended(self):
        for day, kept in [("261231", True), ("260101", True), ("250701", True), ("250601", False), ("200101", False)]:
            self.assertEqual(labels(certificate("a", distrust(day)), trust("a", GOOD)) == ["a"], kept, day)

    def test_pem(self):
        self.assertEqual(bundle.pem("x", b"\x30\x00"),
                         "# x\n-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n")

    def test_lists_that_end_early_are_refused(self):
        for text in ["", "BEGINDATA\n", "BEGINDATA\nCKA_CLASS CK_OBJECT_CLASS X\nCKA_VALUE MULTILINE_OCTAL\n\\001\n"]:
            with self.assertRaises(ValueError):
                bundle.parse(text.splitlines())


if __name__ == "__main__":
    unittest.main()
