"""Tests of bundle.py with lists written by hand."""

import unittest

import bundle

LIST = 'pub const X: &[C] = &[\n  // "b \\"quoted\\""\n  CertificateDer::from_slice(b"\\x30\\x0A"),\n' \
    '  // "a"\n  CertificateDer::from_slice(b"\\x31"),\n];\n'


class Bundle(unittest.TestCase):
    def test_certificates_by_label(self):
        self.assertEqual(bundle.parse(LIST), [("a", b"\x31"), ('b \\"quoted\\"', b"\x30\x0a")])

    def test_pem(self):
        self.assertEqual(bundle.pem("x", b"\x30\x00"),
                         "# x\n-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n")

    def test_what_cannot_be_read_is_not_left_out_in_silence(self):
        for text in ["", LIST.replace("\\x0A", "\\x0"), LIST.replace('// "a"\n', "")]:
            with self.assertRaises(ValueError):
                bundle.parse(text)


if __name__ == "__main__":
    unittest.main()
