# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
# For tests in L1 that migrate a guest with a VF. Source it after lib.sh.
#
# The guest talks to the virtual host, which has an interface of its own on the
# network (machine: migration).

PF=0000:01:00.0
MAC=02:00:00:00:00:01
GUEST_IP=10.0.0.10 PEER_IP=10.0.0.1

# mig_run GUEST COMMAND : in the guest, on whichever host it is
mig_run() {
	if [ -e "$l2_dir/$1" ]; then
		l2_run "$@"
	else
		other "l2_run $(printf '%q ' "$@")"
	fi
}

# mig_setup COUNT : VFs, of which 0 and 1 are migratable; VF 0 has the address of
# the guest, which takes it along
mig_setup() {
	local n
	ours i82576 i82576-vfio-pci
	vfs $PF "$1"
	devlink port function set "$(vf_port $PF 0)" hw_addr $MAC
	for n in 0 1; do mig_activate $n; done
}

mig_activate() { # VF
	local port
	port=$(vf_port $PF "$1")
	devlink port function set "$port" migratable enable
	devlink port function set "$port" state active
	wait_for 5 sh -c "devlink port show $port | grep -q 'opstate attached'"
}

# mig_peer [ADDRESS] : the host has an address on the network, and nothing that the
# last test left there
mig_peer() {
	modprobe virtio_net
	wait_for 10 test -e $pci/0000:00:05.0/virtio*/net
	peer=$(ls $pci/0000:00:05.0/virtio*/net)
	ip -o link show type vlan | cut -d: -f2 | cut -d@ -f1 | xargs -r -n1 ip link del
	ip addr flush dev "$peer"
	ip link set "$peer" mtu 1500 up
	ip addr add "${1:-$PEER_IP}/24" dev "$peer"
}

# mig_devices VF... : what a guest with these VFs is made of, the same on both sides;
# by way of iommufd and the device's own file if $mig_iommufd
mig_devices() {
	local n i=0 by=
	[ -z "${mig_iommufd-}" ] || devices+=(-object iommufd,id=iommufd0) by=,iommufd=iommufd0
	for n; do
		devices+=(-device "pcie-root-port,id=rp$i,bus=pcie.0,addr=$((5 + i)),slot=$((1 + i)),chassis=$((1 + i))"
			-device "vfio-pci,host=$(vf_bdf $PF "$n"),bus=rp$i,addr=0,id=vf$i,enable-migration=on$by")
		i=$((i + 1))
	done
}

# mig_guest NAME VF [QEMU argument...] : boot a guest that has the network
mig_guest() {
	local name=$1 devices=()
	mig_devices "$2"
	shift 2
	l2_start "$name" "${devices[@]}" "$@"
	l2_run "$name" "ip link set eth0 up; ip addr add $GUEST_IP/24 dev eth0"
	wait_for 20 l2_run "$name" "ping -c1 -W1 $PEER_IP"
}

# mig_incoming NAME VF [URI] : a QEMU that waits for a guest
mig_incoming() {
	local name=$1 devices=()
	mig_devices "$2"
	l2_spawn "$name" "${devices[@]}" -incoming "${3:-unix:/run/l2-$name.sock}"
	wait_for 20 l2_status "$name" inmigrate || {
		cat "$l2_dir/$name/qemu.log"
		return 1
	}
}

l2_status() { # NAME STATUS
	local answer
	answer=$(l2_qmp "$1" '{"execute":"query-status"}') || return
	[[ $answer == *"\"status\": \"$2\""* ]]
}

