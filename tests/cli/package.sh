# The part of tests/cli/run about `fata package`. Sourced there, behind arm.sh: an x86 image and a zImage are there.
# SPDX-License-Identifier: ISC

check "package: without a form" 2 '--as is missing' "$fata" package --image "$image"
check "package: a form that is none" 2 'no form `x1` (did you mean `xl`?); the forms are xl, libvirt, dom0less' "$fata" package --as x1 --image "$image"
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
cmdline = "'--a=it is \"quoted\"' 'back\\slash' 'two\nlines'"
memory = 1024
vcpus = 1
tsc_mode = "native"
on_poweroff = "destroy"
on_reboot = "restart"
on_crash = "destroy"
END
is "package --as xl: what is written, with every odd character in quotes" sh -c 'sed "\$d" out-xl/two-words.cfg | diff want -'
check "package: again, over the same files" 0 '' "$fata" package --as xl --image "two words" --output out-xl
is "package --as xl: no arguments, no command line" sh -c '! grep cmdline out-xl/two-words.cfg'
check "package --as xl: devices" 0 '' "$fata" package --as xl --image "two words" --output out-xl --bridge xenbr0 --mac 00:16:3e:00:0a:01 \
    --disk /dev/vg/data --disk '/srv/it is "a", b,ro'
cat >want <<'END'
vif = ["bridge=xenbr0,mac=00:16:3e:00:0a:01"]
disk = ["format=raw,vdev=xvda,access=rw,target=/dev/vg/data", "format=raw,vdev=xvdb,access=ro,target=/srv/it is \"a\", b"]
END
is "package --as xl: devices: what is written" sh -c 'grep -E "^(vif|disk) = " out-xl/two-words.cfg | diff want -'
check "package --as xl: a network device with any address" 0 '' "$fata" package --as xl --image "two words" --output out-xl --bridge xenbr0
is "package --as xl: a network device with any address: what is written" grep -q '^vif = \["bridge=xenbr0"\]$' out-xl/two-words.cfg
check "package: a bridge that is no name" 2 '--bridge a,b: an interface' "$fata" package --as xl --bridge a,b --image "$image"
check "package: a bridge's name that is too long" 2 'has 1 to 15 letters' "$fata" package --as xl --bridge sixteen-letters- --image "$image"
for mac in 00:16:3e:00:00 00:16:3e:00:00:0g 0016:3e:00:00:001 00:16:3e:00:00:011 '00:16:3e:00:00: 1'; do
    check "package: no MAC address: $mac" 2 'an address is six bytes' "$fata" package --as xl --bridge xenbr0 --mac "$mac" --image "$image"
done
check "package: a MAC address of a group" 2 'its first byte is odd' "$fata" package --as xl --bridge xenbr0 --mac 01:16:3e:00:00:01 --image "$image"
check "package: a MAC address of no device" 2 '--mac without --bridge' "$fata" package --as xl --mac 00:16:3e:00:00:01 --image "$image"
check "package: a disk without a full path" 2 '--disk disk.img: it must be an absolute path' "$fata" package --as xl --disk disk.img --image "$image"
check "package: too many disks" 2 'too many disks: at most 26' "$fata" package --as xl --image "$image" $(seq -f '--disk=/dev/sd%g' 27)
for edit in 's/^vcpus = 1/vcpus = 2/' '$d' '$a # a line more' 'd'; do
    sed -i "$edit" out-xl/two-words.cfg && cp out-xl/two-words.cfg edited && echo x >out-xl/two-words
    check "package: over a file that somebody has changed: $edit" 1 'out-xl/two-words.cfg is there and was changed' "$fata" package --as xl --image "two words" --output out-xl
    is "package: it stays, and so does what lies beside it" sh -c 'cmp edited out-xl/two-words.cfg && [ "$(cat out-xl/two-words)" = x ]'
    check "package --force: over it" 0 '' "$fata" package --as xl --image "two words" --output out-xl --force
    is "package --force: it is as if new" sh -c 'cmp "two words" out-xl/two-words && grep -q "^vcpus = 1$" out-xl/two-words.cfg'
done

# valid FILE: libvirt's own schema takes it.
valid() { virt-xml-validate "$1" domain; }
for which in "$image" "$work/img/z-good"; do
    check "package --as libvirt: $(basename "$which")" 0 '' "$fata" package --as libvirt --image "$which" --output out-libvirt -- '<&>' "it's" '"'
    check "package --as libvirt: again: $(basename "$which")" 0 '' "$fata" package --as libvirt --image "$which" --output out-libvirt -- '<&>' "it's" '"'
    is "package --as libvirt: the schema takes it: $(basename "$which")" valid "out-libvirt/$(basename "$which").xml"
    is "package --as libvirt: a parser reads the command line back" python3 -c '
import sys, xml.etree.ElementTree
got = xml.etree.ElementTree.parse(sys.argv[1]).findtext("os/cmdline")
assert got == sys.argv[2], got
' "out-libvirt/$(basename "$which").xml" "'<&>' 'it'\\''s' '\"'"
done
check "package --as libvirt: devices" 0 '' "$fata" package --as libvirt --image "$image" --output out-libvirt --bridge xenbr0 --mac 00:16:3E:00:0a:01 \
    --disk /dev/vg/data --disk "/srv/it's <a>, b,ro"
