# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
# For benchmarks in L1 whose figures are series of measurements: source it after
# lib.sh.

results=/out/results
: >$results

# note SERIES VALUE
note() { echo "$1 $2" >>$results; echo "  $1: $2"; }

# values SERIES : in the order in which they were noted
values() { awk -v s="$1" '$1 == s { print $2 }' $results; }
series() { values "$1" | sort -g; }
median() { series "$1" | awk '{ v[NR] = $1 } END { print NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'; }
span() { series "$1" | awk 'NR == 1 { a = $1 } { b = $1 } END { print a " to " b }'; }

# bulk GUEST PEER SERIES : megabytes a second from and to the guest, by TCP
bulk() {
	local rate way does peer_pid mb=${BULK_MB:-16}
	for way in from to; do
		python3 /src/tests/guest/peer.py bulk-$way 5003 "$mb" >/tmp/bulk &
		peer_pid=$!
		wait_for 30 sh -c 'ss -ltn | grep -q :5003'
		does=send
		[ $way = from ] || does=receive
		l2_run "$1" "bulk $2 5003 $does $mb" 120
		wait $peer_pid
		rate=$(cat /tmp/bulk)
		note "$3.$way" "$rate"
	done
}