mig_status() { # NAME
	local answer
	answer=$(l2_qmp "$1" '{"execute":"query-migrate"}') || return
	[[ $answer =~ \"status\":\ \"([a-z-]+)\" ]] && echo "${BASH_REMATCH[1]}" || echo none
}

mig_begin() { # FROM TO [URI]
	l2_qmp "$1" '{"execute":"migrate-set-parameters","arguments":
		{"downtime-limit":'"${MIG_DOWNTIME:-2000}"',"max-bandwidth":'"${MIG_BANDWIDTH:-0}"'}}' >/dev/null
	l2_qmp "$1" '{"execute":"migrate","arguments":{"uri":"'"${3:-unix:/run/l2-$2.sock}"'"}}' >/dev/null
}

# mig_dawdle FROM TO : begin, and stay in pre-copy for long
mig_dawdle() {
	MIG_BANDWIDTH=2000000 mig_begin "$@"
	wait_for 20 mig_dirty "$1"
}

# mig_dirty NAME [PASSES] : has it been over the memory so often?
mig_dirty() {
	local answer
	answer=$(l2_qmp "$1" '{"execute":"query-migrate"}') || return
	[[ $answer =~ \"dirty-sync-count\":\ ([0-9]+) ]] && [ "${BASH_REMATCH[1]}" -ge "${2:-1}" ]
}

mig_capability() { # NAME CAPABILITY true|false
	l2_qmp "$1" '{"execute":"migrate-set-capabilities","arguments":{"capabilities":
		[{"capability":"'"$2"'","state":'"$3"'}]}}' >/dev/null
}

# mig_continue NAME : from the pause before the switchover
mig_continue() {
	l2_qmp "$1" '{"execute":"migrate-continue","arguments":{"state":"pre-switchover"}}' >/dev/null
}

mig_ended() { # NAME STATUS...
	local s want
	s=$(mig_status "$1")
	shift
	for want; do [ "$s" != "$want" ] || return 0; done
	return 1
}

# mig_move FROM TO [URI] : and tell how long it took (all of it: $mig_answer); FROM is
# gone afterwards
mig_move() {
	mig_begin "$@"
	mig_finish "$@"
}

mig_finish() { # FROM TO [URI]
	local name=$1
	wait_for "${MIG_WAIT:-120}" mig_ended "$name" completed failed ||
		{ l2_qmp "$name" '{"execute":"query-migrate"}'; return 1; }
	mig_answer=$(l2_qmp "$name" '{"execute":"query-migrate"}')
	jq -c '.return | {status, total: ."total-time", downtime, pages: .ram.normal,
		sync: .ram."dirty-sync-count"}' <<<"$mig_answer"
	[ "$(mig_status "$name")" = completed ] || {
		cat "$l2_dir/$name/qemu.log" "$l2_dir/$2/qemu.log"
		return 1
	}
	mig_quit "$name"
	[ -n "${3-}" ] || wait_for 30 l2_status "$2" running
}

mig_quit() { # NAME : end of a QEMU whose guest has left
	local pid
	pid=$(cat "$l2_dir/$1/pid")
	l2_qmp "$1" '{"execute":"quit"}' >/dev/null 2>&1 || :
	wait_for 20 sh -c "! kill -0 $pid" || kill -9 "$pid"
	rm -rf "${l2_dir:?}/$1"
}

mig_kill() { # NAME : if it has not ended by itself
	kill -9 "$(cat "$l2_dir/$1/pid")" 2>/dev/null || :
	rm -rf "${l2_dir:?}/$1"
}

# mig_talk NAME : the guest and the host say numbers to each other from now on, on
# one TCP connection, while the host pings
mig_talk() {
	python3 /src/tests/guest/peer.py talk 5001 >/tmp/talk 2>&1 &
	talk=$!
	wait_for 30 sh -c 'ss -ltn | grep -q :5001'
	l2_run "$1" "(i=10000000; while [ ! -e /tmp/enough ]; do
		echo \$i; i=\$((i+1)); usleep 100000; done; echo end) |
		(nc $PEER_IP 5001 >/tmp/heard) >/dev/null 2>&1 &"
	wait_for 20 sh -c 'ss -tn state established | grep -q :5001' ||
		{ l2_run "$1" 'netstat -tn'; fail "the guest does not connect"; }
	ping -i 0.5 $GUEST_IP >/tmp/ping &
	ping=$!
}

# mig_talked NAME : all numbers came through, in both directions
mig_talked() {
	mig_run "$1" 'touch /tmp/enough'
	wait $talk || { cat /tmp/talk; fail "what the guest said is not in order"; }
	cat /tmp/talk
	# The last line may be cut off where the connection ended.
	mig_run "$1" "sed '\$d' /tmp/heard | awk '\$1 != 10000000 + NR - 1 { exit 1 }
		END { if (NR < 50) exit 1 }'" || fail "what the guest heard is not in order"
	kill -INT $ping
	wait_for 5 sh -c "! kill -0 $ping" || kill $ping
	tail -n 3 /tmp/ping
}

# mig_relink NAME : the guest takes its interface down and up again, and has a link
mig_relink() {
	mig_run "$1" 'ip link set eth0 down; ip link set eth0 up'
	wait_for 10 mig_run "$1" 'grep 1 /sys/class/net/eth0/carrier'
}

# mig_log NAME : what the guest's kernel says of its interface and itself
mig_log() {
	mig_run "$1" "dmesg | grep -iE 'igbvf|eth0|WARN|BUG|Oops|lockup|stall' || :"
}

# mig_unnoticed NAME : it says what it said when /tmp/log was written
mig_unnoticed() {
	mig_log "$1" | diff /tmp/log - && return
	devlink health diagnose "pci/$PF" reporter device
	fail "the guest's kernel noticed"
}

# mig_counter NAME FIELD : one of the interface's counters in the guest
mig_counter() { mig_run "$1" "cat /sys/class/net/eth0/statistics/$2"; }
