# SPDX-License-Identifier: ISC
"""testssl.sh looks for weaknesses of our TLS server (in `make check-extended`)."""
import json

import lab

from test_tls import *

WEAKNESS = ("LOW", "MEDIUM", "HIGH", "CRITICAL", "FATAL")
# What it says of the tests' certificates, which nobody but the tests knows, and of what a private CA does not have.
OF_CERTIFICATES = ("cert_", "OCSP_", "DNS_CAArecord", "HTTP_", "HSTS", "banner_", "security_headers", "certificate_transparency")
TESTSSL_S = 600


def weaknesses(guest, port, name):
    report = f"{work}/testssl-{port}.json"
    done = subprocess.run(["testssl", "--quiet", "--color", "0", "--warnings", "batch", "--nodns", "none", "--ip", guest.address, "--add-ca", ca(),
                           "--connect-timeout", "5", "--openssl-timeout", "10", "--jsonfile", report, f"{name}:{port}"],
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=TESTSSL_S)
    check(os.path.exists(report), f"no report; it said:\n{done.stdout[-2000:]}")
    with open(report, encoding="utf-8") as file:
        findings = json.load(file)
    check(any(one["id"] == "TLS1_3" and "offered" in one["finding"] for one in findings), f"it has seen no TLS:\n{done.stdout[-2000:]}")
    return [f"{one['severity']} {one['id']}: {one['finding']}" for one in findings
            if one["severity"] in WEAKNESS and not one["id"].startswith(OF_CERTIFICATES)]


@suite.test("process: testssl.sh finds no weakness of our TLS server, with ECDSA's and RSA's keys")
def _():
    if not lab.long_run:
        raise tap.Skip("takes minutes: tests/interop/run --long")
    if shutil.which("testssl") is None:
        raise tap.Skip("there is no testssl (testssl.sh)")
    with serving() as guest:
        found = weaknesses(guest, 4430, "a.example") + weaknesses(guest, 4434, "rsa.example")
        check(not found, "\n".join(found))
