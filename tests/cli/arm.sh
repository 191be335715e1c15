# The part of tests/cli/run about ARM: zImages, inspected and run on QEMU's ARM machines. Sourced there, in its folder with
# an SDK and a project; a machine without the compiler or QEMU for ARM skips what needs them.
# SPDX-License-Identifier: ISC

printf 'BOARD_DESCRIPTION := A zImage\nBOARD_CPU := armv7a\nBOARD_MACHINES := virt cubieboard bpim2u\n' >"$work/arm-board.mk"
mkdir -p "$FATA/bsp/arm" "$FATA/build/dtb" "$FATA/toolchain" "$work/bin"
mv "$work/arm-board.mk" "$FATA/bsp/arm/board.mk"

# zimage NAME START END ORDER BYTES: a file with that header and nothing else in it.
zimage() {
    python3 -c 'import struct, sys
start, end, order, count = (int(word, 0) for word in sys.argv[2:])
header = bytes(0x24) + struct.pack("<4I", 0x016f2818, start, end, order)
open(sys.argv[1], "wb").write(header.ljust(count, b"\0")[:count])' "$work/img/$@"
}
zimage z-good 0 256 0x04030201 256
zimage z-fixed 0x40010000 0x40010100 0x04030201 256
zimage z-low 0x8000 0x8100 0x04030201 256
zimage z-short 0 128 0x04030201 256
zimage z-long 0 257 0x04030201 256
zimage z-empty 0x100 0x100 0x04030201 256
zimage z-big 0 256 0x01020304 256
zimage z-old 0 256 0xe1a00000 256
check "inspect: a zImage" 0 '^[^ ]*/z-good: zImage, ARM' "$fata" inspect "$work/img/z-good"
for m in 'QEMU virt (ARM)' 'QEMU cubieboard' 'QEMU bpim2u' 'Xen on ARM' 'U-Boot bootz'; do
    check "inspect: a zImage boots on $m" 0 "^  $m  *yes\$" "$fata" inspect "$work/img/z-good"
done
check "inspect: a zImage is nothing for x86" 0 'QEMU microvm  *no: it is a zImage, for ARM' "$fata" inspect "$work/img/z-good"
check "inspect: an x86 image is nothing for ARM" 0 'Xen on ARM  *no: it is an ELF file for x86-64: ARM needs a zImage' "$fata" inspect "$image"
check "inspect: a zImage at QEMU's address" 0 'QEMU virt (ARM)  *yes' "$fata" inspect "$work/img/z-fixed"
check "inspect: a zImage at an address, and bootz" 0 'U-Boot bootz  *no: .*runs at 0x40010000' "$fata" inspect "$work/img/z-fixed"
check "inspect: a zImage at an address where no RAM is" 1 'Xen on ARM  *no: .*runs at 0x8000, below' "$fata" inspect "$work/img/z-low"
check "inspect: a zImage whose header counts too few bytes" 0 'Xen on ARM  *no: its header counts 128 bytes, and the file has 256' "$fata" inspect "$work/img/z-short"
check "inspect: a zImage whose header counts too many bytes" 1 'cut off: its zImage header counts more' "$fata" inspect "$work/img/z-long"
check "inspect: a zImage of no bytes" 1 'header is damaged' "$fata" inspect "$work/img/z-empty"
check "inspect: a big-endian zImage" 1 'QEMU virt (ARM)  *no: it is big-endian' "$fata" inspect "$work/img/z-big"
check "inspect: a zImage that does not say its byte order" 0 'bytes  *not said' "$fata" inspect "$work/img/z-old"
is "inspect --json of a zImage is JSON" json "$fata" inspect "$work/img/z-short" --json
"$fata" inspect "$work/img/z-short" --json >"$work/got"
is "inspect --json tells what a zImage boots on" python3 -c '
import json, sys
i = json.load(open(sys.argv[1]))
boots = {m["name"]: m["boots"] for m in i["machines"]}
assert boots["QEMU virt (ARM)"] and not boots["Xen on ARM"] and not boots["Linux process"]
assert i["format"] == "zImage" and i["file_bytes"] == 256 and i["header_bytes"] == 128 and i["position_independent"]
assert i["image"] is None and i["byte_order"] == "little-endian" and i["start"] == "0x0"
' "$work/got"
bad=0
for len in 0 35 36 39 40 41 44 48 51 52 53 255; do
    head -c $len "$work/img/z-good" >cut
    "$fata" inspect cut >"$out" 2>"$err"
    got=$?
    want='cut off'
    [ $len -ge 40 ] || want='in no format that this tool knows'
    if [ $got -ne 1 ] || ! grep -q "fata inspect: cut: .*$want" "$err"; then
        bad=1
        echo "# cut at $len: status $got"
    fi
