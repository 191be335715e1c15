# What tests/xen/run has done with a disk in a dom0, by `fata run --on xen --shell`: the guest "disk" works on it while it is
# taken away and given back, `leaves` times.
# SPDX-License-Identifier: ISC
console=/var/log/xen/console/guest-disk.log
disk=format=raw,vdev=xvda,access=rw,target=/dev/fata/disk0

# until_there COUNT TEXT: until the console has so many such lines, or a minute has passed.
until_there() {
	tries=600
	until [ "$(grep -c "$2" $console 2>/dev/null)" -ge "$1" ] || [ $((tries -= 1)) = 0 ]; do
		usleep 100000
	done
}

echo "## cycles"
xl create -q /var/lib/fata/disk.cfg >/dev/null 2>&1
until_there 1 '^the disk may leave'
domain=$(xl domid disk)
cycle=0
while [ $((cycle += 1)) -le "$leaves" ]; do
	usleep 200000
	xl block-detach disk xvda && ! xenstore-read "/local/domain/$domain/device/vbd/51712/state" 2>/dev/null &&
		xl block-attach disk $disk && echo "cycle $cycle"
done
[ "$(uname -m)" != x86_64 ] || {
	xl save disk saved >/dev/null 2>&1 && xl restore saved >/dev/null 2>&1 && echo "saved and restored"
	rm -f saved
	domain=$(xl domid disk)
	sleep 2
}
usleep 200000
echo >"$(xenstore-read "/local/domain/$domain/console/tty")"
until_there 1 '^fata: exit'
sleep 1
echo "## leaves"
cat $console

# once MODE: another guest with the disk, to its end.
once() {
	echo "## $1"
	sed -i "s|^cmdline = .*|cmdline = \"--mode=$1\"|; s|access=rw|$2|" /var/lib/fata/disk.cfg
	rm $console
	xl create -F /var/lib/fata/disk.cfg >/dev/null 2>&1
	cat $console
}
once write access=rw
once ro access=ro
echo "## end"
