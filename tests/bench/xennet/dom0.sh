# What `run xen-net` has done in the dom0, by `fata run --on xen --shell`: two guests that serve the same site, ours and Linux with
# nginx, asked by one client here, in turns. Each line that counts is "WHAT WHO BYTES SECONDS CPU-SECONDS", WHO being fata or
# linux. In the current folder are client, work (an image), kernel, linux.cpio, and settings, which says how much of what.
# SPDX-License-Identifier: ISC
base=$(echo /var/lib/fata/*.cfg)
. ./settings

for module in xen-netback xen-blkback loop; do
	modprobe $module
done
cat >/etc/xen/scripts/vif-alone <<'END'
#!/bin/busybox sh
# The toolstack's script of a network device: its own end has an address and no bridge. Who is not there yet is asked for often.
[ "$1" = online ] || exit 0
echo 20 >/proc/sys/net/ipv4/neigh/"$vif"/retrans_time_ms
ip addr add "$(xenstore-read "$XENBUS_PATH/ip")/24" dev "$vif"
ip link set "$vif" up
xenstore-write "$XENBUS_PATH/hotplug-status" connected
END
chmod 755 /etc/xen/scripts/vif-alone

# Each of those with a disk has one of its own, in the dom0's memory.
for number in 0 1; do
	dd if=/dev/zero of=disk$number bs=1M count="$disk" 2>/dev/null
	losetup /dev/loop$number disk$number
done

# config NAME KERNEL MIB NUMBER ARGUMENTS: NAME.cfg, made of the image's; its network is 10.0.NUMBER.0/24.
config() {
	sed "s|^name = .*|name = \"$1\"|; s|^kernel = .*|kernel = \"$2\"|; s|^memory = .*|memory = $3|; /^cmdline/d" "$base" >"$1.cfg"
	echo "cmdline = \"$5\"
vif = ['script=vif-alone,ip=10.0.$4.1']" >>"$1.cfg"
}

# both WHAT WORDS...: the client's words for the guests in turns, three times; DOMAIN and ADDRESS in them are the guest's.
both() {
	what=$1
	shift
	for round in 1 2 3; do
		for who in fata linux; do
			case $who in fata) domain=$fata address=10.0.1.2 ;; linux) domain=$linux address=10.0.2.2 ;; esac
			command=$1
			shift
			echo "$what $who $(./client "$command" "$domain" $address "$@")"
			set -- "$command" "$@"
		done
	done
}

web=$(sed -n 's/^kernel = "\(.*\)"$/\1/p' "$base")
config web "$web" 32 1 "--ip=10.0.1.2/24"
config linux "$PWD/kernel" 256 2 "console=hvc0 quiet mitigations=off lsm= cryptomgr.notests"
echo "ramdisk = \"$PWD/linux.cpio\"
disk = ['phy:/dev/loop0,xvda,w']" >>linux.cfg
config work "$PWD/work" 32 1 "--ip=10.0.1.2/24"
echo "disk = ['phy:/dev/loop1,xvda,w']" >>work.cfg

for round in 1 2 3; do
	echo "first fata $(./client first 10.0.1.2 /small.html xl create -q web.cfg)"
	[ $round = 3 ] || xl destroy web
done
echo "first linux $(./client first 10.0.2.2 /small.html xl create -q linux.cfg)"
fata=$(xl domid web) linux=$(xl domid linux)
both request pages /small.html "$requests"
both send pages /large.bin "$files"
xl destroy web
xl create -q work.cfg
fata=$(xl domid work)
both receive work sink "$bytes"
both read work read 1048576 1 "$large"
both write work write 1048576 1 "$large"
for how in read write; do
	both rand$how work rand$how 4096 1 "$small"
	both rand$how-many work rand$how 4096 32 "$small"
done
echo end
