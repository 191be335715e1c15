# What fetch and need share: messages, the cache folder, its lock, and a library's line in pins. Sourced, by scripts that
# have set `here` to the folder of this file.
# SPDX-License-Identifier: ISC

say() { printf '%s\n' "$*" >&2; }
die() {
	say "error: $*"
	exit 1
}

# Sets `cache` to the folder that all clones share. What is in it already may be read-only.
find_cache() {
	if [ -n "${FATA_CACHE:-}" ]; then
		cache=$FATA_CACHE
	elif [ -n "${XDG_CACHE_HOME:-}" ]; then
		cache=$XDG_CACHE_HOME/fata
	elif [ -n "${HOME:-}" ]; then
		cache=$HOME/.cache/fata
	else
		die "no folder for the cache of third-party libraries: set FATA_CACHE or HOME"
	fi
	case $cache in /*) ;; *) die "the cache folder must be an absolute path, not '$cache': see FATA_CACHE" ;; esac
	case $cache in *[!A-Za-z0-9/._+@-]*) die "the cache folder's path '$cache' has a character that build tools trip over (a space?): set FATA_CACHE to another folder" ;; esac
}

# Makes the cache's folder if needed. One fetch or build at a time, among all clones; held until the script ends. A script started by one that holds it goes on.
lock_cache() {
	[ "${FATA_CACHE_LOCKED:-}" != "$cache" ] || return 0
	mkdir -p "$cache" 2>/dev/null && [ -w "$cache" ] ||
		die "cannot write to the cache folder $cache: make it writable, or set FATA_CACHE to another folder"
	exec 9>"$cache/lock" || die "cannot write $cache/lock"
	flock -n 9 || {
		say "waiting for another build of third-party libraries to end (it holds $cache/lock)"
		flock 9
	}
	export FATA_CACHE_LOCKED="$cache"
	rm -rf "$cache/tmp" # what earlier ones left that failed or were killed
}

# read_pin NAME: sets package, version and sha256.
read_pin() {
	pin=$(awk -v name="$1" '$1 == name' "$here/pins")
	[ -n "$pin" ] || die "no library is called '$1'; there are: $(awk '!/^#/ { printf "%s ", $1 }' "$here/pins")"
	set -- $pin
	[ $# = 4 ] || die "$here/pins: the line of $1 does not have 4 fields"
	package=$2 version=$3 sha256=$4
}
