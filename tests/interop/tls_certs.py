# SPDX-License-Identifier: ISC
"""Certificates for the TLS tests, good and bad, by openssl: a CA and an intermediate one, what they have issued, a list of what was
revoked, and a CA that nobody knows."""
import os
import subprocess
import threading
import time

from tap import check

KEYS = {"p256": ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"],
        "p384": ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384"],
        "rsa": ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"],
        "rsa1024": ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:1024"]}
DAY_S = 86400
one_at_a_time = threading.Lock()
# The program's own: name, kind of key, names in it, issuer, and what is odd.
OURS = (("p256", "p256", "DNS:a.example,DNS:*.wild.example", "inter", {}),
        ("p384", "p384", "DNS:p384.example", "inter", {}),
        ("rsa", "rsa", "DNS:rsa.example", "inter", {}),
        ("both-ec", "p256", "DNS:both.example", "ca", {}),
        ("both-rsa", "rsa", "DNS:both.example", "ca", {}),
        ("client", "p256", "DNS:client.example", "inter", {"usage": "clientAuth"}),
        ("client-alien", "p256", "DNS:client.example", "other", {"usage": "clientAuth"}))


def openssl(*arguments, folder, text=None):
    done = subprocess.run(["openssl", *arguments], cwd=folder, input=text, capture_output=True, text=True)
    check(done.returncode == 0, f"openssl {' '.join(arguments)}: {done.stderr.strip()}")
    return done.stdout


def stamp(days):
    return time.strftime("%Y%m%d%H%M%SZ", time.gmtime(time.time() + days * DAY_S))


class Authority:
    """Its files lie in a folder: NAME.pem (with the certificates between it and the root), NAME.key."""

    def __init__(self, folder, fresh=False):
        self.folder = folder
        if not fresh:
            return
        os.makedirs(folder)
        self.write("config", "".join(f"[{name}]\ndatabase = {name}.index\nserial = {name}.serial\nnew_certs_dir = .\n"
                                     f"certificate = {name}-only.pem\nprivate_key = {name}.key\nunique_subject = no\n"
                                     "policy = policy\ndefault_crl_days = 3000\ndefault_md = sha256\n"
                                     for name in ("ca", "inter", "other")) + "[policy]\ncommonName = supplied\n")
        for name, subject in (("ca", "Test CA"), ("other", "Unknown CA"), ("inter", "Test CA 2")):
            self.key(name, "p256")
            self.write(f"{name}.index", "")
            self.write(f"{name}.serial", "1000\n")
            if name == "inter":
                self.sign(name, subject, "ca", "basicConstraints=critical,CA:true\nkeyUsage=keyCertSign,cRLSign\n", -10, 3000, "sha256")
                self.write("inter-only.pem", self.read("inter.pem"))
            else:
                openssl("req", "-x509", "-new", "-key", f"{name}.key", "-subj", f"/CN={subject}", "-days", "3000", "-out", f"{name}.pem",
                        "-addext", "keyUsage=critical,keyCertSign,cRLSign", folder=folder)
                self.write(f"{name}-only.pem", self.read(f"{name}.pem"))

    def path(self, name):
        return f"{self.folder}/{name}"

    def write(self, name, text):
        with open(self.path(name), "w", encoding="ascii") as file:
            file.write(text)

    def read(self, name):
        with open(self.path(name), encoding="ascii") as file:
            return file.read()

    def key(self, name, kind):
        openssl("genpkey", *KEYS[kind], "-out", f"{name}.key", folder=self.folder)

    def sign(self, name, subject, issuer, extensions, days_from, days_to, digest):
        self.write(f"{name}.ext", f"{extensions}subjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n")
        openssl("req", "-new", "-key", f"{name}.key", "-subj", f"/CN={subject}", "-out", f"{name}.csr", folder=self.folder)
        with one_at_a_time:  # openssl's database is no more than a file
            openssl("ca", "-batch", "-notext", "-config", "config", "-name", issuer, "-in", f"{name}.csr", "-out", f"{name}.pem",
                    "-startdate", stamp(days_from), "-enddate", stamp(days_to), "-extfile", f"{name}.ext", "-md", digest, folder=self.folder)

    def issue(self, name, kind, names, issuer="inter", days=(-5, 1000), usage="serverAuth,clientAuth", digest="sha256", key=None,
              key_usage="digitalSignature"):
        """Issues one; `key`: another's key is used again (RSA's are slow to make). Returns its folder's path of it, without .pem."""
        if key is None:
            self.key(name, kind)
        else:
            self.write(f"{name}.key", self.read(f"{key}.key"))
        alternatives = f"subjectAltName={names}\n" if names else ""
        self.sign(name, name, issuer, f"{alternatives}basicConstraints=CA:false\nextendedKeyUsage={usage}\nkeyUsage={key_usage}\n", *days, digest)
        if issuer == "inter":
            self.write(f"{name}.pem", self.read(f"{name}.pem") + self.read("inter-only.pem"))
        return self.path(name)

    def revoke(self, name):
        openssl("ca", "-config", "config", "-name", "ca", "-revoke", f"{name}.pem", folder=self.folder)


def make(folder, into):
    """All of it; the files of the tests' program are copied `into` a folder, to be embedded."""
    authority = Authority(folder, fresh=True)
    for name, kind, names, issuer, odd in OURS:
        authority.issue(name, kind, names, issuer, key="rsa" if name == "both-rsa" else None, **odd)
    authority.issue("revoked", "p256", "DNS:a.example,DNS:revoked.example", "ca")
    authority.revoke("revoked")
    openssl("ca", "-config", "config", "-name", "ca", "-gencrl", "-out", "ca.crl", folder=folder)
    os.makedirs(into)
    for name in ("ca.pem", "ca.crl", *(f"{ours[0]}.{end}" for ours in OURS for end in ("pem", "key"))):
        with open(f"{into}/{name}", "w", encoding="ascii") as file:
            file.write(authority.read(name))
    return authority