done
result $bad "inspect: a zImage that is cut off"
check "the build's check of a zImage" 0 '' "$here/../../rootfs-free/zimage" "$work/img/z-good"
check "the build's check of a zImage: the count" 1 'counts 128 bytes (from 0 to 128), and it has 256' "$here/../../rootfs-free/zimage" "$work/img/z-short"
check "the build's check of a zImage: the magic number" 1 'magic number' "$here/../../rootfs-free/zimage" "$image"

# Choices and refusals.
on_arm() { m=$1 i=$work/img/$2; shift 2; "$fata" run --on "$m" --image "$i" "$@"; }
check "run: the board follows from the ARM machine" 0 '-M virt -cpu cortex-a7 .*-m 32M .*-kernel ' on_arm virt z-good --dry-run
check "run on virt: disks, ports and arguments" 0 "-append .*a b.* -device virtio-blk-device,drive=disk0,.*-device virtio-net-device" \
    on_arm virt z-good --disk ../disk --port 8080 --dry-run -- 'a b'
check "run on cubieboard: its device tree" 0 "-M cubieboard .*-m 512M .*-dtb $FATA/build/dtb/sun4i-a10-cubieboard.dtb" on_arm cubieboard z-good --dry-run
check "run on cubieboard: another size of memory" 125 'cubieboard has 512M or 1024M of memory' on_arm cubieboard z-good --memory 32M --dry-run
check "run on cubieboard: a size that it has" 0 '-m 1024M' on_arm cubieboard z-good --memory 1G --dry-run
truncate -s 64M "$work/card-64"
truncate -s 65M "$work/card-65"
check "run on cubieboard: a disk is the card in its slot" 0 '-drive if=sd,format=raw,file=.*/card-64 ' on_arm cubieboard z-good --disk "$work/card-64" --dry-run
check "run on cubieboard: a card that is only to be read" 0 'format=raw,readonly=on,file=' on_arm cubieboard z-good --disk "$work/card-64,ro" --dry-run
check "run on cubieboard: a card of a size that QEMU has not" 125 'card-65 has 68157440 bytes; QEMU.s SD cards have powers of two' \
    on_arm cubieboard z-good --disk "$work/card-65" --dry-run
check "run on cubieboard: two disks, a card and one at the SATA port" 0 'if=sd,.*card-64 -drive if=none,id=sata,.*card-65 -device ide-hd' \
    on_arm cubieboard z-good --disk "$work/card-64" --disk "$work/card-65" --dry-run
check "run on cubieboard: three disks" 125 'too many: cubieboard has a slot for an SD card, and a SATA port' \
    on_arm cubieboard z-good --disk "$work/card-64" --disk "$work/card-65" --disk "$work/card-65" --dry-run
check "run on cubieboard: a SATA disk that is only to be read" 125 'only to be read' \
    on_arm cubieboard z-good --disk "$work/card-64" --disk "$work/card-65,ro" --dry-run
check "run on bpim2u: two disks" 125 'too many: bpim2u has a slot' on_arm bpim2u z-good --disk "$work/card-64" --disk "$work/card-65" --dry-run
check "run on cubieboard: a port leads to its own network device" 0 '-nic user,id=n0,hostfwd=tcp:127.0.0.1:8080-:80,model=allwinner-emac$' \
    on_arm cubieboard z-good --default-port 8080 --dry-run
check "run on cubieboard: no network" 0 '-nic user,restrict=on,model=allwinner-emac$' on_arm cubieboard z-good --no-network --dry-run
check "run on virt: a default port is one" 0 'hostfwd=tcp:127.0.0.1:8081-:80' on_arm virt z-good --default-port 8081 --dry-run
check "run: a default port and another" 125 '--port and --default-port: give one' on_arm virt z-good --default-port 8081 --port 8082
check "run on xen: a disk for several guests" 125 '^fata run: --disk ../disk: several guests would write to it' on_arm xen z-good --disk ../disk --guests 2
check "run on xen: gdb" 125 '--gdb: not on xen: gdb would see' on_arm xen z-good --gdb
check "run on bpim2u: a port" 0 'allwinner-emac.phy-addr=1 -nic user,id=n0,hostfwd=tcp:127.0.0.1:8080-:80,model=allwinner-emac' \
    on_arm bpim2u z-good --port 8080 --dry-run
