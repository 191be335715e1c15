# What `run xen` has done in the dom0, by `fata run --on xen --shell`: guests, one after the other. For each it prints "NAME
# SECONDS", from `xl create` to the guest's first line of its own, which begins with "Hello"; and "xl SECONDS" for a guest that
# is created but not started. In the current folder is Debian's vmlinuz.
# SPDX-License-Identifier: ISC
base=/var/lib/fata/hello.cfg
consoles=/var/log/xen/console

# now: the kernel's clock, in nanoseconds (/proc/uptime has hundredths of a second).
now() {
	while read -r word _ ns _; do
		[ "$word" != now ] || break
	done </proc/timer_list
	echo "$ns"
}

# say NAME START END: two such times, in seconds.
say() {
	awk -v name="$1" -v start="$2" -v end="$3" 'BEGIN { printf "%s %.6f\n", name, (end - start) / 1e9 }'
}

# first_line NAME CONFIG: xenconsoled's log of the guest is a pipe here, so the line is here as soon as it has it.
first_line() {
	mkfifo $consoles/guest-$1.log
	start=$(now)
	xl create -F "$2" >/dev/null 2>&1 &
	while read -r line; do
		case $line in Hello*) end=$(now) ;; esac
	done <$consoles/guest-$1.log
	wait
	rm $consoles/guest-$1.log
	say "$1" "$start" "$end"
}

mkdir -p linux/dev
cp /bin/busybox linux
printf '#!/busybox sh\necho Hello from Linux\n/busybox poweroff -f\n' >linux/init
chmod 755 linux/init
(cd linux && find . | cpio -o -H newc 2>/dev/null) >linux.cpio
# (The tool was given memory for both.)
sed "s|^memory = .*|memory = 32|" $base >hello.cfg
sed "s|^name = .*|name = \"linux\"|; s|^kernel = .*|kernel = \"$PWD/vmlinuz\"|; s|^memory = .*|memory = 128|; /^cmdline/d" $base >linux.cfg
echo "cmdline = \"console=hvc0 quiet\"
ramdisk = \"$PWD/linux.cpio\"" >>linux.cfg
first_line hello hello.cfg
first_line linux linux.cfg
first_line hello hello.cfg
first_line hello hello.cfg
for round in 1 2 3; do
	start=$(now)
	xl create -q -p hello.cfg 2>/dev/null
	end=$(now)
	xl destroy hello
	say xl "$start" "$end"
done
