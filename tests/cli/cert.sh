# The part of tests/cli/run about `fata cert`. Sourced there. What it makes is judged by openssl and Python's ssl, and by
# certtool where that is installed; what it must refuse is made by openssl.
# SPDX-License-Identifier: ISC

back=$PWD
sdk_before=$FATA
FATA=$(cd "$here/../.." && pwd)
mkdir -p "$work/cert" && cd "$work/cert" || exit 2
cert() { "$fata" cert "$@"; }
now=$(date +%s)
at() { days=$1; shift; FATA_CERT_NOW=$((now + days * 86400)) "$fata" cert "$@"; } # that many days from now
mode() { stat -c %a "$1"; }
equal() { [ "$1" = "$2" ] || { echo "$1, not $2"; return 1; }; }

is "cert: --help, after it was built" cert --help
check "cert: an unknown command" 2 'did you mean `show`' cert shwo
check "cert new: without a CA" 1 'fata cert: \|fata cert new: there is no CA in tls (no tls/ca.pem): `fata cert ca` makes one' cert new a.example
check "cert check: without a folder" 1 'there is no folder tls' cert check
is "cert ca" cert ca --name 'Works, "East" = 1'
is "cert ca: the key is its owner's" equal "$(mode tls/ca.key)" 600
is "cert ca: git ignores the folder" grep -qx '\*' tls/.gitignore
cp tls/ca.key ca.before
check "cert ca: nothing is overwritten" 1 'tls/ca.key exists: nothing is overwritten' cert ca
is "cert ca: so the key is the same" cmp tls/ca.key ca.before
is "cert new: a server, by names and addresses" cert new WWW.Example.org '*.example.org' 10.0.0.2 --ip ::1
is "cert new: a client" cert new pump.example --client
is "cert new: both" cert new both.example --client --server --out both --days 10
is "cert new: its key is its owner's" equal "$(mode tls/server.key)" 600
check "cert new: nothing is overwritten" 1 'tls/server.key exists: nothing is overwritten' cert new other.example
is "cert new: no file is left behind" sh -c '! ls tls | grep new'
check "cert new: no name" 2 'which name' cert new
for bad in 'a_b.example' '-a.example' 'a..b' 'a.example/x' '*.example' '1.2.3' "$(printf 'a%.0s' $(seq 64)).example" 'münchen.example'; do
    check "cert new: no name of a host: $(printf %.20s "$bad")" 2 "fata cert new: " cert new "$bad" --out bad
done
check "cert new: no address" 2 'an IP address is wanted' cert new a.example --ip 10.0.0 --out bad
check "cert new: a file's name with a slash" 2 'a plain name' cert new a.example --out ../x
check "cert new: the CA's name" 2 "that name is the CA's" cert new a.example --out ca
check "cert new: days" 2 'a number from 1 to' cert new a.example --days 0 --out bad
check "cert new: longer than its CA" 1 'its CA is valid until' cert new a.example --days 4000 --out bad
is "cert new: at most as long as its CA" at 3600 new late.example --out late
mv tls/late.* . # it is not valid for ten years
check "cert new: an expired CA" 1 'expired on' at 3700 new a.example --out bad
is "cert check: all is good" cert check

# What others say of it.
for purpose in server client; do
    is "openssl verifies the $purpose strictly" openssl verify -x509_strict -CAfile tls/ca.pem -purpose ssl$purpose tls/$purpose.pem
done
check "openssl: a client is no server" 2 'purpose' openssl verify -x509_strict -CAfile tls/ca.pem -purpose sslserver tls/client.pem
is "openssl verifies the names" openssl verify -CAfile tls/ca.pem -verify_hostname www.example.org tls/server.pem
is "openssl verifies the addresses" openssl verify -CAfile tls/ca.pem -verify_ip ::1 tls/server.pem
openssl x509 -in tls/server.pem -noout -text >text 2>&1
is "openssl: the uses are critical" grep -q 'Key Usage: critical' text
is "openssl: no CA's" grep -q 'CA:FALSE' text
check "openssl reads the key" 0 'NIST CURVE: P-256' openssl pkey -in tls/server.key -noout -text
if command -v certtool >/dev/null; then
    is "certtool verifies it" certtool --verify --load-ca-certificate tls/ca.pem --infile tls/server.pem