is "package --as libvirt: devices: the schema takes it" valid "out-libvirt/$(basename "$image").xml"
is "package --as libvirt: devices: a parser reads them back" python3 -c '
import sys, xml.etree.ElementTree
devices = xml.etree.ElementTree.parse(sys.argv[1]).find("devices")
one, two = devices.findall("disk")
assert one.get("type") == "block" and one.find("source").get("dev") == "/dev/vg/data" and one.find("readonly") is None
assert two.get("type") == "file" and two.find("source").get("file") == "/srv/it\x27s <a>, b" and two.find("readonly") is not None
assert [disk.find("target").get("dev") for disk in (one, two)] == ["xvda", "xvdb"]
assert devices.find("interface/source").get("bridge") == "xenbr0"
assert devices.find("interface/mac").get("address") == "00:16:3E:00:0a:01"
' "out-libvirt/$(basename "$image").xml"
check "package --as libvirt: what XML cannot say" 1 'control character 0x01' "$fata" package --as libvirt --image "$image" --output out-libvirt -- "$(printf 'a\001')"
cp "$image" a--b
check "package --as libvirt: a name and a folder with what ends no comment" 0 '' "$fata" package --as libvirt --image a--b --folder /srv/x--y --output out-libvirt -- 'é€😀'
is "package --as libvirt: it is well-formed" python3 -c 'import sys, xml.etree.ElementTree as tree; tree.parse(sys.argv[1])' out-libvirt/a--b.xml
for bytes in '\351' '\300\200' '\355\240\200' '\364\220\200\200' '\342\202' '\357\277\277'; do
    check "package --as libvirt: bytes that are no UTF-8: $bytes" 1 'no text in UTF-8' "$fata" package --as libvirt --image "$image" --output out-libvirt -- "$(printf "a$bytes")"
done
check "package: a folder's name that would break lines" 2 'control character 0x0a' "$fata" package --as xl --folder "$(printf '/a\nb')" --image "$image"

{ cat "$image"; printf device/vif; } >networked
check "package: what uses the network, and gets none" 0 'networked uses the network, and has none there without --bridge NAME' \
    "$fata" package --as xl --image networked --output out-networked
is "package: with a bridge, nothing is said" sh -c '! "$1" package --as xl --image networked --output out-networked --bridge xenbr0 2>&1 | grep "uses the"' sh "$fata"
check "package --as dom0less: an image for another CPU" 1 'cannot be packaged for dom0less: it is an ELF file' "$fata" package --as dom0less --image "$image" --output none
check "package --as dom0less: a network device" 2 '^fata package: --bridge: not for dom0less: there is no dom0' "$fata" package --as dom0less --bridge xenbr0 --image "$work/img/z-good"
check "package --as dom0less: a disk" 2 '^fata package: --disk: not for dom0less: there is no dom0' "$fata" package --as dom0less --disk /dev/sda --image "$work/img/z-good"
check "package --as dom0less" 0 '^out-dom0less/z-good.dtso$' "$fata" package --as dom0less --image "$work/img/z-good" --output out-dom0less --memory 48 \
    -- 'a "b"' 'c\d'
check "package --as dom0less: again" 0 '' "$fata" package --as dom0less --image "$work/img/z-good" --output out-dom0less --memory 48 -- 'a "b"' 'c\d'
is "package --as dom0less: the image is the same" cmp "$work/img/z-good" out-dom0less/z-good
is "package --as dom0less: U-Boot's commands load what is there" grep -q 'load ${from} 0x50000000 ${prefix}z-good$' out-dom0less/z-good.cmd
printf '/dts-v1/;\n/ { chosen { stdout-path = "/uart"; }; };\n' >board.dts
is "package --as dom0less: dtc takes the fragment, and libfdt puts it into a tree" sh -c '
    dtc -q -@ -I dts -O dtb -o guest.dtbo out-dom0less/z-good.dtso && dtc -q -I dts -O dtb -o board.dtb board.dts &&
    fdtoverlay -i board.dtb -o both.dtb guest.dtbo'
guest=/chosen/domU1
is "package --as dom0less: memory, place and size" sh -c "[ \"\$(fdtget both.dtb $guest memory)\" = '0 49152' ] &&
    [ \"\$(fdtget both.dtb $guest/module@50000000 reg)\" = '0 1342177280 0 256' ] && [ \"\$(fdtget both.dtb /chosen stdout-path)\" = /uart ]"
check "package --as dom0less: the command line, as it was quoted" 0 "^'a \"b\"' 'c.d'\$" fdtget both.dtb $guest/module@50000000 bootargs
check "package --as dom0less: more arguments than Xen passes on" 2 'Xen passes on at most 1023' "$fata" package --as dom0less --image "$work/img/z-good" \
    --output out-dom0less -- "$(printf '%1024s')"
check "run --bsp: an image for another CPU" 125 'not for the board xen-x86_64, whose CPU is x86_64: it is a zImage' \
    "$fata" run --bsp xen-x86_64 --on xen --image "$work/img/z-good"
check "run --on dom0less: a port" 125 'port: not on dom0less: without a dom0' "$fata" run --on dom0less --image "$work/img/z-good" --port 8080
check "run --on dom0less: an image for another CPU" 125 'does not boot on dom0less' "$fata" run --on dom0less --image "$image"
rm -rf out-xl out-libvirt out-dom0less
