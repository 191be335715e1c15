# What tests/xen/run has done in one dom0, by `fata run --on xen --shell`: many guests, one after the other. Its output is in
# sections, each after a line "## NAME". In the current folder are the images that came along besides hello.
# SPDX-License-Identifier: ISC
base=/var/lib/fata/hello.cfg
consoles=/var/log/xen/console

# config NAME IMAGE ARGUMENTS: NAME.cfg, made of hello's, without its network device.
config() {
	sed "s|^name = .*|name = \"$1\"|; s|^kernel = .*|kernel = \"$2\"|; /^cmdline/d; /^vif/d" $base >"$1.cfg"
	echo "cmdline = \"$3\"" >>"$1.cfg"
}

# guest NAME IMAGE ARGUMENTS: one, to its end: its console, and how it ended.
guest() {
	config "$@"
	echo "## $1"
	guests "$1.cfg" 1 3>ended 4<>output </dev/null
	cat output ended
	rm output ended
}

# is KEY VALUE: whether Xenstore has it.
is() {
	[ "$(xenstore-read "$1" 2>/dev/null)" = "$2" ]
}

# patiently COMMAND...: until it succeeds, for 10 s; or says so.
patiently() {
	tries=100
	until "$@"; do
		[ $((tries -= 1)) -gt 0 ] || {
			echo "not so: $*"
			return
		}
		usleep 100000
	done
}

# answer COUNT TEXT: types a line to the guest "again", when it is ready for the COUNTth time.
answer() {
	tries=300
	until [ "$(grep -c '^ready' $consoles/guest-again.log 2>/dev/null)" = "$1" ] || [ $((tries -= 1)) = 0 ]; do
		usleep 100000
	done
	echo "$2" >"$(xenstore-read "/local/domain/$(xl domid again)/console/tty")"
}

# state: what would tell of something left: domains, memory, Xenstore, network and block devices, interrupts of the dom0's kernel,
# and Xen's tables of grants and event channels.
state() {
	xl info | grep free_memory
	xl list | awk '{ print $1, $2 }'
	xenstore-ls -f
	ls /sys/class/net /sys/class/block
	awk '{ print $1, $NF }' /proc/interrupts
	for key in g e; do
		xl dmesg -c >/dev/null
		xl debug-keys $key
		usleep 100000 # it is Xen's work of idle times
		xl dmesg
	done
}

# state_is FILE: whether it is so after a moment; it is in the file "state" then. What a guest had comes back by and by.
state_is() {
	usleep 500000
	state | sort -u >state
	cmp -s "$1" state
}

echo "## image"
sha256sum </var/lib/fata/hello
guest hello /var/lib/fata/hello ""
echo "## before"
tries=20
state | sort -u >before
until state_is before || [ $((tries -= 1)) = 0 ]; do
	mv state before
done
cat before
guest seven /var/lib/fata/hello --status=7
guest crash $PWD/faults --fault=null-read
guest reboot $PWD/console --mode=reboot

echo "## restart"
config again $PWD/console --mode=again
xl create -F again.cfg >/dev/null 2>&1 &
answer 1 reboot
answer 2 reboot
answer 3 bye
wait
cat $consoles/guest-again.log

echo "## net"
mkdir -p /etc/xen/scripts
cat >/etc/xen/scripts/vif-alone <<'END'
#!/bin/busybox sh
# The toolstack's script of a network device: its own end has an address and no bridge.
[ "$1" = online ] || exit 0
ip addr add 10.0.0.1/24 dev "$vif"
ip link set "$vif" up
xenstore-write "$XENBUS_PATH/hotplug-status" connected
END
chmod 755 /etc/xen/scripts/vif-alone
modprobe xen-netback
vif="script=vif-alone mac=00:16:3e:00:00:02"
config echo $PWD/echo --ip=10.0.0.2/24
echo "vif = ['$(echo $vif | tr ' ' ,)']" >>echo.cfg
dd if=/dev/urandom of=sent bs=1000 count=700 2>/dev/null
# exchange WHAT: everything sent comes back.
exchange() {
	tries=100
	until ping -c 1 -W 1 10.0.0.2 >/dev/null || [ $((tries -= 1)) = 0 ]; do
		usleep 100000
	done
	timeout 60 nc 10.0.0.2 7 <sent >back
	cmp sent back && echo "$1: all came back"
}
xl create -q echo.cfg >/dev/null 2>&1
exchange "the first time"
cycle=0
while [ $((cycle += 1)) -le 10 ]; do
	xl network-detach echo 0 && xl network-attach echo $vif && exchange "after re-attachment $cycle"
done
xl list echo | awk 'NR == 2 { print "still", $1 }'
cat $consoles/guest-echo.log
xl destroy echo

echo "## many"
config brief /var/lib/fata/hello ""
config long $PWD/echo ""
grep ^vif $base >>long.cfg
round=0
while [ $((round += 1)) -le 10 ]; do
	xl create -F brief.cfg >/dev/null 2>&1
	xl create -q long.cfg >/dev/null 2>&1
	# Every second guest goes while it connects, the others when they are connected.
	[ $((round % 2)) = 0 ] || patiently is "/local/domain/0/backend/vif/$(xl domid long)/0/state" 4
	xl destroy long && echo "round $round"
done
echo "## after"
tries=20
until state_is before || [ $((tries -= 1)) = 0 ]; do
	:
done
cat state

# No line end: what the tool is told of the status is seen behind it all the same.
printf "## end"