fi
cat >talk.py <<'EOF2'
import ssl, sys
def side(server, who):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER if server else ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations("tls/ca.pem")
    context.load_cert_chain(f"tls/{who}.pem", f"tls/{who}.key")
    context.verify_mode = ssl.CERT_REQUIRED
    if hasattr(ssl, "VERIFY_X509_STRICT"):
        context.verify_flags |= ssl.VERIFY_X509_STRICT
    into, out = ssl.MemoryBIO(), ssl.MemoryBIO()
    return context.wrap_bio(into, out, server_side=server, server_hostname=None if server else sys.argv[1]), into, out
server, client = side(True, "server"), side(False, "client")
done = set()
for _ in range(10):
    for mine, other in ((client, server), (server, client)):
        try:
            mine[0].do_handshake()
            done.add(mine)
        except ssl.SSLWantReadError:
            pass
        other[1].write(mine[2].read())
assert len(done) == 2
assert ("DNS", "pump.example") in server[0].getpeercert()["subjectAltName"]
EOF2
is "Python's ssl: both show who they are, over TLS" python3 talk.py www.example.org
is "Python's ssl: by a wildcard" python3 talk.py mail.example.org
is "Python's ssl: by an address" python3 talk.py 10.0.0.2
check "Python's ssl: another name" 1 'CERTIFICATE_VERIFY_FAILED' python3 talk.py www.example.com

# show.
check "cert show: names" 0 'www.example.org, \*.example.org, IP 10.0.0.2, IP ::1' cert show tls/server.pem
check "cert show: the CA's name" 0 'CN=Works\\, \\"East\\" \\= 1' cert show tls/ca.pem
fingerprint=$(openssl x509 -in tls/server.pem -noout -fingerprint -sha256 | cut -d= -f2 | tr A-F a-f)
check "cert show: the fingerprint is openssl's" 0 "$fingerprint" cert show tls/server.pem
cert show tls/server.key >shown
is "cert show: of a key, the fingerprint of its public half" sh -c "grep -q \"\$('$fata' cert show tls/server.pem | grep 'its SHA')\" shown"
check "cert show: what is soon" 0 'warning: .*expires on .*, in 5 days' at 5 show tls/both.pem
check "cert show: what is over" 0 'error: .*expired on' at 500 show tls/server.pem
check "cert show: no such file" 1 'cannot read none' cert show none
printf 'nonsense' >odd
check "cert show: something else" 1 'neither PEM' cert show odd
openssl req -new -newkey rsa:2048 -nodes -keyout req.key -subj /CN=own -addext subjectAltName=DNS:own.example -out own.csr >"$err" 2>&1
check "cert show: a request" 0 'own.example' cert show own.csr

# Requests.
is "cert new: of a request" cert new own.example --csr own.csr --out own
is "cert new: openssl verifies that" openssl verify -x509_strict -CAfile tls/ca.pem -purpose sslserver tls/own.pem
is "cert new: with the request's key" sh -c '[ "$(openssl x509 -in tls/own.pem -noout -pubkey)" = "$(openssl pkey -in req.key -pubout)" ]'
openssl req -in own.csr -outform DER -out own.der && python3 - <<'EOF2'
der = bytearray(open("own.der", "rb").read())
der[-5] ^= 1
open("broken.der", "wb").write(der)
EOF2
check "cert new: a request that is not signed by its key" 1 'is not signed by the key' cert new x.example --csr broken.der --out x
openssl req -new -newkey rsa:1024 -nodes -keyout weak.key -subj /CN=weak -out weak.csr >"$err" 2>&1
check "cert new: a request of a weak key" 1 'weak, RSA of 1024 bits' cert new x.example --csr weak.csr --out x
check "cert check: a certificate whose key is elsewhere" 0 'its key is missing: tls/own.key; it is left out' cert check
rm tls/own.pem

