# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
# For tests in L1: waiting, skipping, PCI functions, devlink ports, modules.

. "$LAB/l2.sh"
. "$LAB/faults.sh"

skip() { echo "skip: $*"; exit 77; }
fail() { echo "FAILED: $*"; exit 1; }

# wait_for SECONDS CMD... : until CMD succeeds
wait_for() {
	local end=$((SECONDS + $1 * LAB_SLOW))
	shift
	until "$@" >/dev/null 2>&1; do
		[ $SECONDS -lt $end ] || { echo "waited in vain for: $*"; return 1; }
		sleep 0.2
	done
}

# refused PATTERN CMD... : CMD must fail and say something that matches
refused() {
	local pattern=$1 said
	shift
	if said=$("$@" 2>&1); then
		fail "should have been refused: $*"
	fi
	grep -qiE -- "$pattern" <<<"$said" || fail "$*: refused with: $said"
	echo "refused as it should: $said"
}

# other COMMAND [SECONDS] : the same in the second host (machine pair); shows what it
# says and returns its exit status, 124 if there is none in time
other() {
	local n end=$((SECONDS + ${2:-120} * LAB_SLOW))
	n=$(($(cat /run/orders 2>/dev/null || echo 0) + 1))
	echo $n >/run/orders
	printf '%s\n' "$1" >/out/second/order.tmp
	mv /out/second/order.tmp /out/second/order.$n
	until [ -e /out/second/done.$n ]; do
		[ $SECONDS -lt $end ] || { echo "the second host does not answer: $1"; return 124; }
		sleep 0.3
	done
	cat /out/second/answer.$n
	return "$(cat /out/second/done.$n)"
}

# --- PCI functions, by full address (0000:01:00.0) -------------------------
pci=/sys/bus/pci/devices

pci_driver() { basename "$(readlink "$pci/$1/driver" || echo none)"; }

pci_unbind() {
	[ ! -e "$pci/$1/driver" ] || echo "$1" >"$pci/$1/driver/unbind"
}

# pci_bind BDF DRIVER : give the function to DRIVER, whatever has it now
pci_bind() {
	[ -d "/sys/bus/pci/drivers/$2" ] || modprobe "$2"
	pci_unbind "$1"
	echo "$2" >"$pci/$1/driver_override"
	echo "$1" >/sys/bus/pci/drivers_probe
	[ "$(pci_driver "$1")" = "$2" ] || { echo "$1: not bound to $2"; return 1; }
}

# pci_release BDF : from any driver to none
pci_release() {
	pci_unbind "$1"
	echo >"$pci/$1/driver_override"
}

vf_bdf() { basename "$(readlink "$pci/$1/virtfn$2")"; }
vfs() { echo "$2" >"$pci/$1/sriov_numvfs"; }
iommu_group() { basename "$(readlink "$pci/$1/iommu_group")"; }

# --- devlink ----------------------------------------------------------------
# vf_port PF N : the devlink port of VF N, as devlink wants it named
vf_port() {
	devlink -j port show | jq -er --arg pf "pci/$1/" --argjson n "$2" \
		'.port | to_entries[] | select((.key | startswith($pf)) and
		 .value.flavour == "pcivf" and .value.vfnum == $n) | .key'
}

# port_get PORT FIELD : hw_addr, state, opstate, ... of a port function
port_get() {
	devlink -j port show "$1" | jq -er --arg f "$2" '.port[].function[$f]'
}

# vf_activate PF N MAC : and print where the function is
vf_activate() {
	local port
	port=$(vf_port "$1" "$2")
	devlink port function set "$port" hw_addr "$3"
	devlink port function set "$port" state active
	wait_for 5 sh -c "devlink port show $port | grep -q 'opstate attached'"
	vf_bdf "$1" "$2"
}

vf_deactivate() { devlink port function set "$(vf_port "$1" "$2")" state inactive; }

aux_dev() { # BDF : name of the auxiliary device below the function
	local d
	for d in "$pci/$1"/*/; do
		[ "$(readlink -f "$d/subsystem")" != /sys/bus/auxiliary ] ||
			{ basename "$d"; return; }
	done
	return 1
}

# --- modules ------------------------------------------------------------------
# ours_loaded MODULE... : loaded, and from updates/
ours() {
	local m
	for m; do
		modinfo -F filename "$m" | grep -q /updates/ ||
			{ echo "$m is not the one under test"; return 1; }
		modprobe "$m"
	done
}

# unload_ours : everything of the project, dependants first
unload_ours() {
	local m
	for m in vpc-importer i82576-vfio-pci igd-vfio-pci edu-vfio-pci vfio-pci i82576 \
		 vfio-pci-core; do
		[ ! -d "/sys/module/${m//-/_}" ] || modprobe -r "$m" || return
	done
}

# pristine : the state that every test begins with, whatever the last one left
pristine() {
	local d
	l2_stop_all
	pkill -f /src/tests/guest/peer.py || :
	[ ! -d /sys/module/vpc_fail ] || modprobe -r vpc_fail
	for d in /sys/bus/pci/devices/*/sriov_numvfs; do
		[ ! -e "$d" ] || [ "$(cat "$d")" = 0 ] || echo 0 >"$d"
	done
	for d in "$pci"/*/driver_override; do
		[ "$(cat "$d")" = '(null)' ] || pci_release "$(basename "${d%/*}")"
	done
	unload_ours
}

# --- kernel log ---------------------------------------------------------------
log_mark() { echo "lab-mark: $1" >/dev/kmsg; }
log_since() { dmesg | awk '/lab-mark: / { said = "" } { said = said $0 "\n" } END { printf "%s", said }'; }

# logged PATTERN : the kernel has said that since the mark. Not by grep -q at the end
# of a pipe: who is cut off there fails, and with it the pipe.
logged() { log_since | grep -a -- "$1" >/dev/null; }

# log_check [PATTERN] : nothing in the log since the mark that should worry
# anybody, but for lines that match PATTERN, which the test provokes
log_check() {
	local bad='WARNING:|BUG:|Oops|Call Trace|KASAN|UBSAN|refcount_t:'
	bad+='|possible (circular|recursive) locking|suspicious RCU|INFO: task .* blocked'
	bad+='|self-detected stall|detected stalls|general protection|unreferenced object'
	bad+='|DMAR:.*fault|scheduling while atomic|sysfs: cannot create|kobject_add_internal'
	! log_since | grep -aE -- "$bad" | grep -avE -- "${1:-^\$}" ||
		{ echo "FAILED: the kernel log says the above"; return 1; }
}

# --- programs of tests/uapi ---------------------------------------------------
# uapi PROGRAM ARGUMENT... : run it, its results named after it; never ends the
# test by itself, so that several can follow each other: end with uapi_done
uapi_failed=0
uapi() {
	local status=0 prog=$1
	shift
	timeout -k 5 "$((${UAPI_LIMIT:-60} * LAB_SLOW))" "$UAPI/$prog" "$@" >/tmp/uapi.out 2>&1 || status=$?
	sed -E "s/^((not )?ok [0-9]+)( -)? /\1 - $prog: /" /tmp/uapi.out
	# 4: everything was skipped, and is counted as that.
	[ $status != 4 ] || return 0
	if [ $status != 0 ] && ! grep -q '^not ok' /tmp/uapi.out; then
		echo "not ok 0 - $prog: ended with status $status"
	fi
	[ $status = 0 ] || uapi_failed=1
}
uapi_done() { return $uapi_failed; }
