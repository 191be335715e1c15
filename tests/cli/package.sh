# The part of tests/cli/run about `fata package`. Sourced there, behind arm.sh: an x86 image and a zImage are there.
# SPDX-License-Identifier: ISC

check "package: without a form" 2 '--as is missing' "$fata" package --image "$image"
check "package: a form that is none" 2 'no form `x1` (did you mean `xl`?); the forms are xl, libvirt' "$fata" package --as x1 --image "$image"
check "package: what Xen does not boot" 1 'cannot be packaged for xl: no PVH note' "$fata" package --as xl --image /bin/true --output none
check "package: no absolute folder" 2 '--folder lib: it must be an absolute path' "$fata" package --as xl --folder lib --image "$image"
check "package: a folder that cannot be made" 1 'cannot make the folder none/none' "$fata" package --as xl --image "$image" --output none/none

cp "$image" "two words"
check "package --as xl" 0 '^out-xl/two-words.cfg$' "$fata" package --as xl --image "two words" --output out-xl --memory 1G --folder /srv/fata/ \
    -- --a='it is "quoted"' 'back\slash' "$(printf 'two\nlines')"
is "package --as xl: the image is the same" cmp "$image" out-xl/two-words
cat >want <<'END'
# two-words as a guest of Xen. Start it by: xl create -c /srv/fata/two-words.cfg
name = "two-words"
type = "pvh"
kernel = "/srv/fata/two-words"
cmdline = "'--a=it is \x22quoted\x22' 'back\x5cslash' 'two\x0alines'"
memory = 1024
vcpus = 1
tsc_mode = "native"
on_poweroff = "destroy"
on_reboot = "restart"
on_crash = "destroy"
END
is "package --as xl: what is written, with every odd character in quotes" diff want out-xl/two-words.cfg
check "package: again, over the same files" 0 '' "$fata" package --as xl --image "two words" --output out-xl
is "package --as xl: no arguments, no command line" sh -c '! grep cmdline out-xl/two-words.cfg'

# valid FILE: libvirt's own schema takes it.
valid() { virt-xml-validate "$1" domain; }
for which in "$image" "$work/img/z-good"; do
    check "package --as libvirt: $(basename "$which")" 0 '' "$fata" package --as libvirt --image "$which" --output out-libvirt -- '<&>' "it's" '"'
    is "package --as libvirt: the schema takes it: $(basename "$which")" valid "out-libvirt/$(basename "$which").xml"
    is "package --as libvirt: a parser reads the command line back" python3 -c '
import sys, xml.etree.ElementTree
got = xml.etree.ElementTree.parse(sys.argv[1]).findtext("os/cmdline")
assert got == sys.argv[2], got
' "out-libvirt/$(basename "$which").xml" "'<&>' 'it'\\''s' '\"'"
done
check "package --as libvirt: what XML cannot say" 1 'control character 0x01' "$fata" package --as libvirt --image "$image" --output out-libvirt -- "$(printf 'a\001')"
rm -rf out-xl out-libvirt
