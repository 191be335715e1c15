# What tests/xen/run has done in another dom0, by `fata run --on xen --shell`: a guest's life: ended and begun anew on its
# owner's word; on x86, saved and restored with connections open. Its output is in sections, each after a line "## NAME".
# In the current folder is the image "life". `saves` is how often it is saved.
# SPDX-License-Identifier: ISC
console=/var/log/xen/console/guest-life.log
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
sed "s|^name = .*|name = \"life\"|; s|^kernel = .*|kernel = \"$PWD/life\"|; s|^memory = .*|memory = 16|
	/^cmdline/d; /^vif/d; /^disk/d" /var/lib/fata/hello.cfg >life.cfg
cat >>life.cfg <<'END'
cmdline = "--ip=10.0.0.2/24"
vif = ['script=vif-alone,mac=00:16:3e:00:00:02']
END

# up: until the guest answers.
up() {
	tries=300
	until ping -c 1 -W 1 10.0.0.2 >/dev/null 2>&1 || [ $((tries -= 1)) = 0 ]; do
		usleep 100000
	done
}
# gone: until xl has taken the guest away.
gone() {
	tries=300
	while xl domid life >/dev/null 2>&1 && [ $((tries -= 1)) -gt 0 ]; do
		usleep 100000
	done
}
figures() {
	wget -q -O - http://10.0.0.2/figures
}
# dated: the figures, with the dom0's time before and behind them.
dated() {
	before_s=$(date +%s)
	now=$(figures)
	echo "from $before_s to $(date +%s) $now"
}

echo "## shutdown"
xl create -q life.cfg >/dev/null 2>&1
up
xenstore-ls -f | grep -c '/control/feature-.* = "1"'
wget -q -O slow http://10.0.0.2/slow &
tries=300
until [ -s slow ] || [ $((tries -= 1)) = 0 ]; do
	usleep 100000
done
xl shutdown -w life | tail -n 1
wait
cat slow $console
gone

echo "## reboot"
rm $console
xl create -q life.cfg >/dev/null 2>&1
up
first=$(xl domid life)
[ "$(uname -m)" = x86_64 ] || {
	xenstore-write "/local/domain/$first/control/shutdown" suspend
	usleep 500000
	xenstore-write "/local/domain/$first/control/shutdown" nonsense
	usleep 500000
}
xl reboot life
tries=300
until now=$(xl domid life 2>/dev/null) && [ "$now" != "$first" ] || [ $((tries -= 1)) = 0 ]; do
	usleep 100000
done
up
figures
cat $console

[ "$(uname -m)" = x86_64 ] || {
	echo "## end"
	exit
}

# ports: how many event channels Xen has open for the guest, and grants that it has given.
ports() {
	xl dmesg -c >/dev/null
	xl debug-keys eg
	xl dmesg | awk -v domain="$(xl domid life)" '
		/Event channel information for domain/ { here = $NF == domain ":" }
		/gnttab_usage_print/ || /grant-table for remote d/ { here = 0; grants = $0 ~ "d" domain " " }
		here && /^\(XEN\) +[0-9]+ \[/ { events++ }
		grants && /^\(XEN\) \[0x/ { given++ }
		END { print "events", events, "grants", given }'
}

echo "## save"
rm $console
# Numbers go to the guest and come back, on one connection, for as long as this goes on.
(
	n=0
	until [ -f stop ]; do
		seq $((n + 1)) $((n += 500))
		echo $n >count
		usleep 20000
	done
) | nc 10.0.0.2 7 >back &
pump=$!
# So do questions and answers, on another.
(
	n=0
	until [ -f stop ]; do
		printf 'GET /figures HTTP/1.1\r\nHost: h\r\n\r\n'
		echo $((n += 1)) >asked
		sleep 2
	done
) | nc 10.0.0.2 80 >answers &
asking=$!
cycle=0
while [ $((cycle += 1)) -le "$saves" ]; do
	sleep 1
	before=$(cat count)
	xl save life file >/dev/null 2>&1 || echo "cannot be saved"
	xl restore file >/dev/null 2>&1 || echo "cannot be restored"
	up
	# Linux tries again later and later what it could not send meanwhile: it need not have come to that.
	tries=100
	until [ "$(cat count)" -gt $((before + 2000)) ] || [ $((tries -= 1)) = 0 ]; do
		usleep 100000
	done
	echo "cycle $cycle: $(dated)"
	case $cycle in 1 | "$saves") ports ;; esac
done
xl save -c life file >/dev/null 2>&1 || echo "cannot be copied"
echo "copied: $(dated)"
touch stop
wait $pump
wait $asking
seq 1 "$(cat count)" | cmp - back && [ "$(cat count)" -gt 10000 ] && echo "all numbers came back"
[ "$(grep -c '^figures' answers)" = "$(cat asked)" ] && [ "$(cat asked)" -gt 5 ] && echo "all answers came"
cat $console

echo "## twice"
xl destroy life
for i in 1 2; do
	xl restore file >/dev/null 2>&1
	up
	figures
	xl destroy life
done

echo "## end"