# revoke.
is "cert revoke" cert revoke tls/client.pem
is "openssl: the list's signature" sh -c 'openssl crl -in tls/crl.pem -CAfile tls/ca.pem -noout 2>&1 | grep -q "verify OK"'
check "openssl: the revoked one" 2 'certificate revoked' openssl verify -crl_check -CRLfile tls/crl.pem -CAfile tls/ca.pem tls/client.pem
is "openssl: the others" openssl verify -crl_check -x509_strict -CRLfile tls/crl.pem -CAfile tls/ca.pem tls/server.pem
check "cert revoke: twice" 0 'is revoked already' cert revoke tls/client.pem
serial=$(openssl x509 -in late.pem -noout -serial | cut -d= -f2)
check "cert revoke: by a serial number" 0 '2 revoked, number 3' cert revoke "$serial"
cert revoke 77020105aa >"$out"
check "cert revoke: a serial number that is part of another's bytes" 0 '4 revoked, number 5' cert revoke 05
check "cert revoke: that one twice" 0 'is revoked already' cert revoke 00:05
check "openssl: its number" 0 '^crlNumber=' sh -c 'openssl crl -in tls/crl.pem -noout -crlnumber'
check "openssl: that one" 2 'certificate revoked' openssl verify -crl_check -CRLfile tls/crl.pem -CAfile tls/ca.pem -attime $((now + 3600 * 86400 + 60)) late.pem
check "cert revoke: the CA" 1 'tls/ca.pem is the CA itself' cert revoke tls/ca.pem
check "cert revoke: neither a file nor a number" 1 'neither a file nor a serial number' cert revoke nothing
check "cert check: a revoked identity" 1 'tls/client.pem is revoked by it' cert check
rm tls/client.*
is "cert ca: another one" cert ca --dir other
is "cert new: its server" cert new www.example.org --dir other
check "cert revoke: another CA's" 1 'is not of this CA' cert revoke other/server.pem
is "cert revoke: for a day" cert revoke --days 1
check "cert check: a list that has expired" 1 'crl.pem: error: it expired on' at 2 check
is "cert revoke: anew" cert revoke

# Folders in which something is wrong: broken WHAT PATTERN COMMANDS..., in a copy of a good one.
broken() {
    what=$1 pattern=$2
    rm -rf t && cp -R good t && (cd t && eval "$3") >"$out" 2>"$err"
    check "cert check: $what" "${4:-1}" "$pattern" cert check t
    [ "${4:-1}" = 0 ] || check "cert embed: $what, nothing is built" 1 'nothing is built with t' cert embed t --out bundle
}
mkdir good && cp tls/ca.pem tls/ca.key tls/server.* good
self() { # self KIND...: openssl makes t/server.*, which signs itself
    openssl req -x509 -newkey "$@" -nodes -keyout server.key -out server.pem -days 30 -subj /CN=s -addext subjectAltName=DNS:s.example \
        -addext basicConstraints=CA:FALSE
}
broken "a good one" 'good$' : 0
broken "no key" 'server.pem: error: its key is missing: t/server.key' 'rm server.key'
broken "the key behind its certificate" 'server.pem: error: it holds its key as well: move that to t/server.key' 'cat server.key >>server.pem; rm server.key'
broken "a key that is named as a certificate" 'privkey.pem: warning: it holds a private key, but no certificate.* t/NAME.key' \
    'mv server.key privkey.pem; mv server.pem fullchain.pem' 0
