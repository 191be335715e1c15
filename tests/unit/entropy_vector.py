#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Computes the known answer in entropy.c: HMAC_DRBG with SHA-256 (NIST SP 800-90A, 10.1.2), from Python's own hmac and
hashlib. The state begins without a seed; what is added goes in by the update function."""
import hashlib
import hmac


class Drbg:
    def __init__(self):
        self.key, self.value = bytes(32), b"\x01" * 32
        self.update(b"")

    def mac(self, text):
        return hmac.new(self.key, text, hashlib.sha256).digest()

    def update(self, data):
        self.key = self.mac(self.value + b"\x00" + data)
        self.value = self.mac(self.value)
        if data:
            self.key = self.mac(self.value + b"\x01" + data)
            self.value = self.mac(self.value)

    def generate(self, count):
        out = b""
        while len(out) < count:
            self.value = self.mac(self.value)
            out += self.value
        self.update(b"")
        return out[:count]


drbg = Drbg()
drbg.update(b"first seed")
drbg.update(bytes(range(100)))
print(drbg.generate(40).hex())
print(drbg.generate(40).hex())
drbg.update(b"more")
print(drbg.generate(5).hex())
