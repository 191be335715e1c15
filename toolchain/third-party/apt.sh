# Debian's archive through a private apt state: no root, nothing of the machine's own apt changes. Which archive is what the
# machine's apt uses. Sourced after common.sh, by what fetches: third-party/fetch (sources), newer-qemu and xen (packages).
# SPDX-License-Identifier: ISC

keyring=/usr/share/keyrings/debian-archive-keyring.gpg

# The Debian archives that this machine's apt uses, best first: "rank URI suite", as written in its sources. Known by the
# origin where apt has an index, else by looks: the signature decides later.
host_archives() {
	for option in --release-info --no-release-info; do # the former shows only what apt has an index of
		apt-get indextargets $option --format '$(ORIGIN)|$(COMPONENT)|$(RELEASE)|$(REPO_URI)' 2>/dev/null
	done |
		awk -F'|' '$2 == "main" && $3 != "" {
			print ($1 == "Debian" ? 1 : $4 ~ /debian/ ? 2 : 3), $4, $3 }' | sort -u
}

# Sets `main` to the URIs of Debian's archive, best first, and `security` to that of its security archive, or to nothing.
find_archives() {
	archives=$(host_archives)
	main=$(echo "$archives" | awk '$2 $3 ~ /security/ { next } !best { best = $1 } $1 == best { print $2 }' | uniq)
	security=$(echo "$archives" | awk '$3 ~ /-security$/ { print $2; exit }')
	[ -n "$main" ] || die "this machine's apt has no Debian archive with the component 'main' configured: see /etc/apt/sources.list and /etc/apt/sources.list.d"
	[ -r $keyring ] || die "$keyring is missing: run $(dirname "$here")/setup"
}

# configure_apt FOLDER: the private state, in `apt`: apt's whole configuration of this machine (proxies and the like), but
# with sources, lists and caches of its own, and without what the machine does after an update.
configure_apt() {
	apt=$1
	mkdir -p "$apt/lists/partial" "$apt/cache/archives/partial" "$apt/state"
	: >"$apt/status"
	# Sources of a fixed date (snapshots) say that an old index is wanted: then it is for us too.
	eval "$(apt-config shell list Dir::Etc::sourcelist/f parts Dir::Etc::sourceparts/d)"
	fixed_date=false
	! grep -riqsE '^[^#]*check-valid-until *[:=] *(no|false)' "$list" "$parts" || fixed_date=true
	cat >"$apt/apt.conf" <<EOF
#clear APT::Update;
Dir::Etc::sourcelist "$apt/sources.list";
Dir::Etc::sourceparts "/dev/null";
Dir::Etc::preferences "/dev/null";
Dir::Etc::preferencesparts "/dev/null";
Dir::State "$apt/state";
Dir::State::lists "$apt/lists";
Dir::State::status "$apt/status";
Dir::Cache "$apt/cache";
APT::Sandbox::User "$(id -un)";
APT::Get::AllowUnauthenticated "false";
Acquire::AllowInsecureRepositories "false";
Acquire::AllowWeakRepositories "false";
Acquire::AllowDowngradeToInsecureRepositories "false";
Acquire::Languages "none";
Acquire::GzipIndexes "true";
Acquire::Retries "2";
EOF
	! $fixed_date || echo 'Acquire::Check-Valid-Until "false";' >>"$apt/apt.conf"
}

# apt_failed WHAT: ends with what apt said, and the likely remedy.
apt_failed() {
	say "$(grep -E '^(E|W|Err|  )' "$apt/log" | grep -v 'Some index files failed' | sort -u | head -n 12)"
	if grep -q 'NO_PUBKEY\|not signed\|signature' "$apt/log"; then
		die "$1: its signature cannot be verified. Check that the package debian-archive-keyring is up to date (apt-get install debian-archive-keyring) and that $uri is a Debian archive"
	fi
	die "$1 from $uri. Check the network, the proxy and this machine's apt sources (does 'apt-get update' work?), then try again"
}
