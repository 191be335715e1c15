# The part of tests/cli/run about `fata flash`. Sourced there. Disks are those of a made-up /sys, /proc and /dev; what is
# written is a file, or, where this machine lets us have them, a loop device under the name of a made-up disk.
# SPDX-License-Identifier: ISC

back=$PWD
mkdir -p "$work/flash" && cd "$work/flash" || exit 2
machine=$work/machine
export FATA_TEST_ROOT=$machine
mkdir -p "$machine/sys/block" "$machine/proc/self" "$machine/dev"
# disk NAME NUMBER SECTORS REMOVABLE FOLDER: below $machine/sys; partition NAME PARTITION NUMBER.
disk() {
    folder=$machine/sys/devices/$5/block/$1
    mkdir -p "$folder/holders" "$machine/sys/devices/$5" && ln -sfn "../devices/$5/block/$1" "$machine/sys/block/$1"
    [ -e "$folder/device" ] || ln -s ../.. "$folder/device"
    echo "$2" >"$folder/dev" && echo "$3" >"$folder/size" && echo "$4" >"$folder/removable" && echo 0 >"$folder/ro"
}
partition() {
    mkdir -p "$machine/sys/block/$1/$2/holders"
    echo 1 >"$machine/sys/block/$1/$2/partition" && echo "$3" >"$machine/sys/block/$1/$2/dev"
}
usb() { # usb NAME NUMBER SECTORS
    disk "$1" "$2" "$3" 1 "pci0/usb1/1-$1/host/$1:0"
    printf '0781\n' >"$machine/sys/devices/pci0/usb1/1-$1/idVendor" && printf 'S-%s\n' "$1" >"$machine/sys/devices/pci0/usb1/1-$1/serial"
    printf 'Generic \n' >"$machine/sys/block/$1/device/vendor" && printf 'Card\033 Reader  \n' >"$machine/sys/block/$1/device/model"
}
disk sda 8:0 500000000 0 pci0/ata1/sda:0
partition sda sda1 8:1 && partition sda sda2 8:2 && partition sda sda3 8:3
disk dm-0 254:0 1000000 0 virtual/dm-0
mkdir -p "$machine/sys/block/dm-0/dm" "$machine/sys/block/sda/sda3/holders/dm-0"
echo LVM-x >"$machine/sys/block/dm-0/dm/uuid" && echo vg-home >"$machine/sys/block/dm-0/dm/name"
for name in b c d e f g h i j m n; do
    usb sd$name "$(printf '65:%d' "'$name")" 31116288
done
disk mmcblk0 179:0 31116288 0 platform/mmc0/mmc0:0001 && echo SD >"$machine/sys/block/mmcblk0/device/type"
echo SU16G >"$machine/sys/block/mmcblk0/device/name" && echo 0x1234 >"$machine/sys/block/mmcblk0/device/serial"
disk mmcblk1 179:8 31116288 0 platform/mmc1/mmc1:0001 && echo MMC >"$machine/sys/block/mmcblk1/device/type"
disk sdk 8:160 31116288 1 pci0/ata3/sdk:0
disk sr0 11:0 2000000 1 pci0/ata2/sr0:0 && echo 5 >"$machine/sys/block/sr0/device/type"
disk loop0 7:1000 204800 0 virtual/loop0 && disk loop1 7:1001 0 0 virtual/loop1 && disk md0 9:0 9 0 virtual/md0
disk loop2 7:1002 200 0 virtual/loop2 && disk loop3 7:1003 200 0 virtual/loop3
mkdir -p "$machine/sys/block/loop2/loop" "$machine/sys/block/loop3/loop"
echo /dev/sdm1 >"$machine/sys/block/loop2/loop/backing_file" && echo /dev/sdn >"$machine/sys/block/loop3/loop/backing_file"
partition sdm sdm1 65:205 && partition sdc sdc1 65:201 && partition sdd sdd1 65:202 && partition sde sde1 65:203 && partition sdi sdi1 65:204
mkdir -p "$machine/sys/block/sdd/sdd1/holders/md0" "$machine/sys/block/md0/md" "$machine/sys/block/sde/sde1/holders/dm-1"
echo raid1 >"$machine/sys/block/md0/md/level"
disk dm-1 254:1 1000000 0 virtual/dm-1 && mkdir -p "$machine/sys/block/dm-1/dm"
echo CRYPT-LUKS2-x >"$machine/sys/block/dm-1/dm/uuid" && echo secret >"$machine/sys/block/dm-1/dm/name"
echo 1 >"$machine/sys/block/sdf/ro" && echo 2048 >"$machine/sys/block/sdg/size" && echo 0 >"$machine/sys/block/sdh/size"
cat >"$machine/proc/self/mountinfo" <<'END'
26 1 8:1 / / rw,relatime shared:1 - ext4 /dev/root rw
27 26 254:0 / /home rw - ext4 /dev/mapper/vg-home rw
28 26 65:201 / /media/my\040card rw shared:2 master:1 - vfat /dev/sdc1 rw
29 26 0:45 /sub /media/b rw - btrfs /dev/sdi1 rw
30 26 7:1002 / /media/image rw - ext4 /dev/loop2 rw
30 26 0:21 / /proc rw - proc proc rw
a line that is none
END
printf 'Filename Type Size Used Priority\n/dev/sda2 partition 1 0 -2\n/dev/sdj partition 1 0 -2\n/swapfile file 1 0 -2\n' >"$machine/proc/swaps"
python3 -c '
import random
image = random.Random(7)
with open("card.img", "wb") as file:
    file.truncate(12 << 20)
    for at, count in ((0, 2 << 20), (4 << 20, 4 << 20), ((12 << 20) - 5000, 5000)):
        file.seek(at)
        file.write(image.randbytes(count))'