check "run on virt: no KVM" 125 'another CPU' on_arm virt z-good --accel kvm
check "run on virt: an x86 image" 125 'ARM needs a zImage' on_arm virt exit7 --dry-run
check "run on microvm: a zImage" 125 'x86 needs an ELF file' on_arm microvm z-good --dry-run
check "run on virt: too little memory" 125 'takes memory up to 3 MiB' sh -c '
    python3 -c "
import struct, sys
n = 2 * 1024 * 1024
open(sys.argv[1], \"wb\").write((bytes(0x24) + struct.pack(\"<4I\", 0x016f2818, 0, n, 0x04030201)).ljust(n, b\"\\0\"))" "$2" &&
    "$1" run --on virt --image "$2" --memory 2M --dry-run' sh "$fata" "$work/img/z-2m"
check "run: without QEMU for ARM" 125 'apt-get install qemu-system-arm' env PATH=/nonexistent "$fata" run --image "$work/img/z-good" --on virt

# A QEMU that lacks a machine, and a newer one. Both are scripts.
cat >"$work/bin/qemu-system-arm" <<'EOF'
#!/bin/sh
[ "$2" != help ] || { echo 'Supported machines are:'; echo 'cubieboard  a board'; exit; }
echo 'it was started' >&2
exit 1
EOF
cat >"$work/bin/newer" <<'EOF'
#!/bin/sh
echo 'newer, fata: exit 5' | sed 's/.*, //'
EOF
printf '#!/bin/sh\necho fetching >&2\necho %s\n' "$work/bin/newer" >"$FATA/toolchain/newer-qemu"
: >"$FATA/build/dtb/sun8i-r40-bananapi-m2-ultra.dtb"
chmod +x "$work/bin/"* "$FATA/toolchain/newer-qemu"
older() { PATH=$work/bin:$PATH "$@"; }
check "run on bpim2u: an older QEMU gives way to a newer one" 5 'fetching' older on_arm bpim2u z-good
check "boards: what is to be fetched" 0 'bpim2u .*not here: .*lacks it; .fata run. fetches a newer one' older "$fata" boards
printf '#!/bin/sh\necho "error: no network" >&2\nexit 1\n' >"$FATA/toolchain/newer-qemu"
check "run on bpim2u: and there is no newer one" 125 'cannot run on bpim2u: .*does not know it' older on_arm bpim2u z-good
is "run on bpim2u: then nothing is started" not grep 'it was started' "$err"
mkdir "$FATA/build/qemu" && ln -s "$work/bin/newer" "$FATA/build/qemu/qemu-system-arm"
check "run on bpim2u: what was fetched is used" 5 '' older on_arm bpim2u z-good
check "boards: what was fetched is there" 0 'bpim2u .*ready' older "$fata" boards
rm -r "$FATA/build/qemu"
check "run on cubieboard: its device tree is missing" 125 'sun4i-a10-cubieboard.dtb is missing' older on_arm cubieboard z-good

if ! command -v qemu-system-arm >/dev/null || ! command -v arm-none-eabi-gcc >/dev/null || ! command -v dtc >/dev/null; then
    count=$((count + 1))
    echo "ok $count - run on QEMU's ARM machines # SKIP qemu-system-arm, arm-none-eabi-gcc or dtc is not installed"
    return
fi
dtc -q -I dts -O dtb -o "$FATA/build/dtb/sun4i-a10-cubieboard.dtb" "$here/../../bsp/cubieboard2/dts/sun4i-a10-cubieboard.dts"

# arm_guest NAME TEXT UART [FLAGS...]: prints TEXT and halts; with -DOFF, after PSCI's SYSTEM_OFF.
cat >"$work/src/arm.S" <<'EOF'
    .syntax unified
    .arch armv7-a
    .arch_extension virt
    .arm
    .globl start
start:
    .rept 8
    nop
    .endr
    b 1f
    .word 0x016f2818, 0, end - start, 0x04030201
1:  ldr r0, =UART
    adr r1, text
2:  ldrb r2, [r1], #1
    cmp r2, #0
    strne r2, [r0]
    bne 2b
    ldr r0, =0x84000008
#ifdef OFF
    hvc #0
#endif
3:  wfi
    b 3b
    .ltorg
text:
    .asciz TEXT
    .balign 4
end:
EOF
arm_guest() {
    name=$1 text=$2 uart=$3
    shift 3
    arm-none-eabi-gcc -c -DTEXT="\"$text\"" -DUART="$uart" "$@" "$work/src/arm.S" -o "$work/img/$name.o" &&
        arm-none-eabi-ld -Ttext=0 -e start "$work/img/$name.o" -o "$work/img/$name.elf" &&
        arm-none-eabi-objcopy -O binary "$work/img/$name.elf" "$work/img/$name"
}
arm_guest arm-off 'hello\nfata: exit 7\n' 0x09000000 -DOFF
arm_guest arm-halts 'hello\nfata: exit 7\n' 0x01c28000
arm_guest arm-more 'fata: exit 7\nmore\n' 0x01c28000
printf 'hello\nfata: exit 7\n' >"$work/want"
for size in 2M 32M 1G; do
    check "run on virt, $size: the record's status" 7 '' on_arm virt arm-off --memory $size --timeout 20
done
on_arm virt arm-off --timeout 20 >"$work/got" 2>"$err"
is "run on virt: the console alone, and nothing is said of the status" sh -c 'cmp "$1" "$2" && [ ! -s "$3" ]' sh "$work/want" "$work/got" "$err"
on_arm virt arm-off --disk ../disk --timeout 20 -- x >"$work/got" 2>"$err"
is "run on virt: with a disk" cmp "$work/want" "$work/got"
on_arm cubieboard arm-halts --timeout 20 >"$work/got" 2>"$err"
is "run on cubieboard: a guest that halts ends the run, and QEMU says nothing" sh -c 'cmp "$1" "$2" && [ ! -s "$3" ]' sh "$work/want" "$work/got" "$err"
in_time() { # a busy machine may take two seconds to begin
    for try in 1 2 3 4 5; do
        on_arm cubieboard arm-halts --timeout 2
        status=$?
        [ $status = 124 ] || break
    done
    return $status
}
check "run on cubieboard: the record's status, before 2 seconds of silence" 7 '' in_time
check "run on cubieboard: more after the record" 124 'more' on_arm cubieboard arm-more --timeout 5
check "run of an ARM ELF file: the image is named" 125 "for debuggers, what boots was made of it: $work/img/arm-off\$" on_arm virt arm-off.elf
check "inspect of an ARM ELF file: the image is named" 1 "what boots was made of it: $work/img/arm-off\$" "$fata" inspect "$work/img/arm-off.elf"
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
check "run --gdb on virt: the debugger is one for ARM" 143 "^    gdb-multiarch .*arm-off.elf -ex 'target remote :$port'" \
    timeout --preserve-status 3 "$fata" run --image "$work/img/arm-off" --on virt --gdb "$port"
check "run --gdb on virt: without it" 125 'gdb-multiarch is not installed' sh -c '
    ln -sf "$(command -v qemu-system-arm)" "$2/qemu-system-arm" && PATH=$2 exec "$1" run --image "$3" --on virt --gdb' sh "$fata" "$work/bin" "$work/img/arm-off"

# Addresses: of a Thumb function, odd and even.
arm-none-eabi-gcc -mthumb -march=armv7-a -g -O1 -c "$work/src/crashed.c" -o "$work/img/crashed-arm.o"
arm_guest thumb-code 'fata: at 0x40201001\nfata: at 0x40201000\nfata: exit 134\n' 0x09000000 -DOFF
cat >"$work/src/thumb.ld" <<'EOF'
SECTIONS {
    .text 0x40200000 : { *thumb-code.o(.text) . = 0x1000; *crashed-arm.o(.text) }
    /DISCARD/ : { *(.ARM.exidx*) *(.ARM.extab*) *(.comment) }
}
EOF
arm-none-eabi-ld -T "$work/src/thumb.ld" -e start -o "$work/img/thumb.elf" "$work/img/thumb-code.o" "$work/img/crashed-arm.o" &&
    arm-none-eabi-objcopy -O binary "$work/img/thumb.elf" "$work/img/thumb"
(cd "$work" && on_arm virt thumb --timeout 20) >"$out" 2>"$err"
is "run on virt: Thumb addresses get their source lines" test "$(grep -c '^    deepest at src/crashed.c:3$' "$out")" -eq 2
is "run: no QEMU for ARM is left" gone