broken "no certificate" 'server.key: error: its certificate is missing: t/server.pem' 'rm server.pem'
broken "another's key" 'server.key: error: the key (P-256) is not that of the certificate (CN=www.example.org, P-256)' 'cp ca.key server.key'
broken "the files exchanged" 'it holds a certificate, but no private key' 'mv server.pem x; mv server.key server.pem; mv x server.key'
broken "a weak key" 'weak key, RSA of 1024 bits' 'self rsa:1024'
broken "P-192" 'elliptic curve that is not accepted' 'openssl ecparam -name prime192v1 -genkey -out p; openssl req -x509 -new -key p -subj /CN=s -out server.pem; mv p server.key'
broken "Ed25519" 'of a kind that is not accepted' 'self ed25519'
broken "SHA-1" 'signed in a way that is not accepted, such as with SHA-1' 'self rsa:2048 -sha1'
broken "no names" 'names no host' 'openssl req -x509 -newkey rsa:2048 -nodes -keyout server.key -out server.pem -subj /CN=s -addext basicConstraints=CA:FALSE'
broken "for clients only" 'lacks serverAuth' 'cd ..; rm t/server.*; "$fata" cert new a.example --client --out server --dir t'
broken "a pass phrase" 'encrypted with a pass phrase' 'openssl pkey -in server.key -aes128 -passout pass:x -out k && mv k server.key'
broken "a pass phrase, the older way" 'encrypted with a pass phrase' 'openssl ec -in server.key -aes128 -passout pass:x -out k && mv k server.key'
broken "an empty key" 'it is empty' ': >server.key'
broken "a damaged certificate" 'damaged, or no certificate' 'openssl x509 -in server.pem -outform DER -out server.der; printf "\\001" | dd of=server.der bs=1 seek=8 conv=notrunc; rm server.pem'
broken "the wrong order" 'did not issue the one before it' 'cat ca.pem server.pem >x; mv x server.pem'
broken "a namesake of the CA" 'is not signed by the one behind it' 'cd ..; "$fata" cert ca --dir t/n --name "Works, \"East\" = 1"; cat t/n/ca.pem >>t/server.pem'
broken "a root in the chain" 'is a root, which peers have themselves' 'cat ca.pem >>server.pem' 0
broken "a key that all may read" 'others than its owner may read it: chmod 600' 'chmod 644 server.key' 0
broken "no CA among the trusted" "is no CA's certificate" 'mkdir trust; cp server.pem trust/x.pem'
broken "a list of an unknown CA" 'a list of no CA that is trusted here' 'mkdir trust; cd ..; "$fata" cert revoke --dir other; cp other/crl.pem t/trust/x.crl'
broken "DER" 'identities: 1.*good$' 'openssl x509 -in server.pem -outform DER -out server.der; openssl pkey -in server.key -outform DER -out k; rm server.pem; mv k server.key; chmod 600 server.key' 0
check "cert check: expired" 1 'expired on' at 366 check good
check "cert check: soon" 0 'warning: .*expires on .* in 9 days: make a new one soon' at 356 check good
check "cert check: not yet valid" 1 'is not valid before' at -1 check good

# embed, disk.
is "cert embed" cert embed good --out bundle
is "cert embed: its owner's" equal "$(mode bundle)" 600
stamp=$(stat -c %y bundle)
is "cert embed: the same again" cert embed good --out bundle
is "cert embed: leaves the file alone" equal "$(stat -c %y bundle)" "$stamp"
cat >holds.py <<'EOF2'
import subprocess, sys
def secret(path): # RFC 5915: the secret follows version 1
    der = subprocess.run(["openssl", "ec", "-in", path, "-outform", "DER"], capture_output=True, check=True).stdout
    at = der.index(b"\x02\x01\x01\x04\x20") + 5
    return der[at:at + 32]
sys.exit(secret(sys.argv[2]) not in open(sys.argv[1], "rb").read())
EOF2
is "cert embed: the server's key is in it" python3 holds.py bundle good/server.key
is "cert embed: the CA's is not" not python3 holds.py bundle good/ca.key
is "cert embed: gcc takes it in" gcc -c bundle.S -o bundle.o
check "cert embed: an unknown trust" 2 'project (what lies in tls/) and ca-certificates' cert embed good --out b2 --trust all
if [ -f /etc/ssl/certs/ca-certificates.crt ]; then
    check "cert embed: the package's CAs, in less than half of their size" 0 'trusted CAs: 1[0-9][0-9] in ' cert embed good --out b2 --trust ca-certificates
    is "cert embed: in less than half of it" sh -c '[ $(($(stat -c %s b2) * 2)) -lt "$(stat -c %s /etc/ssl/certs/ca-certificates.crt)" ]'
fi
is "cert disk" cert disk keys.img --dir good
is "cert disk: 1 MiB" equal "$(stat -c %s keys.img)" 1048576
is "cert disk: its owner's" equal "$(mode keys.img)" 600
is "cert disk: begins as the bundle does" cmp -n "$(stat -c %s bundle)" bundle keys.img
is "cert disk: without the CA's key" not python3 holds.py keys.img good/ca.key
check "cert disk: nothing is overwritten" 1 'keys.img exists' cert disk keys.img --dir good
check "cert disk: the CA" 1 "the CA's key goes onto no disk" cert disk k2.img --dir good --only ca
check "cert disk: an identity that is not there" 1 'there is no good/x.key' cert disk k2.img --dir good --only x

FATA=$sdk_before
cd "$back" || exit 2