check "flash: the list" 0 '^sdb  *15.9 GB  USB disk  *Generic Card? Reader  *S-sdb  *yes$' "$fata" flash
check "flash: an SD card, which says that it is not removable" 0 '^mmcblk0 .*SD card  *SU16G  *0x1234  *yes$' "$fata" flash
is "flash: these two alone, and what is too small for an image only" sh -c '"$1" flash >list && [ "$(grep -c " yes$" list)" -eq 3 ] && grep -q "^sdg .* yes$" list' sh "$fata"
is "flash: without unused virtual disks" sh -c '! grep -q "^loop1" list'
is "flash: nothing of a device reaches the terminal as a command" sh -c '! grep -q "$(printf "\033")" list'
# refused NAME REASON: in the list with an image.
refused() {
    check "flash: refused: $1: $2" 0 "^$1 .* no: .*$2" "$fata" flash card.img
}
refused sda 'neither removable, nor an SD card, nor on USB'
refused sdk 'on SATA: it may well be built in'
refused sda 'it holds the system that runs now: sda1 is mounted at /;'
refused sda 'sda2 is swap space'
refused sda 'sda3 is part of dm-0 (LVM vg-home); it holds the system that runs now: dm-0 is mounted at /home$'
refused sdc 'sdc1 is mounted at /media/my card$'
refused sdd 'sdd1 is part of md0 (RAID)$'
refused sde 'sde1 is part of dm-1 (encrypted, secret)$'
refused sdf 'read-only: look at the card.s switch$'
refused sdg 'too small: 1.0 MB, and 12.6 MB are needed$'
refused sdh 'no medium in it$'
refused sdi 'sdi1 is mounted at /media/b$'
refused sdj 'sdj is swap space'
refused sdm 'sdm1 is part of loop2; loop2 is mounted at /media/image$'
refused sdn 'sdn is part of loop3$'
refused mmcblk1 'an eMMC chip, which is built in$'
refused sr0 'an optical drive$'
refused loop0 'a virtual disk of this machine$'
mv "$machine/proc/self/mountinfo" hidden
check "flash: refused when the mounts cannot be read" 0 '^sdb .* no: it cannot be told whether sdb is mounted (/proc/self/mountinfo: No such file' "$fata" flash
mv hidden "$machine/proc/self/mountinfo"
is "flash --json: the list" sh -c '"$1" flash --json card.img | python3 -c "
import json, sys
disks = {disk[\"name\"]: disk for disk in json.load(sys.stdin)}
assert disks[\"sdb\"] == dict(name=\"sdb\", path=sys.argv[1] + \"/dev/sdb\", kind=\"USB disk\", bytes=31116288 * 512, model=\"Generic Card? Reader\",
                              serial=\"S-sdb\", eligible=True, reason=None), disks[\"sdb\"]
assert not disks[\"sda\"][\"eligible\"] and \"mounted\" in disks[\"sda\"][\"reason\"]
" "$2"' sh "$fata" "$machine"
check "flash: a disk that is not there" 3 'there is no .*/dev/sdz: `fata flash` alone lists' "$fata" flash --to sdz card.img
check "flash: what is no disk" 3 'is no disk; a plain file is written by --file' "$fata" flash --to "$PWD/card.img" card.img
check "flash: no image" 1 'this folder is no project' "$fata" flash --to sdb
printf 'include x/project.mk\nprint-image: ; @echo app\n' >Makefile && mkdir -p x && : >x/project.mk
check "flash: the card of a project, before it is made" 1 'no app-cubieboard2.img: `make BSP=cubieboard2`' "$fata" flash --file new.img
cp card.img app-cubieboard2.img
check "flash: the card of a project" 0 'would write 12.6 MB of app-cubieboard2.img' "$fata" flash --file new.img --dry-run
rm -r Makefile x app-cubieboard2.img
check "flash: a board that is none" 2 'are cubieboard2, cubieboard' "$fata" flash --file x --board cubie card.img
check "flash: two targets" 2 'one of them' "$fata" flash --to sdb --file x card.img
check "flash: an image that is not there" 1 'cannot read none.img' "$fata" flash --to sdb none.img
check "flash: an image that is a folder" 1 'not a regular file' "$fata" flash --file x .
check "flash: an empty image" 1 'is empty' sh -c ': >empty.img; "$1" flash --file x empty.img' sh "$fata"

# Plain files, and block maps.
check "flash --file --dry-run" 0 'would write 12.6 MB of card.img to out.img, in 5 ranges (there is no block map)' "$fata" flash --dry-run --file out.img card.img
is "flash --dry-run: writes nothing" test ! -e out.img
check "flash --file" 0 'out.img: 6.3 MB written in .* 6.3 MB were there already; all read back' "$fata" flash --file out.img card.img
is "flash --file: all of the image" cmp card.img out.img
check "flash --file: over what is there, not confirmed" 4 'not confirmed by the name out.img' "$fata" flash --file out.img card.img
check "flash --file: another name" 4 'but --yes out' "$fata" flash --file out.img --yes out card.img
check "flash --file: the image itself" 3 'is the image itself' "$fata" flash --file ./card.img card.img
check "flash --file: a folder that is not there" 1 'cannot open none/x: No such file' "$fata" flash --file none/x card.img
is "flash: holes are zeros, whatever stood there" sh -c 'tr "\000" "\377" </dev/zero | head -c 14M >dirty.img; "$1" flash --file dirty.img --yes dirty.img card.img && cmp -n 12582912 card.img dirty.img &&
    [ "$(stat -c %s dirty.img)" -eq $((14 << 20)) ]' sh "$fata"
bmaptool create -o card.bmap card.img >"$out" 2>&1
check "flash: a map that is named as our cards' are" 0 'in 3 ranges of card.bmap' "$fata" flash --dry-run --file out.img card.img
mv card.bmap card.img.bmap
is "flash: a block map of bmaptool's: what it does not name stays" sh -c 'tr "\000" "\377" </dev/zero | head -c 12M >part.img
    "$1" flash --file part.img --yes part.img --json card.img >receipt && cmp -n 2097152 card.img part.img && ! cmp -s card.img part.img' sh "$fata"
is "flash: into a new file, as bmaptool itself writes it" sh -c '"$1" flash --file new.img card.img && bmaptool -q copy --bmap card.img.bmap card.img other.img && cmp new.img other.img' sh "$fata"
is "flash: the receipt" python3 -c '
import json
got = json.load(open("receipt"))
assert (got["result"], got["status"], got["verified"], got["message"]) == ("written", 0, True, None), got
assert got["image"]["block_map"] == "card.img.bmap" and got["image"]["ranges"] == 3 and got["written_bytes"] == got["image"]["range_bytes"] == 6299648, got
assert got["target"] == {"name": "part.img", "kind": "file", "path": "part.img"} and len(got["image"]["range_sha256"]) == 64, got'
cp card.img wrong.img && printf x | dd of=wrong.img bs=1 seek=4200000 conv=notrunc 2>/dev/null
check "flash: an image that its map does not fit" 1 'wrong.img is not what card.img.bmap says: the range from byte 4194304' \
    "$fata" flash --file never.img --bmap card.img.bmap wrong.img
is "flash: nothing was written then" test ! -e never.img
head -c 5M card.img >short.img
check "flash: a map of another image" 1 'they do not belong together' "$fata" flash --file never.img --bmap card.img.bmap short.img
sed 's/<BlocksCount> 3072/<BlocksCount> 3073/' card.img.bmap >bad.bmap
check "flash: a map that is damaged" 1 'bad.bmap: its BlocksCount does not fit' "$fata" flash --file never.img --bmap bad.bmap card.img
check "flash: a map that is not there" 1 'cannot read none.bmap' "$fata" flash --file never.img --bmap none.bmap card.img
rm card.img.bmap

# Over USB: what sunxi-fel is given, by one that only looks.
mkdir -p usb "$FATA/toolchain" "$FATA/build/dtb"
printf '#!/bin/sh\necho %s\n' "$PWD/usb" >"$FATA/toolchain/u-boot"
cat >usb/sunxi-fel <<'END'
#!/bin/sh
echo "$@"
cmp "${12}" usb/want
END
chmod +x "$FATA/toolchain/u-boot" usb/sunxi-fel
printf '\030\050\157\001\0\0\0\0\064\0\0\0\001\002\003\004' | dd of=usb/zimage bs=1 seek=36 conv=notrunc 2>/dev/null
printf '#=uEnv\nbootdelay=0\npreboot=\nbootargs=%s\nbootcmd=setenv bootm_boot_mode sec; bootz 0x43400000 - 0x43000000\n' "'--a=b c\\\\d'" >usb/want
fel="--progress uboot $PWD/usb/cubieboard2.bin write 0x43000000 $FATA/build/dtb/sun7i-a20-cubieboard2.dtb write 0x43400000 usb/zimage write 0x43100000"
: >"$FATA/build/dtb/sun7i-a20-cubieboard2.dtb"
check "flash --fel: runs sunxi-fel" 0 "^$fel .*/fata-fel" env PATH="$PWD/usb:$PATH" "$fata" flash --fel usb/zimage -- '--a=b c\d'
check "flash --fel --dry-run" 0 "^sunxi-fel $fel uEnv.txt\$" env PATH="$PWD/usb:$PATH" "$fata" flash --dry-run --fel usb/zimage -- '--a=b c\d'
check "flash --fel: it fails" 1 'must be connected by its mini USB' env PATH="$PWD/usb:$PATH" "$fata" flash --fel usb/zimage
check "flash --fel: a board that is none" 2 'are cubieboard2, cubieboard' "$fata" flash --fel usb/zimage --board beagle
check "flash --fel: no zImage" 1 'is no zImage' "$fata" flash --fel card.img
check "flash --fel: no sunxi-fel" 1 'apt-get install sunxi-tools' env PATH="$work/none" "$fata" flash --fel usb/zimage
check "flash: arguments without --fel" 2 'unexpected argument' "$fata" flash --file x card.img -- a
check "flash: an image that is on a card, but is none" 3 'usb/zimage is a zImage, which is on a card, but is none' "$fata" flash --file x usb/zimage
for way in gzip xz; do
    "$way" -c card.img >packed.img
    check "flash: an image that is compressed by $way" 3 "packed.img is compressed ($way): unpack it" "$fata" flash --file x packed.img
done
is "flash: none of them was written" test ! -e x
check "flash: an ELF file" 3 'is an ELF file' "$fata" flash --file x "$fata"
rm -r usb "$FATA/toolchain" "$FATA/build"

# drive.py WORD ACTION COMMAND...: on a terminal; when WORD has come, ACTION: `signal`, or what is done while it is stopped, or `type
# TEXT` and what is done before.
cat >drive.py <<'EOF2'
import os, pty, signal, subprocess, sys, time
word, action, command = sys.argv[1].encode(), sys.argv[2], sys.argv[3:]
master, slave = pty.openpty()
tool = subprocess.Popen(command, stdin=slave, stderr=slave, stdout=subprocess.PIPE, preexec_fn=lambda: os.nice(5)) # we come first
os.close(slave)
seen = b""
def more():
    global seen
    try:
        got = os.read(master, 4096)
    except OSError:
        got = b""
    seen += got
    return got
while word not in seen and more():
    pass
if word in seen:
    if action == "signal":
        tool.send_signal(signal.SIGINT)
    elif action.startswith("type "):
        text, _, before = action[5:].partition(" ")
        subprocess.run(before, shell=True, check=True)
        os.write(master, text.encode() + b"\n")
    else:
        tool.send_signal(signal.SIGSTOP)
        subprocess.run(action, shell=True, check=True)
        tool.send_signal(signal.SIGCONT)
while more():
    pass
print(seen.decode(errors="replace").replace("\r", "\n"))
print(tool.stdout.read().decode())
sys.exit(tool.wait())
EOF2
check "flash: a name that is typed" 0 'all read back' python3 drive.py 'type its name: ' 'type out.img' "$fata" flash --file out.img card.img
check "flash: another that is typed" 4 'nothing was written' python3 drive.py 'type its name: ' 'type sdb' "$fata" flash --file out.img card.img
check "flash: Ctrl-C at the question" 130 'interrupted: nothing was written' python3 drive.py 'type its name: ' signal "$fata" flash --file out.img card.img
check "flash: progress on a terminal" 0 'reading back: .*% of 12.6 MB' python3 drive.py nothing nothing "$fata" flash --file out.img --yes out.img card.img

# Real disks: loop devices, called sdb.
loops=
attach() { # attach FILE [OPTION...]: the loop device is sdb
    loop=$(losetup -f --show "$@" 2>"$err") || return 1
    loops="$loops $loop"
    number=$(printf '%d:%d' "0x$(stat -c %t "$loop")" "0x$(stat -c %T "$loop")")
    rm -f "$machine/dev/sdb"
    usb sdb "$number" "$(blockdev --getsz "$loop")"
    mknod "$machine/dev/sdb" b "${number%:*}" "${number#*:}" 2>"$err" && [ -r "$machine/dev/sdb" ] && : <"$machine/dev/sdb"
}
detach() {
    for loop in $loops; do
        losetup -d "$loop"
    done
    loops=
}
truncate -s 32M disk.img
if attach disk.img; then
    trap 'detach; rm -rf "$work"' EXIT
    check "flash --to: not confirmed" 4 'All that is on sdb will be lost' "$fata" flash --to sdb card.img
    check "flash --to --dry-run" 0 'would write' "$fata" flash --dry-run --to sdb card.img
    is "flash --to: nothing was written by either" sh -c 'cmp -n 33554432 disk.img /dev/zero'
    check "flash --to" 0 'sdb: 6.3 MB written .*so it can be taken out' "$fata" flash --to sdb --yes sdb card.img
    is "flash --to: all of the image" cmp -n 12582912 card.img disk.img
    check "flash --to: again: nothing is left to write" 0 'sdb: 0 bytes written' "$fata" flash --to /dev/sdb --yes sdb card.img
    ln -sf sdb "$machine/dev/by-id"
    check "flash --to: by a link, its odd size in sectors" 0 'sdb: 10.0 kB written' sh -c 'head -c 9990 /dev/urandom >odd.img; "$@" odd.img' sh "$fata" flash --to /dev/by-id --yes sdb
    is "flash --to: zeros behind it" sh -c 'cmp -n 9990 odd.img disk.img && cmp -i 9990:0 -n 250 disk.img /dev/zero'
    echo 65:77 >"$machine/sys/block/sdb/dev" && partition sdb sdb1 "$number"
    check "flash: a partition" 3 'is a partition.*name the whole disk, sdb' "$fata" flash --to sdb --yes sdb card.img
    echo "$number" >"$machine/sys/block/sdb/dev" && rm -r "$machine/sys/block/sdb/sdb1"
    python3 -c '
import os, sys, time
held = os.open(sys.argv[1], os.O_RDONLY | os.O_EXCL)
open("held", "w")
time.sleep(60)' "$loop" &
    holder=$!
    for i in $(seq 100); do [ -e held ] || sleep 0.1; done
    check "flash: held by a program" 3 'sdb may not be written over: in use' "$fata" flash --to sdb --yes sdb card.img
    check "flash: held by a program, in the list" 0 '^sdb .*no: in use' "$fata" flash
    kill $holder && wait $holder 2>/dev/null
    chmod 0 "$machine/dev/sdb"
    check "flash: without the right to" 1 'run it as root' setpriv --bounding-set=-dac_override,-dac_read_search,-sys_admin "$fata" flash --to sdb --yes sdb card.img
    chmod 600 "$machine/dev/sdb"
    echo 65528 >"$machine/sys/block/sdb/size"
    check "flash: the kernel and sysfs do not agree" 3 'no longer the disk' "$fata" flash --to sdb --yes sdb card.img
    echo 65536 >"$machine/sys/block/sdb/size"
    check "flash: another card at the question" 3 'no longer the disk that was confirmed' python3 drive.py 'type its name: ' \
        "type sdb echo S-other >$machine/sys/devices/pci0/usb1/1-sdb/serial" "$fata" flash --to sdb card.img
    check "flash: mounted at the question" 3 'any more: .*mounted at /late' python3 drive.py 'type its name: ' \
        "type sdb echo '1 1 $number / /late rw - vfat /dev/sdb rw' >>$machine/proc/self/mountinfo" "$fata" flash --to sdb card.img
    sed -i /late/d "$machine/proc/self/mountinfo"
    # What the kernel answers for the disk, by a library before libc: FAULT="CALL BYTE ERROR", from that byte on; moves of SHORT bytes;
    # each takes SLOW ms.
    cat >fault.c <<'EOF2'
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
static int fault(const char *call, int file, off_t end, size_t *len)
{
    char asked[16]; long long at; int error; struct stat status; const char *word = getenv("FAULT"), *most = getenv("SHORT");
    if (fstat(file, &status) != 0 || !S_ISBLK(status.st_mode)) return 0;
    if (getenv("SLOW") != NULL) usleep((useconds_t)atoi(getenv("SLOW")) * 1000);
    if (len != NULL && most != NULL && *len > strtoul(most, NULL, 10)) *len = strtoul(most, NULL, 10);
    if (word == NULL || sscanf(word, "%15s %lld %d", asked, &at, &error) != 3 || strcmp(asked, call) != 0 || end <= at) return 0;
    errno = error;
    return 1;
}
ssize_t pread(int file, void *bytes, size_t len, off_t at)
{
    return fault("read", file, at + (off_t)len, &len) ? -1 : ((ssize_t (*)(int, void *, size_t, off_t))dlsym(RTLD_NEXT, "pread"))(file, bytes, len, at);
}
ssize_t pread64(int file, void *bytes, size_t len, off_t at) { return pread(file, bytes, len, at); }
ssize_t pwrite(int file, const void *bytes, size_t len, off_t at)
{
    return fault("write", file, at + (off_t)len, &len) ? -1 : ((ssize_t (*)(int, const void *, size_t, off_t))dlsym(RTLD_NEXT, "pwrite"))(file, bytes, len, at);
}
ssize_t pwrite64(int file, const void *bytes, size_t len, off_t at) { return pwrite(file, bytes, len, at); }
int fsync(int file) { return fault("sync", file, 1, NULL) ? -1 : ((int (*)(int))dlsym(RTLD_NEXT, "fsync"))(file); }
EOF2
    gcc -shared -fPIC fault.c -o fault.so -ldl || exit 2
    printf '#!/bin/sh\nASAN_OPTIONS="$ASAN_OPTIONS:verify_asan_link_order=0" LD_PRELOAD=%s exec env "$@"\n' "$PWD/fault.so" >preload # NAME=VALUE COMMAND...
    chmod +x preload
    check "flash: interrupted" 130 'interrupted: .* of 12.6 MB are on sdb, which does not boot like this' python3 drive.py 'writing' signal ./preload SLOW=100 "$fata" flash --to sdb --yes sdb card.img
    check "flash: and gone on with" 0 'verified": true' sh -c '"$@" >receipt && cat receipt' sh "$fata" flash --to sdb --yes sdb --json card.img
    is "flash: from where it was" python3 -c '
import json
got = json.load(open("receipt"))
assert got["kept_bytes"] > 0 and got["kept_bytes"] + got["written_bytes"] == 12 << 20 and got["target"]["serial"] == "S-other", got'
    is "flash: all of the image is there" cmp -n 12582912 card.img disk.img
    check "flash: read back other than written" 5 'sector 12000 of sdb (from byte 6144000 on) reads back other' python3 drive.py 'reading back' \
        'printf x | dd of=disk.img bs=1 seek=6144003 conv=notrunc 2>/dev/null' ./preload SLOW=100 "$fata" flash --to sdb --yes sdb --json card.img
    cp "$out" receipt
    check "flash: a card that is smaller than it says" 5 'sector 9000 of sdb reads back as sector 15000, which was written later: it has fewer sectors' \
        python3 drive.py 'reading back' 'dd if=disk.img of=disk.img bs=512 skip=15000 seek=9000 count=1 conv=notrunc 2>/dev/null' ./preload SLOW=100 "$fata" flash --to sdb --yes sdb card.img
    is "flash: the receipt of that" sh -c 'grep -q "\"result\": \"mismatch\"" "$1" && grep -q "\"sector\": 12000" "$1" && grep -q "\"verified\": false" "$1"' sh receipt
    faulty() { # faulty FAULT: on the disk, whose first sectors are others
        dd if=/dev/urandom of=disk.img bs=1M count=12 conv=notrunc 2>/dev/null
        ./preload FAULT="$1" "$fata" flash --to sdb --yes sdb --json card.img
    }
    check "flash: what cannot be read may be written" 1 'cannot read back sector 4096 of sdb: Input/output error' faulty 'read 2097152 5'
    check "flash: a sector that cannot be written" 1 'cannot write sector 8192 of sdb: Input/output error. The card or its reader is worn out' faulty 'write 5000000 5'
    cp "$out" receipt
    is "flash: the receipt of that" sh -c 'grep -q "\"result\": \"failed\"" "$1" && grep -q "\"sector\": 8192" "$1" && grep -q "\"verified\": false" "$1"' sh receipt
    check "flash: a reader that loses its card" 1 'sdb is gone, at sector 8192: it was pulled out' faulty 'write 5000000 123'
    check "flash: what was written is not written out" 1 'sdb could not write out all that it was given: Input/output error' faulty 'sync 0 5'
    cp "$out" receipt
    is "flash: which is of no sector" sh -c 'grep -q "\"status\": 1" receipt && ! grep -q "\"sector\"" receipt'
    check "flash: a reader that loses its card then" 1 'sdb is gone: it was pulled out' faulty 'sync 0 6'
    check "flash: the kernel moves less than it was asked to" 0 'sdb: 12.6 MB written .*all read back and the same' sh -c '
        dd if=/dev/urandom of=disk.img bs=1M count=12 conv=notrunc 2>/dev/null; exec "$@"' sh ./preload SHORT=4096 "$fata" flash --to sdb --yes sdb card.img
    is "flash: all of the image is there then" cmp -n 12582912 card.img disk.img
    check "flash: a receipt that cannot be written" 1 'cannot write the output: No space left' sh -c '"$@" >/dev/full' sh "$fata" flash --to sdb --yes sdb --json card.img
    head -c 12582912 /dev/urandom >second.img && cp card.img third.img
    check "flash: an image that is changed while it is flashed" 1 'third.img was changed while it was being flashed' python3 drive.py 'reading back' \
        'cp second.img third.img' ./preload SLOW=100 "$fata" flash --to sdb --yes sdb third.img
    check "flash: interrupted, and gone on with by another image" 130 'interrupted: .* are on sdb' python3 drive.py 'writing' signal ./preload SLOW=100 "$fata" flash --to sdb --yes sdb second.img
    is "flash: which is there then" sh -c '"$1" flash --to sdb --yes sdb card.img && cmp -n 12582912 card.img disk.img' sh "$fata"
    detach
    if attach disk.img --sector-size 4096; then
        check "flash: a disk with sectors of 4096 bytes" 0 'sdb: .* written' sh -c 'head -c 9990 /dev/urandom >odd.img; "$@" odd.img' sh "$fata" flash --to sdb --yes sdb
        is "flash: all of it, and zeros behind it" sh -c 'cmp -n 9990 odd.img disk.img && cmp -i 9990:0 -n 2298 disk.img /dev/zero'
        python3 -c '
import hashlib
image = open("card.img", "rb").read()
ranges = "".join("<Range chksum=\"%s\"> %d-%d </Range>" % (hashlib.sha256(image[first * 512:(last + 1) * 512]).hexdigest(), first, last)
                 for first, last in ((0, 2), (17, 20)))
map = ("<bmap version=\"2.0\"><ImageSize> %d </ImageSize><BlockSize> 512 </BlockSize><BlocksCount> %d </BlocksCount><MappedBlocksCount> 7 "
       "</MappedBlocksCount><ChecksumType> sha256 </ChecksumType><BmapFileChecksum> %s </BmapFileChecksum><BlockMap>%s</BlockMap></bmap>"
       % (len(image), len(image) // 512, "0" * 64, ranges))
open("small.bmap", "w").write(map.replace("0" * 64, hashlib.sha256(map.encode()).hexdigest()))'
        check "flash: a map whose ranges begin within these" 3 'sdb has sectors of 4096 bytes, and a range of small.bmap begins within one, at byte 8704' \
            "$fata" flash --to sdb --yes sdb --bmap small.bmap card.img
        is "flash: nothing was written then" cmp -n 9990 odd.img disk.img
    else
        result 0 "flash: a disk with sectors of 4096 bytes # SKIP $(head -1 "$err")"
    fi
    detach
    # A disk whose file system is full: what comes behind cannot be written.
    mkdir -p small
    if unshare -m true 2>/dev/null; then
        cat >full.sh <<'EOF2'
mount -t tmpfs -o size=4m tmpfs small && truncate -s 32M small/disk || exit 99
loop=$(losetup -f --show small/disk) || exit 99
rm -f "$FATA_TEST_ROOT/dev/sdb" && mknod "$FATA_TEST_ROOT/dev/sdb" b 7 "${loop#/dev/loop}"
echo "7:${loop#/dev/loop}" >"$FATA_TEST_ROOT/sys/block/sdb/dev"
"$@"
status=$?
losetup -d "$loop"
exit $status
EOF2
        check "flash: a write that fails" 1 'cannot write sector\|ends at sector [0-9]* although it says that it has 65536' unshare -m sh full.sh "$fata" flash --to sdb --yes sdb card.img
        check "flash: a card that is pulled out" 1 'sdb is gone, at sector .*Put it in again' unshare -m sh full.sh python3 drive.py writing \
            "mv $machine/sys/block/sdb $machine/sys/gone" "$fata" flash --to sdb --yes sdb card.img
    else
        result 0 "flash: a write that fails # SKIP no mount namespaces"
    fi
    trap 'rm -rf "$work"' EXIT
else
    detach
    result 0 "flash: on loop devices # SKIP $(head -1 "$err")"
fi
unset FATA_TEST_ROOT

# The machine's own /sys, on memory that plays a removable disk, for who has loaded that: modprobe scsi_debug removable=1 dev_size_mb=64
debug=$(grep -l -s '^scsi_debug' /sys/block/sd*/device/model | head -1 | cut -d/ -f4)
if [ -n "$debug" ] && [ -w "/dev/$debug" ]; then
    check "flash: scsi_debug's disk in the list" 0 "^$debug .*scsi_debug.* yes\$" "$fata" flash
    check "flash --to scsi_debug's disk" 0 'all read back' "$fata" flash --to "$debug" --yes "$debug" card.img
    is "flash --to scsi_debug's disk: all of the image" cmp -n 12582912 card.img "/dev/$debug"
else
    result 0 "flash: on a disk of scsi_debug # SKIP none is there"
fi
cd "$back" || exit 2
rm -rf "$machine" "$work/flash"
